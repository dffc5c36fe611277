"""Which door of a channel a try goes through, and what becomes of the door when the try is over."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from uni_api.config.plan import Channel, Plan
from uni_api.errors import Fault, FaultKind
from uni_api.routing.doors import Bench, Doors, Shut
from uni_api.routing.pool import Candidate
from uni_api.state.base import State
from uni_api.state.gauge import Gauge
from uni_api.state.local import LocalState
from uni_api.state.wants import Short, Taken

MOST_REST = 86_400.0
"""Seconds that an upstream's own word can make a key rest. A host that says more is asked again the next day."""
REFUSED_REST = 60.0
"""Seconds for which a key rests that was refused, unless the file says otherwise: nothing will have changed before."""

_UNSENT: frozenset[FaultKind] = frozenset({"connect", "unsayable"})
"""The host never saw the request: it can't have counted it."""
_NOT_OURS: frozenset[FaultKind] = frozenset(
    {"connect", "unsayable", "bad_request", "too_long", "filtered", "cancelled"}
)
"""Says nothing about the key, good or bad."""


class Lease(Struct, frozen=True):
    """A door that one try may go through.

    taken: what its limits gave for it · forced: it rests, and was taken all the same · tokens: for each of those limits
    whether it counts tokens, or nothing where none does. Where some do, the lease is to be settled.
    """

    place: int
    taken: Taken | None = None
    forced: bool = False
    tokens: tuple[bool, ...] = ()


MOST_IN_VAIN = 50
"""Doors without room that are asked in one go, about two milliseconds; then others have their turn."""

MOST_KEPT = 1_000
"""Doors whose windows a bench keeps at hand."""

ONLY = Lease(0)
"""The door of a channel that has no other, and no limits."""


