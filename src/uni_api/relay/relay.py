"""The rooms that carry requests: routing, gate, transport, and the lanes to every candidate."""

import asyncio
import random
import time
from collections.abc import Mapping
from math import ceil
from typing import Protocol

import msgspec

from uni_api.accounts import Gate
from uni_api.config.plan import Client, Plan
from uni_api.config.policy import ByModel, Limits
from uni_api.dialects import Front
from uni_api.errors import Denied, Fault
from uni_api.relay.affinity import Memory
from uni_api.relay.answer import JSON, Answer, line
from uni_api.relay.exchange import Exchange
from uni_api.relay.lane import Lane
from uni_api.relay.moderation import Moderator
from uni_api.relay.race import Hedges
from uni_api.relay.tokens import Tokens
from uni_api.relay.upstream import LocalUpstream
from uni_api.routing import (
    Candidate,
    Health,
    KeyRing,
    Lease,
    Pool,
    Preference,
    Router,
    Scheduler,
    Tries,
    Try,
    first_try,
)
from uni_api.state import LocalState, State
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetcher

BACK_OFF = 0.25
"""Seconds: the most that is waited before a key is tried the second time; twice that before the third, and so on."""
MOST_BACK_OFF = 2.0

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
        state: State | None = None,
    ) -> None:
        self._state = state = state or LocalState(time.time)
        self.hedges: Hedges | None = None
        self._adopt(plan)
        self.gate = Gate(plan, state, time.time)
        self.http = http
        self.fetcher = fetcher
        self._local = local or {}
        self.ring = KeyRing(state)
        self.health = Health(state)
        self.health.use(plan)
        self._scheduler = Scheduler(self.health)
        self._tokens = tokens or Tokens(http, time.time)
        self._dice = random.Random()
        self.lists: Lists | None = None
        self.memory = Memory(plan.affinity, self.health)
        self.moderator = Moderator(self)
        self._unsettled: list[Answer] = []

    def use(self, plan: Plan) -> None:
        """Route by `plan` from now on. Exchanges under way go on with the candidates that they have."""
        self._adopt(plan)
        self.gate.use(plan)
        self.ring.use(plan)
        self.health.use(plan)
        self.memory.use(plan.affinity)
        self.moderator.forget()

    def _adopt(self, plan: Plan) -> None:
        """What is told by the Plan alone. Only what was counted for an unchanged rule of hedging stays."""
        self._plan = plan
        self.router = Router(plan)
        self._lanes: dict[tuple[str, Candidate, str | None], Lane] = {}
        self._by_role = plan.waits_by_role
        self.keeps_alive = plan.keeps_alive
        self.weighs = any(_weighs(channel.key_limits) for channel in plan.channels if channel.key_limits is not None)
        """Whether some channel's keys are chosen by what a request comes to."""
        if self.hedges is None or self.hedges.rule != plan.hedging:
            self.hedges = Hedges(plan.hedging) if plan.hedging is not None else None

    def exchange(
        self, front: Front, body: bytes, client: Client, request_id: bytes, session: bytes | None = None
    ) -> Exchange:
        """The carrying of a request in the dialect of `front`. `session`: the conversation's id, where it has one."""
        return Exchange(self, front, body, client, request_id, session)

    async def back_off(self, repeats: int) -> None:
        """Wait before a key is tried that has failed for the same request: longer each time, and never in step."""
        await asyncio.sleep(self._dice.uniform(0, min(MOST_BACK_OFF, BACK_OFF * 2 ** (repeats - 1))))

    async def failed(self, chosen: Try, fault: Fault, *, only: bool, thread: int | None = None) -> None:
        """A try ended in `fault`. `only`: there is no other candidate; `thread`: the conversation that it was for."""
        if thread is not None:
            self.memory.failed(thread, chosen)
        await self.ring.failed(chosen.candidate, chosen.lease or Lease(chosen.place), fault)
        await self.health.failed(chosen.candidate, fault, only=only)

    def notes(self, chosen: Try, thread: int | None = None) -> bool:
        """Whether it has to be noted when this try comes to content."""
        if thread is not None or self.health.measures or self._state.resting:
            return True
        return self.ring.notes(chosen.candidate, chosen.lease)

    async def worked(self, chosen: Try, thread: int | None = None) -> None:
        """Note that a try came to content. `thread`: the conversation that it was for."""
        if thread is not None:
            self.memory.worked(thread, chosen)
        await self.ring.worked(chosen.candidate, chosen.lease or Lease(chosen.place))
        await self.health.worked(chosen.candidate)

    def settle_soon(self, answer: Answer) -> None:
        """Account for an answer that has passed and waits for nobody, together with others of this turn of the loop.

        One after the other they cost half of what they cost each by itself. The client has not seen its answer by then.
        """
        if not self._unsettled:
            asyncio.get_running_loop().call_soon(self._settle_all)
        self._unsettled.append(answer)

    def _settle_all(self) -> None:
        unsettled = self._unsettled
        try:
            while unsettled:
                answer = unsettled.pop()
                if answer.settle is not None:
                    answer.settle(answer)
        finally:
            if unsettled:  # one failed, which the loop reports; the others are to be settled all the same
                asyncio.get_running_loop().call_soon(self._settle_all)

    def refusal(self, front: Front, error: Denied | Fault, request_id: bytes) -> Answer:
        status, body = front.write_error(error)
        headers = [JSON, line(b"x-request-id", request_id)]
        if error.retry_after is not None:
            headers.append(line(b"retry-after", b"%d" % max(1, ceil(error.retry_after))))
        if isinstance(error, Denied):
            headers.extend(line(name, value) for name, value in error.headers)
        return Answer(status if 400 <= status <= 599 else 502, headers, _encode(body))

    def lane(self, front: Front, candidate: Candidate, role: str | None) -> Lane:
        slot = (front.name, candidate, role if self._by_role else None)
        lane = self._lanes.get(slot)
        if lane is None:
            lane = Lane(candidate, front, role, self._plan, self.http, self._tokens, self._local)
            self._lanes[slot] = lane
        return lane

    def first_try(self, pool: Pool) -> Try | None:
        """The first try of a request that prefers nobody, where nobody has to be asked for it."""
        return first_try(pool, self.ring)

    def tries_in(self, pool: Pool, tokens: int = 0, wish: Preference | None = None, first: Try | None = None) -> Tries:
        """All tries of a request, beginning with `first` where it has one."""
        return Tries(pool, self.ring, self._scheduler, pool.client.auto_retry, tokens, wish, first)

    def wait_for(self, candidate: Candidate) -> float:
        """Seconds of silence to bear from `candidate`."""
        return self._plan.wait_for(candidate.channel, candidate.alias, candidate.model)

    def pause(self, pool: Pool) -> float | None:
        """Seconds of silence after which a waiting stream wants a sign of life, or None for never."""
        first = pool.likely
        return self._plan.keepalive_for(first.channel, first.alias, first.model)

    async def lists_known(self) -> None:
        """Comes back when no list of models is on its way for the first time, or it takes too long."""
        if self.lists is not None and self.lists.waited_for:
            await self.lists.first_lists()

    def __repr__(self) -> str:
        return f"<Relay {len(self._lanes)} lanes, {self.ring!r}, {self.router!r}>"


def _weighs(table: ByModel[Limits]) -> bool:
    every = [limits for _, limits in table.entries] + [table.default or ()]
    return any(limit.weighs for limits in every for limit in limits)
