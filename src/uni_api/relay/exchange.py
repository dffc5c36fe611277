"""One client request's whole life: admit -> plan -> attempt* -> commit -> settle."""

import logging
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import structs

from uni_api.canon import Losses, Request, keep_realm, without_developer, without_images, without_tools
from uni_api.config.plan import Client, Plan
from uni_api.dialects import Front, Peek, registry
from uni_api.errors import Denied, Fault
from uni_api.relay import attempt as doing
from uni_api.relay.answer import JSON, Answer, Headers
from uni_api.relay.lane import Lane
from uni_api.relay.media import with_bytes
from uni_api.relay.tokens import Tokens
from uni_api.relay.upstream import LocalUpstream
from uni_api.relay.verdict import Verdict, judge
from uni_api.routing import Candidate, Health, KeyRing, Router, Scheduler, Tries, Try
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetched, Fetcher

logger = logging.getLogger("uni_api.relay")

_UNANSWERED = frozenset({"connect", "timeout", "unsayable"})

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Lists(Protocol):
    """Lists of models that are asked of hosts."""

    @property
    def waited_for(self) -> bool:
        """Whether some are on their way for the first time."""

    async def first_lists(self) -> None:
        """Comes back when they are here, or have taken too long."""


class Relay:
    """Carries requests of every client to the upstreams of one Plan."""

    def __init__(
        self,
        plan: Plan,
        http: HttpClient,
        fetcher: Fetcher,
        local: Mapping[str, LocalUpstream] | None = None,
        *,
        tokens: Tokens | None = None,
    ) -> None:
        self.router = Router(plan)
        self._plan = plan
        self._http = http
        self.fetcher = fetcher
        self._local = local or {}
        self.ring = KeyRing()
        self.health = Health()
        self._scheduler = Scheduler(self.health)
        self._tokens = tokens or Tokens(http, time.time)
        self._lanes: dict[tuple[str, Candidate], Lane] = {}
        self.lists: Lists | None = None

    def use(self, plan: Plan) -> None:
        """Route by `plan` from now on. Exchanges under way go on with the candidates that they have."""
        self._plan = plan
        self.router = Router(plan)
        self._lanes = {}

    def answer(self, dialect: str, body: bytes, client: Client, request_id: bytes) -> Awaitable[Answer]:
        """The answer to a request that speaks `dialect`: a reply, or the error in the dialect's own shape.

        Raises only CancelledError; whatever was open then is closed.
        """
        return _Exchange(self, registry.front(dialect), body, client, request_id).run()

    async def failed(self, chosen: Try, fault: Fault, *, only: bool) -> None:
        await self.ring.failed(chosen.candidate, chosen.place, fault)
        await self.health.failed(chosen.candidate, fault, only=only)

    async def worked(self, chosen: Try) -> None:
        await self.ring.worked(chosen.candidate, chosen.place)
        await self.health.worked(chosen.candidate)

    def refusal(self, front: Front, error: Denied | Fault, request_id: bytes) -> Answer:
        status, body = front.write_error(error)
        headers = [JSON, (b"x-request-id", request_id)]
        if error.retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after))))
        return Answer(status if 400 <= status <= 599 else 502, headers, _encode(body))

    def lane(self, front: str, candidate: Candidate) -> Lane:
        slot = (front, candidate)
        lane = self._lanes.get(slot)
        if lane is None:
            lane = self._lanes[slot] = Lane(candidate, front, self._plan, self._http, self._tokens, self._local)
        return lane

    def tries(self, client: Client, model: str) -> Tries:
        """Raises Denied as the router does."""
        return Tries(self.router.pool(client, model), self.ring, self._scheduler, client.auto_retry)

    async def lists_known(self) -> None:
        """Comes back when no list of models is on its way for the first time, or it takes too long."""
        if self.lists is not None and self.lists.waited_for:
            await self.lists.first_lists()

    def __repr__(self) -> str:
        return f"<Relay {len(self._lanes)} lanes, {self.ring!r}, {self.router!r}>"


