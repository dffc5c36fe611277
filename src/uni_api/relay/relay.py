"""The rooms that carry requests: routing, gate, transport, and the lanes to every candidate."""

import time
from collections.abc import Awaitable, Mapping
from typing import Protocol

import msgspec

from uni_api.accounts import Gate
from uni_api.config.plan import Client, Plan
from uni_api.dialects import Front, registry
from uni_api.errors import Denied, Fault
from uni_api.relay.answer import JSON, Answer
from uni_api.relay.exchange import Exchange
from uni_api.relay.lane import Lane
from uni_api.relay.race import Hedges
from uni_api.relay.tokens import Tokens
from uni_api.relay.upstream import LocalUpstream
from uni_api.routing import Candidate, Health, KeyRing, Router, Scheduler, Tries, Try
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetcher

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
        self.gate = Gate(plan)
        self._plan = plan
        self._http = http
        self.fetcher = fetcher
        self._local = local or {}
        self.ring = KeyRing()
        self.health = Health()
        self._scheduler = Scheduler(self.health)
        self._tokens = tokens or Tokens(http, time.time)
        self._lanes: dict[tuple[str, Candidate, str | None], Lane] = {}
        self._by_role = plan.waits_by_role
        self.lists: Lists | None = None
        self.hedges = Hedges(plan.hedging) if plan.hedging is not None else None

    def use(self, plan: Plan) -> None:
        """Route by `plan` from now on. Exchanges under way go on with the candidates that they have."""
        self._plan = plan
        self.router = Router(plan)
        self.gate.use(plan)
        self._lanes = {}
        self._by_role = plan.waits_by_role
        if self.hedges is None or self.hedges.rule != plan.hedging:
            self.hedges = Hedges(plan.hedging) if plan.hedging is not None else None

    def answer(self, dialect: str, body: bytes, client: Client, request_id: bytes) -> Awaitable[Answer]:
        """The answer to a request that speaks `dialect`: a reply, or the error in the dialect's own shape.

        Raises only CancelledError; whatever was open then is closed.
        """
        return Exchange(self, registry.front(dialect), body, client, request_id).run()

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

    def lane(self, front: Front, candidate: Candidate, role: str | None) -> Lane:
        slot = (front.name, candidate, role if self._by_role else None)
        lane = self._lanes.get(slot)
        if lane is None:
            lane = Lane(candidate, front, role, self._plan, self._http, self._tokens, self._local)
            self._lanes[slot] = lane
        return lane

    def tries(self, client: Client, model: str, tokens: int) -> Tries:
        """Raises Denied as the router does. `tokens` is an estimate of the request's."""
        pool = self.router.pool(client, model)
        return Tries(pool, self.ring, self._scheduler, client.auto_retry, tokens=tokens)

    def pause(self, tries: Tries) -> float | None:
        """Seconds of silence after which a waiting stream wants a sign of life, or None for never."""
        if not self._plan.keeps_alive:
            return None
        first = tries.likely
        return self._plan.keepalive_for(first.channel, first.alias, first.model)

    async def lists_known(self) -> None:
        """Comes back when no list of models is on its way for the first time, or it takes too long."""
        if self.lists is not None and self.lists.waited_for:
            await self.lists.first_lists()

    def __repr__(self) -> str:
        return f"<Relay {len(self._lanes)} lanes, {self.ring!r}, {self.router!r}>"
