"""One client request's whole life: plan -> admit -> attempt* -> commit -> settle."""

import asyncio
import logging
from collections.abc import Awaitable
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, structs

from uni_api.accounts import Ask, Came, Pass, tokens_in
from uni_api.canon import Losses, Request, keep_realm, without_developer, without_images, without_tools
from uni_api.canon.seal import last_realm
from uni_api.config.plan import Client
from uni_api.dialects import Front, Peek
from uni_api.errors import Denied, Fault
from uni_api.relay import attempt as doing
from uni_api.relay.answer import Answer, Lines, line
from uni_api.relay.keepalive import kept_open
from uni_api.relay.lane import Lane
from uni_api.relay.media import with_bytes
from uni_api.relay.moderation import Checks, said
from uni_api.relay.race import in_turn, raced
from uni_api.relay.verdict import Verdict, judge
from uni_api.routing import Tries, Try, Visit
from uni_api.transport.fetch import Fetched

if TYPE_CHECKING:
    from uni_api.relay.relay import Relay

logger = logging.getLogger("uni_api.relay")

_UNANSWERED = frozenset({"connect", "timeout", "unsayable"})

_ONE_ATTEMPT = line(b"x-uni-api-attempts", b"1")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Served(Struct, frozen=True):
    """An attempt that can be committed."""

    answer: Answer
    chosen: Try
    lane: Lane
    losses: Losses | None
    visit: Visit

    def abandon(self) -> None:
        self.visit.ended()
        self.answer.abandon()


class _Barred(Fault):
    """A client key on the way to a channel has used up what it may. No upstream is to blame."""

    def __init__(self, client: Client, denied: Denied) -> None:
        super().__init__("rate", denied.message, status=denied.status)
        self.client = client
        self.denied = denied


