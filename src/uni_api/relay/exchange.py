"""One client request's whole life: admit -> plan -> attempt* -> commit -> settle."""

import logging
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, structs

from uni_api.accounts import Pass
from uni_api.canon import Losses, Request, keep_realm, without_developer, without_images, without_tools
from uni_api.config.plan import Client
from uni_api.dialects import Front, Peek, registry
from uni_api.errors import Denied, Fault
from uni_api.relay import attempt as doing
from uni_api.relay.answer import Answer, Headers
from uni_api.relay.keepalive import kept_open
from uni_api.relay.lane import Lane
from uni_api.relay.media import with_bytes
from uni_api.relay.race import in_turn, raced
from uni_api.relay.verdict import Verdict, judge
from uni_api.routing import Tries, Try
from uni_api.transport.fetch import Fetched

if TYPE_CHECKING:
    from uni_api.relay.relay import Relay

logger = logging.getLogger("uni_api.relay")

BYTES_PER_TOKEN = 4
"""What a token is taken for before anybody has counted: the whole body's bytes by this."""

_UNANSWERED = frozenset({"connect", "timeout", "unsayable"})

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Served(Struct, frozen=True):
    """An attempt that can be committed."""

    answer: Answer
    chosen: Try
    lane: Lane
    losses: Losses | None

    def abandon(self) -> None:
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
        "_client",
        "_fetched",
        "_front",
        "_last",
        "_passes",
        "_relay",
        "_request",
        "_request_id",
        "_tries",
    )

    def __init__(self, relay: "Relay", front: Front, body: bytes, client: Client, request_id: bytes) -> None:
        self._relay = relay
        self._front = front
        self._body = body
        self._client = client
        self._request_id = request_id
        self._request: Request | None = None
        self._fetched: dict[str, Fetched | None] = {}
        self._passes: list[Pass] = []
        self._last: Lane | None = None
        self._tries: Tries | None = None

    async def run(self) -> Answer:
        """The answer, or the refusal in the front's own shape. Raises only CancelledError; then nothing is open."""
        try:
            seen = registry.verbatim(self._front.name).peek(self._body)
            self._tries = tries = await self._planned(seen.model)
            await self._admit(self._client, seen.model)
            pause = self._relay.pause(tries) if seen.stream else None
            work = self._answered(tries, seen)
            answer = await (work if pause is None else kept_open(work, pause, self._front))
        except Denied as denied:
            await self._give_back()
            return self._refused(denied)
        except Fault as fault:
            await self._settle(None)
            return self._refused(fault)
        except BaseException:
            await self._settle(None)
            raise
        answer.headers.append((b"x-request-id", self._request_id))
        if self._passes:
            answer.headers.extend(self._passes[0].headers)
            answer.settle = self._settle
        return answer

    async def _planned(self, model: str) -> Tries:
        """The tries for `model`; where nobody is known to offer it, once lists on their way have come."""
        tokens = len(self._body) // BYTES_PER_TOKEN
        try:
            return self._relay.tries(self._client, model, tokens)
        except Denied as unknown:
            if unknown.status != 404:
                raise
        await self._relay.lists_known()
        return self._relay.tries(self._client, model, tokens)

    # Admission

    async def _admit(self, client: Client, model: str) -> None:
        """Raises Denied when `client` has used up what it may."""
        held = await self._relay.gate.admit(client, model, len(self._body) // BYTES_PER_TOKEN)
        if held is not None:
            self._passes.append(held)

    async def _settle(self, answer: Answer | None) -> None:
        """Account for what the answer came to. Once."""
        passes, self._passes = self._passes, []
        told = answer.told if answer is not None else None
        for held in passes:
            await self._relay.gate.settle(held, told.usage if told is not None else None)

    async def _give_back(self) -> None:
        passes, self._passes = self._passes, []
        for held in passes:
            await self._relay.gate.give_back(held)

    async def _pay(self, chosen: Try, model: str) -> None:
        """Take what the try costs the client keys by whose rules it came. Raises _Barred."""
        for client in chosen.via:
            if any(held.client is client for held in self._passes):
                continue
            try:
                await self._admit(client, model)
            except Denied as denied:
                raise _Barred(client, denied) from None

    # Attempts

    async def _answered(self, tries: Tries, seen: Peek) -> Answer:
        """The first answer that holds. Raises the error that is most worth showing when none does."""
        shown: Denied | Fault | None = None

        async def attempt(chosen: Try) -> Served:
            if chosen.via:
                await self._pay(chosen, seen.model)
            return await self._attempted(chosen, seen)

        async def failed(chosen: Try, fault: Fault) -> bool | None:
            nonlocal shown
            if isinstance(fault, _Barred):
                tries.bar(fault.client)
                shown = shown or fault.denied
                return False
            _log(self._request_id, chosen, fault)
            # A traceback would hold this frame, and with it the body, in a circle.
            shown = _worth_showing(shown, fault.with_traceback(None))
            await self._relay.failed(chosen, fault, only=tries.only)
            verdict = judge(fault)
            return None if verdict is Verdict.REFUSE else verdict is Verdict.NEXT_KEY

        hedges = self._relay.hedges
        served = await (in_turn(tries, attempt, failed) if hedges is None else raced(tries, hedges, attempt, failed))
        if served is None:
            raise shown or _all_shut(tries)
        await self._relay.worked(served.chosen)
        self._tell(served.answer.headers, served.lane, served.losses)
        return served.answer

    async def _attempted(self, chosen: Try, seen: Peek) -> Served:
        """What can be committed. Raises Fault."""
        self._last = lane = self._relay.lane(self._front, chosen.candidate, self._client.role)
        if _may_travel(lane, seen):
            return Served(await doing.verbatim(lane, chosen, seen, self._front), chosen, lane, _refused(lane, seen))
        losses = Losses()
        if self._request is None:
            self._request = self._front.read_request(_body(self._body))
        request = await self._fitted(self._request, lane, losses)
        return Served(await doing.translated(lane, chosen, request, losses, self._front), chosen, lane, losses)

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
        reasoning = request.reasoning if request.reasoning is not None else lane.hints.reasoning
        request = structs.replace(request, model=lane.candidate.model, reasoning=reasoning)
        return await with_bytes(request, lane.needs_bytes, self._relay.fetcher, self._fetched, losses)

    # What the client is told

    def _refused(self, error: Denied | Fault) -> Answer:
        refusal = self._relay.refusal(self._front, error, self._request_id)
        self._tell(refusal.headers, self._last, None)
        return refusal

    def _tell(self, headers: Headers, lane: Lane | None, losses: Losses | None) -> None:
        """Add how the request was served."""
        if lane is not None:
            headers.append((b"x-uni-api-provider", lane.shown_name))
        headers.append((b"x-uni-api-attempts", b"%d" % (self._tries.made if self._tries is not None else 0)))
        if losses is not None and (lost := losses.summary()):
            headers.append((b"x-uni-api-losses", lost.encode()))


def _may_travel(lane: Lane, seen: Peek) -> bool:
    """Whether this candidate can be sent the client's own bytes."""
    return (
        lane.verbatim is not None
        and not seen.sealed
        and (lane.developer or not seen.developer)
        and (lane.thoughts or not seen.thoughts)
    )


def _refused(lane: Lane, seen: Peek) -> Losses | None:
    """What the client said at the top level that its host would refuse."""
    gone = lane.edits.refuse and lane.edits.refuse & seen.fields.keys()
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
    wait = shut.wait if shut is not None else None
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
