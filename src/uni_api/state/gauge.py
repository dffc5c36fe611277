"""What one kind of request goes by, kept at hand: taking from it asks nobody and looks nothing up."""

from collections.abc import Callable, Sequence

from uni_api.state.keeping import Keeper
from uni_api.state.wants import Short, Taken, Want
from uni_api.state.windows import TICKS, Window, Windows


class Gauge:
    """Takes `wants` again and again, each of the amount 1 and of another window. `now` gives seconds since 1970.

    Counts in the same windows as `Windows.take` does. pairs: once something was taken, the window of each want and the
    most that it holds.
    """

    __slots__ = ("_keeper", "_now", "_windows", "pairs", "wants")

    def __init__(
        self, wants: Sequence[Want], windows: Windows, now: Callable[[], float], keeper: Keeper | None
    ) -> None:
        """keeper: to be told of every taking, where one of the windows is to be kept."""
        self.wants = tuple(wants)
        self.pairs: tuple[tuple[Window, int], ...] = ()
        self._windows = windows
        self._now = now
        self._keeper = keeper

    def take(self) -> int | Short:
        """Take one of each, or nothing. The time of it, in ticks."""
        tick = round(self._now() * TICKS)
        pairs = self.pairs
        if not pairs:
            return self._take_anew(tick)
        for window, most in pairs:
            if window.leaves <= tick or window.times[-1] > tick:
                window.pass_to(tick)
            if window.total >= most or window.dropped:
                return self._take_anew(tick)
        for window, _ in pairs:
            window.total += 1
            window.add(1, tick)
        keeper = self._keeper
        if keeper is not None and not keeper.told:
            keeper.changed()
        return tick

    def fullest(self) -> int:
        """The place of the pair whose window is closest to its end."""
        used = [window.total / most for window, most in self.pairs]
        return used.index(max(used))

    def full_for(self, tick: int) -> float:
        """Seconds for which nothing more can be taken; 0 where something can."""
        ends = [window.leaves for window, most in self.pairs if window.total >= most and window.times]
        return (max(ends) - tick) / TICKS if ends else 0.0

    def taken(self, tick: int) -> Taken:
        """What was taken then, for whoever gives it back to the state."""
        return Taken("here", tick / TICKS, self.wants, (), ())

    def give_back(self, tick: int) -> None:
        """What was taken then was not used."""
        self._windows.settle(self.taken(tick), [0] * len(self.wants), self._now())

    def _take_anew(self, tick: int) -> int | Short:
        found = self._windows.take(self.wants, tick / TICKS)
        if isinstance(found, Short):
            return found
        self.pairs = tuple((self._windows.window(want), want.most) for want in self.wants)
        if self._keeper is not None:
            self._keeper.changed()
        return tick

    def __repr__(self) -> str:
        return f"<Gauge of {len(self.wants)} windows>"


class Purse:
    """What is spent under one name: to be changed by `reserve` and `spend` alone."""

    __slots__ = ("_keeper", "spent")

    def __init__(self, keeper: Keeper | None, spent: int = 0) -> None:
        """keeper: to be told of every change."""
        self._keeper = keeper
        self.spent = spent

    def reserve(self, amount: int, most: int) -> bool:
        """Spend `amount` unless `most` or more are spent already. Whether it was."""
        if self.spent >= most:
            return False
        self.spent += amount
        keeper = self._keeper
        if keeper is not None and not keeper.told:
            keeper.changed()
        return True

    def spend(self, amount: int) -> None:
        """Spend `amount` more, or less than nothing."""
        self.spent += amount
        keeper = self._keeper
        if keeper is not None and not keeper.told:
            keeper.changed()

    def __repr__(self) -> str:
        return f"<Purse {self.spent} spent>"