class _Exchange:
    """The state of one exchange: what was tried, what was lost, what is known of the request."""

    __slots__ = (
        "_body",
        "_client",
        "_fetched",
        "_front",
        "_lane",
        "_losses",
        "_relay",
        "_request",
        "_request_id",
        "_tries",
    )

    def __init__(self, relay: Relay, front: Front, body: bytes, client: Client, request_id: bytes) -> None:
        self._relay = relay
        self._front = front
        self._body = body
        self._client = client
        self._request_id = request_id
        self._request: Request | None = None
        self._fetched: dict[str, Fetched | None] = {}
        self._lane: Lane | None = None
        self._losses: Losses | None = None
        self._tries: Tries | None = None

    async def run(self) -> Answer:
        try:
            seen = registry.verbatim(self._front.name).peek(self._body)
            try:
                tries = self._relay.tries(self._client, seen.model)
            except Denied as unknown:
                tries = await self._tries_later(unknown, seen.model)
            self._tries = tries
            chosen = await tries.next()
            shown: Denied | Fault | None = None
            while chosen is not None:
                self._lane = lane = self._relay.lane(self._front.name, chosen.candidate)
                self._losses = None
                try:
                    answer = await self._attempt(lane, chosen, seen)
                except Fault as fault:
                    _log(self._request_id, lane, chosen, fault)
                    # A traceback would hold this frame, and with it the body, in a circle.
                    shown = _worth_showing(shown, fault.with_traceback(None))
                    await self._relay.failed(chosen, fault, only=tries.only)
                    verdict = judge(fault)
                    stop = verdict is Verdict.REFUSE
                    chosen = None if stop else await tries.next(same_channel=verdict is Verdict.NEXT_KEY)
                else:
                    await self._relay.worked(chosen)
                    answer.headers.append((b"x-request-id", self._request_id))
                    self._tell(answer.headers)
                    return answer
            return self._refused(shown or _all_shut(tries))
        except (Denied, Fault) as error:
            return self._refused(error)

    def _attempt(self, lane: Lane, chosen: Try, seen: Peek) -> Awaitable[Answer]:
        """Comes to what can be committed. Raises Fault."""
        if lane.verbatim is not None and not seen.sealed and (lane.developer or not seen.developer):
            self._losses = _refused(lane, seen)
            return doing.verbatim(lane, chosen, seen, self._front)
        return self._translate(lane, chosen)

    async def _tries_later(self, unknown: Denied, model: str) -> Tries:
        """The tries for a model that nobody is known to offer yet, once lists on their way have come."""
        if unknown.status != 404:
            raise unknown
        await self._relay.lists_known()
        return self._relay.tries(self._client, model)

    def _refused(self, error: Denied | Fault) -> Answer:
        refusal = self._relay.refusal(self._front, error, self._request_id)
        self._tell(refusal.headers)
        return refusal

    async def _translate(self, lane: Lane, chosen: Try) -> Answer:
        self._losses = losses = Losses()
        if self._request is None:
            self._request = self._front.read_request(_body(self._body))
        request = await self._fitted(self._request, lane, losses)
        return await doing.translated(lane, chosen, request, losses, self._front)

    async def _fitted(self, request: Request, lane: Lane, losses: Losses) -> Request:
        """The client's request as this candidate may be told it."""
        if not lane.tools:
            request = without_tools(request, losses)
        if not lane.images:
            request = without_images(request, losses)
        if not lane.developer:
            request = without_developer(request)
        request = keep_realm(request, lane.realm, losses, plain_thinking=lane.dialect == self._front.name)
        reasoning = request.reasoning if request.reasoning is not None else lane.hints.reasoning
        request = structs.replace(request, model=lane.candidate.model, reasoning=reasoning)
        return await with_bytes(request, lane.needs_bytes, self._relay.fetcher, self._fetched, losses)

    def _tell(self, headers: Headers) -> None:
        """Add what the client is told of how it was served."""
        if self._lane is not None:
            headers.append((b"x-uni-api-provider", self._lane.shown_name))
        headers.append((b"x-uni-api-attempts", b"%d" % (self._tries.made if self._tries is not None else 0)))
        if self._losses is not None and (lost := self._losses.summary()):
            headers.append((b"x-uni-api-losses", lost.encode()))


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


def _log(request_id: bytes, lane: Lane, chosen: Try, fault: Fault) -> None:
    key = chosen.door.key.label if chosen.door.key is not None else "none"
    logger.warning(
        "%s %s/%s key %s: %s (%s, status %d)",
        request_id.decode("ascii", "replace"),
        lane.candidate.channel.name,
        lane.candidate.model,
        key,
        fault.message[:500],
        fault.kind,
        fault.status,
    )