class Exchange:
    """The state of one exchange: what was paid, what was tried, what is known of the request."""

    __slots__ = (
        "_body",
        "_checks",
        "_client",
        "_fetched",
        "_front",
        "_last",
        "_passes",
        "_paying",
        "_prompt",
        "_relay",
        "_request",
        "_request_id",
        "_seen",
        "_served",
        "_session",
        "_shown",
        "_thread",
        "_tries",
        "_visit",
    )

    def __init__(
        self, relay: "Relay", front: Front, body: bytes, client: Client, request_id: bytes, session: bytes | None
    ) -> None:
        self._relay = relay
        self._front = front
        self._body = body
        self._client = client
        self._request_id = request_id
        self._session = session
        self._seen: Peek
        self._thread: int | None = None
        self._tries: Tries | None = None
        self._checks: Checks | None = None
        self._request: Request | None = None
        self._fetched: dict[str, Fetched | None] | None = None
        self._prompt: int | None = None
        self._passes: tuple[Pass, ...] = ()
        self._paying: asyncio.Lock | None = None
        self._shown: Denied | Fault | None = None
        self._last: Lane | None = None
        self._served: Try | None = None
        self._visit: Visit | None = None

    async def run(self) -> Answer:
        """The answer, or the refusal in the front's own shape. Raises only CancelledError; then nothing is open."""
        try:
            self._seen = seen = self._front.peek(self._body)
            try:
                tries = self._planned(seen)
            except Denied as unknown:
                tries = await self._planned_later(seen, unknown)
            self._tries = tries
            if self._client.allowance is not None:
                held = self._relay.gate.at_once(self._client, seen.model, self._weighed)
                if held is None:
                    await self._admit(self._client)
                else:
                    self._passes = (held,)
            pause = self._relay.pause(tries) if seen.stream and self._relay.keeps_alive else None
            work = self._answered(tries)
            answer = await (work if pause is None else kept_open(work, pause, self._front))
        except Denied as denied:
            await self._give_back()
            return self._refused(denied.with_traceback(None))
        except Fault as fault:
            limits = self._passes[0].headers if self._passes else b""
            await self._settle(None)
            # A traceback would hold this exchange, and with it the body, in a circle.
            refusal = self._refused(fault.with_traceback(None))
            refusal.headers.append(limits)
            return refusal
        except BaseException:
            await self._settle(None)
            raise
        answer.headers.append(b"x-request-id: %b\r\n" % self._request_id)
        # Of a stream that was opened early it is not known yet.
        answer.due = self._relay.health.measures or pause is not None
        for held in self._passes:
            answer.due = answer.due or held.meter.weighs
        if self._passes:
            answer.headers.append(self._passes[0].headers)
        answer.settle = self._settle
        return answer

    def _planned(self, seen: Peek) -> Tries:
        """The tries for the model. Raises Denied when there are none."""
        relay, client = self._relay, self._client
        pool = relay.router.pool(client, seen.model)
        wish = None
        if seen.sealed or relay.memory.rule is not None:
            self._thread = relay.memory.thread(client, seen, self._session)
            realm = last_realm(self._body) if seen.sealed else None
            wish = relay.memory.preference(pool, self._thread, realm)
        return relay.tries_in(pool, self._tokens() if relay.weighs else 0, wish)

    async def _planned_later(self, seen: Peek, unknown: Denied) -> Tries:
        """The tries for a model that nobody is known to offer yet, once lists on their way have come."""
        if unknown.status != 404:
            raise unknown
        await self._relay.lists_known()
        return self._planned(seen)

    def _tokens(self) -> int:
        """An estimate of what the client has said."""
        if self._prompt is None:
            self._prompt = tokens_in(self._body)
        return self._prompt

    # Admission

    async def _admit(self, client: Client) -> None:
        """Raises Denied when `client` has used up what it may."""
        gate, model, nested = self._relay.gate, self._seen.model, client is not self._client
        ask = self._weighed() if gate.weighs(client, model, nested=nested) else Ask(model)
        held = await gate.admit(client, ask, nested=nested)
        if held is not None:
            self._passes = (*self._passes, held)

    def _weighed(self) -> Ask:
        """What the request may come to."""
        seen = self._seen
        likely = self._tries.likely if self._tries is not None else None
        return Ask(seen.model, self._tokens(), seen.most_output, likely)

    async def _settle(self, answer: Answer | None) -> None:
        """Account for what the answer came to. Once."""
        if self._visit is not None:
            self._visit.ended()
        if answer is not None and answer.fault is not None:
            await self._tell_of_break(answer.fault)
        passes, self._passes = self._passes, ()
        came = self._came(answer) if answer is not None and passes else None
        for held in passes:
            paid = held.client is self._client or (self._served is not None and held.client in self._served.via)
            await self._relay.gate.settle(held, came if paid else None)

    async def _tell_of_break(self, fault: Fault) -> None:
        """An answer that broke off after its first content is a failure of whoever served it."""
        if self._served is not None and self._tries is not None:
            await self._relay.failed(self._served, fault, only=self._tries.only, thread=self._thread)

    def _came(self, answer: Answer) -> Came | None:
        """What was served; None for nothing."""
        told = answer.told
        if told is None or self._served is None:
            return None
        whole = answer.stream is None or (told.finish is not None and answer.fault is None)
        return Came(self._served.candidate, told.usage, whole)

    async def _give_back(self) -> None:
        passes, self._passes = self._passes, ()
        for held in passes:
            await self._relay.gate.give_back(held)

    async def _pay(self, chosen: Try) -> None:
        """Take what the try costs the client keys by whose rules it came. Raises _Barred."""
        self._paying = self._paying or asyncio.Lock()
        async with self._paying:  # two tries at one time do not both pay for the same key
            for client in chosen.via:
                if client.allowance is None or any(held.client is client for held in self._passes):
                    continue
                try:
                    await self._admit(client)
                except Denied as denied:
                    raise _Barred(client, denied) from None

    # Attempts

    async def _answered(self, tries: Tries) -> Answer:
        """The first answer that holds. Raises the error that is most worth showing when none does.

        However this ends, no check runs any longer, and a refusal costs nothing.
        """
        hedges = self._relay.hedges
        try:
            if hedges is None:
                served = await in_turn(tries, self._attempt, self._failed)
            else:
                served = await raced(tries, hedges, self._attempt, self._failed)
            if served is None:
                if self._checks is not None:
                    await self._checks.passed()
                raise self._shown or _all_shut(tries)
        except Denied:
            await self._give_back()
            raise
        finally:
            if self._checks is not None:
                await self._checks.aclose()
        self._visit = served.visit
        self._served = served.chosen
        served.visit.content()
        noting = self._relay.worked(served.chosen, thread=self._thread)
        if noting is not None:
            await noting
        self._tell(served.answer.headers, served.lane, served.losses)
        return served.answer

    async def _failed(self, chosen: Try, fault: Fault) -> Verdict:
        """Note what the try ended in."""
        tries = self._tries
        assert tries is not None
        if isinstance(fault, _Barred):
            tries.bar(fault.client)
            if chosen.lease is not None:
                await self._relay.ring.give_back(chosen.candidate, chosen.lease)
            self._shown = self._shown or fault.denied
            return Verdict.NEXT_CHANNEL
        _log(self._request_id, chosen, fault)
        # A traceback would hold this frame, and with it the body, in a circle.
        fault.with_traceback(None)
        if not chosen.repeats:
            self._shown = _worth_showing(self._shown, fault)
        await self._relay.failed(chosen, fault, only=tries.only, thread=self._thread)
        return judge(fault)

    def _attempt(self, chosen: Try) -> Awaitable[Served]:
        """Comes to what can be committed. Raises Fault."""
        if chosen.repeats or chosen.via or self._client.moderation is not None:
            return self._guarded(chosen)
        return self._attempted(chosen)

    async def _guarded(self, chosen: Try) -> Served:
        """The attempt, where something stands before it.

        A key that has just failed is given time, client keys on the way pay, and where they moderate, what comes is
        held back until they have nothing against it.
        """
        if chosen.repeats:
            await self._relay.back_off(chosen.repeats)
        if chosen.via:
            await self._pay(chosen)
        clients = [client for client in (self._client, *chosen.via) if client.moderation is not None]
        if self._checks is None and clients:
            self._checks = Checks(self._relay.moderator, said(self._read()), self._request_id)
        work = self._attempted(chosen)
        return await (work if self._checks is None else self._checks.hold(work, clients))

    async def _attempted(self, chosen: Try) -> Served:
        seen = self._seen
        self._last = lane = self._relay.lane(self._front, chosen.candidate, self._client.role)
        visit = self._relay.health.begun(chosen.candidate)
        try:
            if (lane.plain or _may_travel(lane, seen)) and not seen.sealed:
                losses = _refused(lane, seen) if lane.edits.refuse else None
                answer = await doing.verbatim(lane, chosen, seen, self._front)
            else:
                losses = Losses()
                answer = await self._translated(lane, chosen, losses)
        except BaseException:
            visit.ended()
            raise
        return Served(answer, chosen, lane, losses, visit)

    async def _translated(self, lane: Lane, chosen: Try, losses: Losses) -> Answer:
        request = await self._fitted(self._read(), lane, losses)
        return await doing.translated(lane, chosen, request, losses, self._front)

    def _read(self) -> Request:
        if self._request is None:
            self._request = self._front.read_request(_body(self._body))
        return self._request

    async def _fitted(self, request: Request, lane: Lane, losses: Losses) -> Request:
        """The client's request as this candidate may be told it."""
        if not lane.tools:
            request = without_tools(request, losses)
        if not lane.images:
            request = without_images(request, losses)
        if not lane.developer:
            request = without_developer(request)
        plain = lane.dialect == self._front.name and lane.thoughts
        request = keep_realm(request, lane.realm, losses, plain_thinking=plain)
        if lane.hints.tools and not request.tools and lane.tools:
            request = structs.replace(request, tools=lane.hints.tools)
        reasoning = request.reasoning if request.reasoning is not None else lane.hints.reasoning
        request = structs.replace(request, model=lane.candidate.model, reasoning=reasoning)
        if self._fetched is None:
            self._fetched = {}
        return await with_bytes(request, lane.needs_bytes, self._relay.fetcher, self._fetched, losses)

    # What the client is told

    def _refused(self, error: Denied | Fault) -> Answer:
        refusal = self._relay.refusal(self._front, error, self._request_id)
        self._tell(refusal.headers, self._last, None)
        return refusal

    def _tell(self, headers: Lines, lane: Lane | None, losses: Losses | None) -> None:
        """Add how the request was served."""
        if lane is not None:
            headers.append(lane.signed)
        made = self._tries.made if self._tries is not None else 0
        headers.append(_ONE_ATTEMPT if made == 1 else line(b"x-uni-api-attempts", b"%d" % made))
        if self._checks is not None and self._checks.unchecked:
            headers.append(line(b"x-uni-api-moderation", b"unavailable"))
        if losses is not None and (lost := losses.summary()):
            headers.append(line(b"x-uni-api-losses", lost.encode()))


