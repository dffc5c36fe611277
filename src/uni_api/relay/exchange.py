"""One client request's whole life: plan -> admit -> attempt* -> commit -> settle."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct, structs

from uni_api.accounts import Ask, Came, Pass, both, done, tokens_in
from uni_api.canon import Losses, Request, keep_realm, without_developer, without_images, without_tools
from uni_api.canon.seal import last_realm
from uni_api.config.plan import Client
from uni_api.dialects import Front, Peek
from uni_api.errors import Denied, Fault
from uni_api.relay import attempt as doing
from uni_api.relay.answer import Answer, Lines, line
from uni_api.relay.keepalive import kept_open
from uni_api.relay.lane import FIRST_ATTEMPT, Lane
from uni_api.relay.media import with_bytes
from uni_api.relay.moderation import Checks, said
from uni_api.relay.race import in_turn, raced
from uni_api.relay.verdict import Verdict, judge
from uni_api.routing import Pool, Preference, Tries, Try, Visit
from uni_api.transport import Response
from uni_api.transport.fetch import Fetched

if TYPE_CHECKING:
    from uni_api.relay.relay import Relay

logger = logging.getLogger("uni_api.relay")

_UNANSWERED = frozenset({"connect", "timeout", "unsayable"})

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


class Exchange(Struct, eq=False):
    """The state of one exchange: what was paid, what was tried, what is known of the request.

    `run` does all of it. Before that, `begin` does what can be done without waiting for anybody but an upstream, and
    most exchanges come to their answer so; `run` goes on wherever that has stopped.
    """

    _relay: "Relay"
    _front: Front
    _body: bytes
    _client: Client
    _request_id: bytes
    _session: bytes | None = None
    _seen: Peek = cast(Peek, None)  # set by `_plan`
    _pool: Pool = cast(Pool, None)  # the same
    _thread: int | None = None
    _wish: Preference | None = None
    _admitted: bool = False
    _passes: tuple[Pass, ...] = ()
    _first: Try | None = None
    _begun: Response | doing.Arriving | None = None
    _tries: Tries | None = None
    _checks: Checks | None = None
    _request: Request | None = None
    _fetched: dict[str, Fetched | None] | None = None
    _prompt: int | None = None
    _paying: asyncio.Lock | None = None
    _shown: Denied | Fault | None = None
    _last: Lane | None = None
    _served: Try | None = None
    _counts: bool = False  # its key has windows that count tokens
    _visit: Visit | None = None

    def __repr__(self) -> str:
        return f"<Exchange {self._request_id.decode('ascii', 'replace')} of {self._client!r}>"

    def begin(self, news: Callable[[], None]) -> bool:
        """Send the first try, if nobody has to be waited for before that. Whether it was; then `news` are told of it.

        Raises nothing that the client did: that is for `run`.
        """
        relay = self._relay
        if relay.hedges is not None or self._client.moderation is not None:
            return False
        try:
            pool = self._plan()
            if not self._let_in() or self._wish is not None:
                return False
            if relay.keeps_alive and self._pause(pool) is not None:
                return False
        except Denied:
            return False
        self._first = chosen = relay.first_try(pool)
        if chosen is None:
            return False
        lane = self._lane(chosen)
        if lane.edits.refuse or not self._travels(lane):
            return False
        self._begun = response = doing.begun(lane, chosen, self._seen)
        if response is None:
            return False
        if relay.health.measures:
            self._visit = relay.health.begun(chosen.candidate)
        response.news = news
        return True

    @property
    def waits(self) -> bool:
        """Whether what was begun still has to be waited for: there will be more news."""
        assert isinstance(self._begun, Response)
        return not self._begun.shows(whole=not self._seen.stream)

    def come(self) -> Answer | None:
        """The answer to what was begun, once nothing is to be waited for. None: `run` has to go on with it."""
        response, chosen, lane = self._begun, self._first, self._last
        assert isinstance(response, Response) and chosen is not None and lane is not None
        response.news = None
        if not response.status or self._relay.notes(chosen, self._thread):
            return None
        arriving = doing.Arriving(response, lane, chosen, self._seen, self._front)
        answer = arriving.now()
        if answer is None:
            self._begun = arriving
            return None
        self._begun = None
        self._serve_by(chosen)
        answer.headers.append(lane.signed_first)
        return self._complete(answer, late=False)

    def _serve_by(self, chosen: Try) -> None:
        """From here on nobody else is tried."""
        self._served = chosen
        self._counts = chosen.lease is not None and bool(chosen.lease.tokens)

    def cancel(self, answer: Answer | None) -> None:
        """Give up before `run`. `answer`: what had come, and nobody saw."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.close()
        if answer is not None:
            answer.abandon()
        if self._visit is not None:
            self._visit.ended()
        if self._passes:
            self._paid(answer)  # what was taken without waiting is settled so
        if answer is not None:
            answer.stream = None  # which holds the answer, in a circle

    async def run(self) -> Answer:
        """The answer, or the refusal in the front's own shape. Raises only CancelledError; then nothing is open."""
        try:
            try:
                pool = self._plan()
            except Denied as unknown:
                pool = await self._planned_later(unknown)
            if not self._let_in():
                await self._admit(self._client)
            pause = self._pause(pool)
            work = self._answered(self._tried(pool))
            answer = await (work if pause is None else kept_open(work, pause, self._front))
        except Denied as denied:
            await done(self._give_back())
            return self._refused(denied.bare())
        except Fault as fault:
            limits = self._passes[0].headers if self._passes else b""
            await done(self._settle(None))
            # A traceback would hold this exchange, and with it the body, in a circle.
            refusal = self._refused(fault.bare())
            refusal.headers.append(limits)
            return refusal
        except BaseException:
            await done(self._settle(None))
            raise
        return self._complete(answer, late=pause is not None)

    def _complete(self, answer: Answer, *, late: bool) -> Answer:
        """Add what every answer has. `late`: it may have been opened before it was known who serves it."""
        answer.headers.append(b"x-request-id: %b\r\n" % self._request_id)
        due = late or self._counts or self._relay.health.measures
        if self._passes:
            answer.headers.append(self._passes[0].headers)
            for held in self._passes:
                due = due or held.meter.weighs
        answer.due = due
        answer.settle = self._settle
        return answer

    def _plan(self) -> Pool:
        """Look at the request, and find who may serve it. Raises Denied for either."""
        if self._pool is None:
            relay = self._relay
            self._seen = seen = self._front.peek(self._body)
            pool = relay.router.pool(self._client, seen.model)
            if seen.sealed or relay.memory.rule is not None:
                self._thread = relay.memory.thread(self._client, seen, self._session)
                realm = last_realm(self._body) if seen.sealed else None
                self._wish = relay.memory.preference(pool, self._thread, realm)
            self._pool = pool
        return self._pool

    async def _planned_later(self, unknown: Denied) -> Pool:
        """Who may serve a model that nobody is known to offer yet, once lists on their way have come."""
        if unknown.status != 404:
            raise unknown
        await self._relay.lists_known()
        return self._plan()

    def _tried(self, pool: Pool) -> Tries:
        """All tries, of which the first may have been made."""
        relay = self._relay
        if self._first is None and self._wish is None and relay.hedges is None:
            self._first = relay.first_try(pool)
        tokens = self._tokens() if relay.weighs else 0
        self._tries = tries = relay.tries_in(pool, tokens, self._wish, self._first)
        return tries

    def _pause(self, pool: Pool) -> float | None:
        """Seconds of silence after which the client wants a sign of life, or None for never."""
        return self._relay.pause(pool) if self._seen.stream and self._relay.keeps_alive else None

    def _lane(self, chosen: Try) -> Lane:
        self._last = lane = self._relay.lane(self._front, chosen.candidate, self._client.role)
        return lane

    def _travels(self, lane: Lane) -> bool:
        """Whether this candidate can be sent the client's own bytes."""
        seen = self._seen
        return not seen.sealed and (lane.plain or _may_travel(lane, seen))

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
        return Ask(seen.model, self._tokens(), seen.most_output, self._pool.likely)

    def _let_in(self) -> bool:
        """Take what the request costs its client. Raises Denied. False: somebody has to be asked for that."""
        if not self._admitted and self._client.allowance is not None:
            held = self._relay.gate.at_once(self._client, self._seen.model, self._weighed)
            if held is None:
                return False
            self._passes = (held,)
        self._admitted = True
        return True

    def _settle(self, answer: Answer | None) -> Awaitable[None] | None:
        """Account for what the answer came to, once. What is to be awaited for that, if anything is."""
        if self._visit is not None:
            self._visit.ended()
        if answer is not None and answer.fault is not None:
            return self._broken(answer, answer.fault)
        return self._paid(answer) if self._passes or self._counts else None

    async def _broken(self, answer: Answer, fault: Fault) -> None:
        """An answer that broke off after its first content is a failure of whoever served it."""
        if self._served is not None:
            await self._relay.failed(self._served, fault, only=self._pool.size == 1, thread=self._thread)
        await done(self._paid(answer))

    def _paid(self, answer: Answer | None) -> Awaitable[None] | None:
        passes, self._passes = self._passes, ()
        served = self._served
        came = None
        if served is not None and answer is not None and (told := answer.told) is not None:
            whole = answer.stream is None or (told.finished and answer.fault is None)
            came = Came(served.candidate, told.usage, whole)
        noting: Awaitable[None] | None = None
        if self._counts:
            noting = self._counted(came)
        for held in passes:
            paid = held.client is self._client or (served is not None and held.client in served.via)
            more = self._relay.gate.settle(held, came if paid else None)
            if more is not None:
                noting = both(noting, more)
        return noting

    def _counted(self, came: Came | None) -> Awaitable[None] | None:
        """Tell the key that served it what the answer came to."""
        served = self._served
        self._counts = False
        if served is None or served.lease is None or came is None or not came.usage:
            return None
        return self._relay.ring.settle(served.candidate, served.lease, came.usage.total, whole=came.whole)

    def _give_back(self) -> Awaitable[None] | None:
        passes, self._passes = self._passes, ()
        noting: Awaitable[None] | None = None
        for held in passes:
            noting = both(noting, self._relay.gate.give_back(held))
        return noting

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
        hedges = self._relay.hedges if self._first is None else None  # a first try may be under way already
        try:
            if hedges is None:
                served = await in_turn(tries, self._attempt, self._failed, self._first)
            else:
                served = await raced(tries, hedges, self._attempt, self._failed)
            if served is None:
                if self._checks is not None:
                    await self._checks.passed()
                raise self._shown or _all_shut(tries)
        except Denied:
            await done(self._give_back())
            raise
        finally:
            if self._checks is not None:
                await self._checks.aclose()
        if self._relay.notes(served.chosen, self._thread):
            await self._relay.worked(served.chosen, self._thread)
        self._visit = served.visit
        self._serve_by(served.chosen)
        served.visit.content()
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
        fault.bare()
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
        begun, self._begun = self._begun, None
        lane = self._lane(chosen)
        visit = self._visit if begun is not None else None
        if visit is None:
            visit = self._relay.health.begun(chosen.candidate)
        try:
            if self._travels(lane):
                losses = _refused(lane, self._seen) if lane.edits.refuse else None
                answer = await doing.verbatim(lane, chosen, self._seen, self._front, begun)
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
        made = self._tries.made if self._tries is not None else 0 if self._first is None else 1
        headers.append(FIRST_ATTEMPT if made == 1 else line(b"x-uni-api-attempts", b"%d" % made))
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
