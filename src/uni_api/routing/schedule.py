"""In which order the entries of a pool are tried."""

import random
from collections.abc import Sequence
from typing import TypeVar, assert_never

from uni_api.routing.health import Health
from uni_api.routing.lots import Lots
from uni_api.routing.pool import Entry, Pool
from uni_api.routing.weights import rota

T = TypeVar("T")

MOST_LOTS = 10_000
"""Pools for which lots are kept; beyond, they begin anew."""


class Scheduler:
    """Orders the entries of pools, each time anew, as the pool's client key has it.

    What rests comes last, the shortest rest first; the others are ordered as if it were not there. Turns are counted
    for each client key and model, in the state that `health` has.
    """

    def __init__(self, health: Health, dice: random.Random | None = None) -> None:
        self._health = health
        self._state = health.state
        self._dice = dice or random.Random()
        self._lots: dict[str, Lots] = {}

    async def arranged(self, pool: Pool) -> Sequence[Entry]:
        """Every entry of `pool` once, the one to be tried first at the front."""
        entries: Sequence[Entry] = pool.entries
        if len(entries) == 1:
            return entries
        resting: Sequence[Entry] = ()
        if self._health.resting:
            entries, resting = self._health.parted(entries)
        if len(entries) > 1 and pool.client.scheduling != "fixed_priority":
            entries = await self._ordered(pool, entries)
        return [*entries, *resting] if resting else entries

    async def _ordered(self, pool: Pool, entries: Sequence[Entry]) -> Sequence[Entry]:
        scheduling = pool.client.scheduling
        match scheduling:
            case "fixed_priority":
                return entries
            case "round_robin":
                return _rotated(entries, await self._state.turn(pool.name))
            case "weighted_round_robin":
                return self._by_weight(entries, await self._state.turn(pool.name))
            case "lottery" | "smart_round_robin":
                return await self._by_share(pool, entries, measured=scheduling == "smart_round_robin")
            case "random":
                return self._drawn(pool, entries, [1.0] * len(entries))
            case "lowest_latency":
                return self._by_latency(entries)
            case "least_busy":
                return self._by_load(entries, await self._state.turn(pool.name))
            case _:
                assert_never(scheduling)

    def _by_weight(self, entries: Sequence[Entry], turn: int) -> Sequence[Entry]:
        weighted, plain, spare = _parted(entries)
        if weighted:
            place = rota(tuple(entry.weight or 1 for entry in weighted)).place(turn)
            first, *others = _rotated(weighted, place)
            weighted = [first, *sorted(others, key=lambda entry: -(entry.weight or 1))]
        return [*weighted, *_rotated(plain, turn), *spare]

    async def _by_share(self, pool: Pool, entries: Sequence[Entry], *, measured: bool) -> Sequence[Entry]:
        weighted, plain, spare = _parted(entries)
        if not weighted:
            weighted, plain = plain, []
        shares = [float(entry.weight or 1) for entry in weighted]
        if measured:
            shares = [share * merit for share, merit in zip(shares, self._health.shares(weighted), strict=True)]
        drawn = self._drawn(pool, weighted, shares) if weighted else []
        turned = _rotated(plain, await self._state.turn(pool.name)) if len(plain) > 1 else plain
        return [*drawn, *turned, *spare]

    def _by_latency(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """The better one of two taken at random, so that nobody is overrun by all requests at once; then by cost."""
        one, other = self._dice.sample(range(len(entries)), 2)
        costs = [self._health.cost(entry.target) for entry in entries]
        first = one if costs[one] <= costs[other] else other
        rest = sorted((place for place in range(len(entries)) if place != first), key=costs.__getitem__)
        return [entries[first], *(entries[place] for place in rest)]

    def _by_load(self, entries: Sequence[Entry], turn: int) -> Sequence[Entry]:
        loads = [self._health.busy(entry.target) for entry in entries]
        order = sorted(range(len(entries)), key=loads.__getitem__)
        idlest = loads.count(loads[order[0]])
        return [entries[place] for place in (*_rotated(order[:idlest], turn), *order[idlest:])]

    def _drawn(self, pool: Pool, entries: Sequence[Entry], shares: Sequence[float]) -> list[Entry]:
        name = pool.name
        lots = self._lots.get(name)
        if lots is None:
            if len(self._lots) >= MOST_LOTS:
                self._lots.clear()
            lots = self._lots[name] = Lots(self._dice)
        return [entries[place] for place in lots.order(shares)]

    def __repr__(self) -> str:
        return f"<Scheduler, lots of {len(self._lots)} pools>"


def _parted(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """Entries with a weight, those without one, and those whose weight of 0 makes them a spare."""
    weighted = [entry for entry in entries if entry.weight]
    plain = [entry for entry in entries if entry.weight is None]
    spare = [entry for entry in entries if entry.weight == 0]
    return weighted, plain, spare


def _rotated(line: Sequence[T], turn: int) -> Sequence[T]:
    if not line:
        return line
    start = turn % len(line)
    return [*line[start:], *line[:start]]
