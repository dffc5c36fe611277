"""State in this process. No call ever waits."""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from uni_api.state.base import State
from uni_api.state.gauge import Gauge, Purse
from uni_api.state.keeping import Keeper, Kept
from uni_api.state.wants import Short, Taken, Want
from uni_api.state.windows import Windows

LONG = 3600.0
"""Windows of so many seconds and more outlive the process."""

MOST_TURNS = 100_000
"""Cursors that are remembered. With one more, all begin again."""


class LocalState(State):
    """Everything in this process. With `folder`, long windows and spendings survive a restart in a file there.

    `now` gives seconds since 1970. Made and used within one event loop.
    """

    shared = False
    degraded = False

    def __init__(self, now: Callable[[], float], folder: Path | None = None) -> None:
        self._now = now
        self._windows = Windows()
        self._turns: dict[str, int] = {}
        self._rests: dict[str, float] = {}
        self._rounds: deque[str] = deque()
        self._looked_after: set[str] = set()
        self._purses: dict[str, Purse] = {}
        self._keeper = Keeper(folder, self._content) if folder is not None else None
        if self._keeper is not None:
            self._enter(self._keeper.load())

    def gauge(self, wants: Sequence[Want]) -> Gauge | None:
        if len({(want.name, want.seconds) for want in wants}) < len(wants) or any(want.amount != 1 for want in wants):
            return None
        outlive = any(want.seconds >= LONG for want in wants)
        return Gauge(wants, self._windows, self._now, self._keeper if outlive else None)

    def purse(self, name: str) -> Purse:
        found = self._purses.get(name)
        if found is None:
            found = self._purses[name] = Purse(self._keeper)
        return found

    async def take(self, wants: Sequence[Want]) -> Taken | Short:
        found = self._windows.take(wants, self._now())
        if self._keeper is not None and isinstance(found, Taken):
            self._keep(wants)
        return found

    async def settle(self, taken: Taken, amounts: Sequence[int]) -> None:
        self._windows.settle(taken, amounts, self._now())
        if self._keeper is not None:
            self._keep(taken.wants)

    def note(self, wants: Sequence[Want], at: float) -> None:
        """Count what was taken elsewhere, at the time `at`. Never refused."""
        self._windows.note(wants, at)

    async def turn(self, name: str) -> int:
        turns = self._turns
        found = turns.get(name, 0)
        turns[name] = found + 1
        if len(turns) > MOST_TURNS:
            turns.clear()
        return found

    @property
    def resting(self) -> bool:
        return bool(self._rests)

    def rests(self, name: str) -> float:
        until = self._rests.get(name)
        if until is None:
            return 0.0
        left = until - self._now()
        if left > 0:
            return left
        del self._rests[name]
        return 0.0

    async def rest(self, name: str, seconds: float) -> None:
        now = self._now()
        until = now + seconds
        known = self._rests.get(name)
        if until <= (now if known is None else known):
            return
        self._rests[name] = until
        if name not in self._looked_after:
            self._looked_after.add(name)
            self._rounds.append(name)
        self._look_round(now)

    async def wake(self, name: str) -> None:
        self._rests.pop(name, None)

    def _look_round(self, now: float) -> None:
        """Look at the next two rests in turn, so that those which nobody asks for go as well."""
        for _ in range(min(2, len(self._rounds))):
            name = self._rounds.popleft()
            if self._rests.get(name, 0.0) > now:
                self._rounds.append(name)
            else:
                self._rests.pop(name, None)
                self._looked_after.discard(name)

    def all_rests(self) -> list[tuple[str, float]]:
        """Every name that rests, and for how many more seconds."""
        now = self._now()
        return [(name, until - now) for name, until in self._rests.items() if until > now]

    async def reserve(self, name: str, amount: int, most: int) -> bool:
        return self.purse(name).reserve(amount, most)

    async def spend(self, name: str, amount: int) -> None:
        self.purse(name).spend(amount)

    async def spent(self, name: str) -> int:
        found = self._purses.get(name)
        return found.spent if found is not None else 0

    def spent_by_now(self, name: str, total: int) -> None:
        """Set what is spent under `name`."""
        purse = self.purse(name)
        purse.spend(total - purse.spent)

    async def aclose(self) -> None:
        if self._keeper is not None:
            await self._keeper.aclose()

    def _keep(self, wants: Sequence[Want]) -> None:
        assert self._keeper is not None
        for want in wants:
            if want.seconds >= LONG:
                self._keeper.changed()
                return

    def _content(self) -> Kept:
        """What is to be kept. Names that a file can't hold as they are stay out of it."""
        windows = [
            (name, seconds, times.copy(), amounts.copy())
            for name, seconds, times, amounts in self._windows.entries(LONG)
            if name.isprintable()
        ]
        spent = {name: purse.spent for name, purse in self._purses.items() if purse.spent and name.isprintable()}
        return Kept(windows=tuple(windows), spent=spent)

    def _enter(self, kept: Kept) -> None:
        now = self._now()
        for name, seconds, times, amounts in kept.windows:
            self._windows.enter(name, seconds, times, amounts, now)
        for name, total in kept.spent.items():
            self._purses[name] = Purse(self._keeper, total)

    def __repr__(self) -> str:
        return f"<LocalState {len(self._windows)} windows, {len(self._rests)} rests>"
