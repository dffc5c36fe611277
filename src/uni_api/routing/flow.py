"""The candidates of a pool in the order in which they come up, those of the pools within it in their place."""

from collections.abc import Sequence, Set

from uni_api.config.plan import Client
from uni_api.routing.pool import Candidate, Entry, Pool
from uni_api.routing.schedule import Scheduler

Via = tuple[Client, ...]


class _Level:
    """One pool on the way, and how far it has been gone through."""

    __slots__ = ("at", "entries", "via")

    def __init__(self, entries: Sequence[Entry], via: Via) -> None:
        self.entries = entries
        self.via = via
        self.at = 0


class Flow:
    """Gives one candidate after the other. A pool within is entered, and its turn passes on, when it comes up."""

    __slots__ = ("_levels", "_pool", "_scheduler")

    def __init__(self, pool: Pool, scheduler: Scheduler) -> None:
        self._pool = pool
        self._scheduler = scheduler
        self._levels: list[_Level] | None = None

    def pass_first(self) -> None:
        """The first entry of the pool, in the order of its rules, has come up already."""
        level = _Level(self._pool.entries, ())
        level.at = 1
        self._levels = [level]

    async def next(self, barred: Set[Client]) -> tuple[Candidate, Via] | None:
        """The next candidate, and the client keys that lead to it, none of them `barred`. None at the end."""
        levels = self._levels
        if levels is None:
            levels = self._levels = [_Level(await self._scheduler.arranged(self._pool), ())]
        while levels:
            level = levels[-1]
            if level.at == len(level.entries) or (barred and not barred.isdisjoint(level.via)):
                levels.pop()
                continue
            target = level.entries[level.at].target
            level.at += 1
            if isinstance(target, Candidate):
                return target, level.via
            levels.append(_Level(await self._scheduler.arranged(target), (*level.via, target.client)))
        return None
