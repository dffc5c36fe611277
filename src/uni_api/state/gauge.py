"""What one kind of request goes by, kept at hand: taking from it asks nobody and looks nothing up."""

from collections.abc import Callable, Sequence

from uni_api.state.wants import Short, Taken, Want
from uni_api.state.windows import TICKS, Window, Windows


class Gauge:
    """Takes `wants` again and again, each of the amount 1 and of another window. `now` gives seconds since 1970.

    Counts in the same windows as `Windows.take` does.
    """

    __slots__ = ("_changed", "_now", "_pairs", "_windows", "wants")

    def __init__(
        self, wants: Sequence[Want], windows: Windows, now: Callable[[], float], changed: Callable[[], None] | None
    ) -> None:
        """changed: to be told of every taking."""
        self.wants = tuple(wants)
        self._windows = windows
        self._now = now
        self._changed = changed
        self._pairs: tuple[tuple[Window, int], ...] = ()

    def take(self) -> int | Short:
        """Take one of each, or nothing. The time of it, in ticks."""
        tick = round(self._now() * TICKS)
        pairs = self._pairs
        if not pairs:
            return self._take_anew(tick)
        for window, most in pairs:
            times = window.times
            if times and (times[0] <= tick - window.span or times[-1] > tick):
                window.pass_to(tick)
            if window.total >= most or window.dropped:
                return self._take_anew(tick)
        for window, _ in pairs:
            window.total += 1
            window.add(1, tick)
        if self._changed is not None:
            self._changed()
        return tick

    def nearest(self, tick: int) -> tuple[int, int, int]:
        """Of the window that is closest to its end: its place, what is left, and the ticks until that grows."""
        place = 0
        pairs = self._pairs
        if len(pairs) > 1:
            used = [window.total / most for window, most in pairs]
            place = used.index(max(used))
        window, most = pairs[place]
        times = window.times
        return place, most - window.total, times[0] + window.span - tick if times else 0

    def full_for(self, tick: int) -> float:
        """Seconds for which nothing more can be taken; 0 where something can."""
        ends = [window.times[0] + window.span for window, most in self._pairs if window.total >= most and window.times]
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
        self._pairs = tuple((self._windows.window(want), want.most) for want in self.wants)
        if self._changed is not None:
            self._changed()
        return tick

    def __repr__(self) -> str:
        return f"<Gauge of {len(self.wants)} windows>"


class Purse:
    """What is spent under one name, at hand."""

    __slots__ = ("_changed", "_name", "_spent")

    def __init__(self, name: str, spent: dict[str, int], changed: Callable[[], None] | None) -> None:
        """spent: what is spent under every name · changed: to be told of every change."""
        self._name = name
        self._spent = spent
        self._changed = changed

    @property
    def spent(self) -> int:
        return self._spent.get(self._name, 0)

    def reserve(self, amount: int, most: int) -> bool:
        """Spend `amount` unless `most` or more are spent already. Whether it was."""
        spent = self._spent.get(self._name, 0)
        if spent >= most:
            return False
        self._spent[self._name] = spent + amount
        if self._changed is not None:
            self._changed()
        return True

    def spend(self, amount: int) -> None:
        """Spend `amount` more, or less than nothing."""
        self._spent[self._name] = self._spent.get(self._name, 0) + amount
        if self._changed is not None:
            self._changed()

    def __repr__(self) -> str:
        return f"<Purse {self.spent} spent>"