class KeyRing:
    """The doors of every channel, shared by all requests. Doors are named by their place in the channel.

    Rests, windows and turns are kept in `state` under a door's host and key, so that they outlive a Plan, and count for
    every channel with the same key at the same host.
    """

    def __init__(
        self,
        state: State | None = None,
        now: Callable[[], float] = time.time,
        dice: random.Random | None = None,
    ) -> None:
        self._state = state if state is not None else LocalState(now)
        self._now = now
        self._dice = dice or random.Random()
        self._doors: dict[Channel, Doors] = {}

    def use(self, plan: Plan) -> None:
        """Go by `plan` from now on. What is known of doors that are still there stays."""
        former: dict[str, list[Doors]] = {}
        for channel, doors in self._doors.items():
            former.setdefault(channel.name, []).append(doors)
        self._doors = {
            channel: self._succeeding(channel, former[channel.name])
            for channel in plan.channels
            if channel.name in former
        }

    def at_once(self, candidate: Candidate) -> Lease | None:
        """What `take` would give for a first try, where nothing rests, nothing is counted and no turn is shared."""
        doors = self._doors.get(candidate.channel)
        if doors is None or self._state.resting or (doors.takes_turns and self._state.shared):
            return None
        if doors.plain:
            return ONLY
        place = doors.at_once()
        if place is None:
            return self._limited_at_once(doors, candidate) if doors.limited else None
        return Lease(place)

    def _limited_at_once(self, doors: Doors, candidate: Candidate) -> Lease | None:
        """The next door, where all are free and its windows have room to spare."""
        bench = doors.bench(candidate.model)
        place = doors.at_once_of(bench)
        if place is None:
            return None
        gauge = bench.gauges.get(place) or self._gauge(doors, bench, place)
        tick = gauge.take() if gauge is not None else None
        if gauge is None or not isinstance(tick, int):
            return None
        wait = gauge.full_for(tick)
        if wait > 0:  # the next one need not ask
            doors.limit(bench, place, wait)
        return Lease(place, gauge.taken(tick))

    def _gauge(self, doors: Doors, bench: Bench, place: int) -> Gauge | None:
        gauge = self._state.gauge(bench.wants(doors.name(place), 0))
        if gauge is not None:
            if len(bench.gauges) >= MOST_KEPT:
                bench.gauges.clear()
            bench.gauges[place] = gauge
        return gauge

    async def take(
        self,
        candidate: Candidate,
        used: Collection[int],
        *,
        tokens: int = 0,
        force: bool = False,
        prefer: int | None = None,
    ) -> Lease | Shut:
        """The door to use, none of `used`; its turn passes on, and its limits count the request.

        tokens: an estimate of what the request comes to · force: of the doors that rest, take the one that rests the
        shortest · prefer: the door to use if it can be used. There must be a door that is not in `used`.
        """
        doors = self._doors_of(candidate.channel)
        if doors.plain and not (self._state.resting and self._state.rests(doors.name(0)) > 0):
            return ONLY
        bench = doors.bench(candidate.model)
        if bench.most_tokens is not None and tokens > bench.most_tokens:
            return Shut(math.inf, limited=True, too_long=True)
        turn = 0
        if doors.takes_turns and not doors.is_free(bench, used, prefer):
            turn = await self._state.turn(doors.turns) if self._state.shared else doors.own_turn()
        short: list[int] = []
        while (place := doors.next(bench, used, turn, prefer)) is not None:
            rest = self._state.rests(doors.name(place)) if self._state.resting else 0.0
            if rest > 0:
                doors.rest(place, rest)
                continue
            if not bench.windows:
                return Lease(place)
            lease = await self._leased(doors, bench, place, tokens, forced=False)
            if lease is not None:
                return lease
            short.append(place)
            if not len(short) % MOST_IN_VAIN:
                await asyncio.sleep(0)
        if bench.tokens and (lease := await self._leased_after_all(doors, bench, {*used, *short}, tokens)):
            return lease
        while force and (place := doors.soonest(bench, used)) is not None:
            lease = await self._leased(doors, bench, place, tokens, forced=True)
            if lease is not None:
                return lease
        return doors.shut(bench, used)

    async def failed(self, candidate: Candidate, lease: Lease, fault: Fault) -> None:
        """The try through this door ended in `fault`."""
        if fault.kind in _UNSENT:
            await self.give_back(candidate, lease)
        if fault.kind in _NOT_OURS:
            return
        doors = self._doors_of(candidate.channel)
        doors.failed(lease.place)
        seconds = _rest(candidate.channel, fault)
        if seconds > 0:
            doors.rest(lease.place, seconds)
            await self._state.rest(doors.name(lease.place), seconds)

    def notes(self, candidate: Candidate, lease: Lease | None) -> bool:
        """Whether it matters that a try came to content."""
        return (lease is not None and lease.forced) or candidate.channel.key_scheduling == "smart_round_robin"

    async def worked(self, candidate: Candidate, lease: Lease) -> None:
        """The try through this door came to content."""
        doors = self._doors_of(candidate.channel)
        doors.worked(lease.place)
        if lease.forced:
            doors.wake(lease.place)
            await self._state.wake(doors.name(lease.place))

    async def settle(self, candidate: Candidate, lease: Lease, tokens: int, *, whole: bool = True) -> None:
        """What came through this door has passed: its limits count the answer's `tokens` in place of the estimate.

        Not `whole`: it broke off, and counts as much as was taken at least. Once, for a lease that counts tokens.
        """
        if lease.taken is None or not lease.tokens:
            return
        amounts = [
            want.amount if not counts else tokens if whole else max(tokens, want.amount)
            for want, counts in zip(lease.taken.wants, lease.tokens, strict=True)
        ]
        await self._correct(candidate, lease, lease.taken, amounts)

    async def give_back(self, candidate: Candidate, lease: Lease) -> None:
        """The host was never asked: what the limits gave is theirs again."""
        if lease.taken is not None:
            await self._correct(candidate, lease, lease.taken, [0] * len(lease.taken.wants))

    async def _correct(self, candidate: Candidate, lease: Lease, taken: Taken, amounts: Sequence[int]) -> None:
        await self._state.settle(taken, amounts)
        doors = self._doors.get(candidate.channel)
        if doors is not None and any(amount < want.amount for want, amount in zip(taken.wants, amounts, strict=True)):
            doors.unlimit(doors.bench(candidate.model), lease.place)

    def _doors_of(self, channel: Channel) -> Doors:
        doors = self._doors.get(channel)
        if doors is None:
            doors = self._doors[channel] = Doors(channel, self._now, self._dice)
        return doors

    async def _leased(self, doors: Doors, bench: Bench, place: int, tokens: int, *, forced: bool) -> Lease | None:
        """The door, if its limits have room; otherwise it stays away until they have."""
        if not bench.windows:
            return Lease(place, None, forced)
        taken = await self._state.take(bench.wants(doors.name(place), tokens))
        if isinstance(taken, Short):
            doors.limit(bench, place, taken.wait)
            return None
        if 0 in taken.left:  # the next one need not ask
            doors.limit(
                bench, place, max(wait for left, wait in zip(taken.left, taken.resets, strict=True) if not left)
            )
        return Lease(place, taken, forced, bench.tokens)

    async def _leased_after_all(self, doors: Doors, bench: Bench, passed: Collection[int], tokens: int) -> Lease | None:
        """A door, none of `passed`, that was put away for want of room, and has enough for so few tokens."""
        for place in doors.doubtful(bench, passed):
            doors.unlimit(bench, place)
            lease = await self._leased(doors, bench, place, tokens, forced=False)
            if lease is not None:
                return lease
        return None

    def _succeeding(self, channel: Channel, former: list[Doors]) -> Doors:
        for doors in former:
            if doors.fits(channel):
                doors.go_on_as(channel)
                return doors
        fresh = Doors(channel, self._now, self._dice)
        fresh.succeed(former)
        return fresh

    def __repr__(self) -> str:
        return f"<KeyRing {', '.join(map(repr, self._doors.values()))}>"


def _rest(channel: Channel, fault: Fault) -> float:
    """Seconds for which the key rests that met with `fault`. A key without another rests at its host's word alone."""
    rests, single = channel.key_rests, len(channel.doors) == 1
    asked = min(fault.retry_after or 0.0, MOST_REST)
    match fault.kind:
        case "rate":
            given = rests.rate if rests.rate is not None else rests.failure or 0.0
        case "quota":
            given = rests.quota
        case "auth":
            given, asked = (rests.failure if rests.failure is not None else REFUSED_REST), 0.0
        case "protocol":
            given, asked = rests.failure or 0.0, 0.0
        case _:
            return 0.0
    return asked if single else max(asked, given)
