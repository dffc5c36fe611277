"""The windows that one kind of request goes by, kept at hand: taking from them asks nobody and looks nothing up."""

from collections.abc import Callable, Sequence

from uni_api.state.base import Short, Taken, Want
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

    def taken(self, tick: int) -> Taken:
        """What was taken then, for whoever gives it back."""
        return Taken("here", tick / TICKS, self.wants, (), ())

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