def _may_travel(lane: Lane, seen: Peek) -> bool:
    """Whether this candidate can be sent the client's own bytes, but for what is sealed in them."""
    return lane.verbatim is not None and (lane.developer or not seen.developer) and (lane.thoughts or not seen.thoughts)


def _refused(lane: Lane, seen: Peek) -> Losses | None:
    """What the client said at the top level that its host would refuse."""
    gone = lane.edits.refuse & seen.fields.keys()
    if not gone:
        return None
    losses = Losses()
    for name in sorted(gone):
        losses.add(name, "tuning", "this host refuses the field for this model")
    return losses


def _worth_showing(old: Denied | Fault | None, new: Fault) -> Denied | Fault:
    """The later of two faults, but an upstream's own word before a failure to reach one."""
    said = isinstance(old, Fault) and old.kind not in _UNANSWERED
    return old if said and old is not None and new.kind in _UNANSWERED else new


def _all_shut(tries: Tries) -> Denied:
    """Why nobody could even be asked."""
    shut = tries.shut
    if shut is not None and shut.too_long:
        return Denied(413, "The request has more tokens than any channel takes.", code="request_too_long")
    wait = shut.wait if shut is not None and isfinite(shut.wait) else None
    message = "Every key of every channel for this model is at its limit."
    return Denied(429, message, code="channel_limits_reached", retry_after=wait)


def _body(raw: bytes) -> dict[str, Any]:
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else "not valid JSON"
        raise Denied(400, f"The request body is {why}.", code="invalid_json") from error


def _log(request_id: bytes, chosen: Try, fault: Fault) -> None:
    key = chosen.door.key.label if chosen.door.key is not None else "none"
    logger.warning(
        "%s %s/%s key %s: %s (%s, status %d)",
        request_id.decode("ascii", "replace"),
        chosen.candidate.channel.name,
        chosen.candidate.model,
        key,
        fault.message[:500],
        fault.kind,
        fault.status,
    )
