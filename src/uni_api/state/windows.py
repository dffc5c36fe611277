"""Sliding windows: how much of what was taken is still within the last so many seconds."""

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from uni_api.state.wants import Short, Taken, Want

TICKS = 1_000_000
"""Ticks in a second. Times are whole ticks inside, so that a wait that was told is neither too short nor too long."""

EXACT = 1024
"""So many takings a window remembers one by one. From there on, those of one `EXACT`th of the window share an entry and
leave with the last of them: later than they had to, never sooner."""

LONGEST_NAME = 160

ROUND = 8
"""After so many takings as many windows are looked at, whether they are over."""

Key = tuple[str, float]


class Window:
    """What was taken within the last `span` ticks: times in order, an amount each, and the sum of the amounts.

    leaves: when the first of them does, 0 where nothing is in here · dropped: it is over, and another one stands for
    its name.
    """

    __slots__ = ("_grain", "_shared", "amounts", "dropped", "leaves", "span", "times", "total")

    def __init__(self, span: int) -> None:
        self.span = span
        self.dropped = False
        self.leaves = 0
        self._grain = max(1, span // EXACT)
        self._shared = 0  # the last entry is for all until then, or for fewer
        self.times: list[int] = []
        self.amounts: list[int] = []
        self.total = 0

    def pass_to(self, now: int) -> None:
        """Forget what is too old. Where the clock was set back, what was taken counts as taken now."""
        times = self.times
        if not times:
            return
        if times[-1] > now:
            self.times = times = [min(each, now) for each in times]
            self._look()
        if times[0] <= now - self.span:
            gone = bisect_right(times, now - self.span)
            self.total -= sum(self.amounts[:gone])
            del times[:gone], self.amounts[:gone]
            self._look()

    def add(self, amount: int, now: int) -> None:
        """Enter `amount`. The caller has counted it in `total` already."""
        times = self.times
        if len(times) >= EXACT and now < self._shared:
            times[-1] = now
            self.amounts[-1] += amount
        elif times and (times[-1] == now or (len(times) >= EXACT and times[-1] // self._grain == now // self._grain)):
            times[-1] = now
            self.amounts[-1] += amount
            self._look()
        elif amount:
            times.append(now)
            self.amounts.append(amount)
            if len(times) == 1 or len(times) >= EXACT:
                self._look()

    def change(self, by: int, at: int) -> None:
        """Correct what was taken at the time `at`, unless that is over by now."""
        place = bisect_left(self.times, at)
        if place == len(self.times):
            if by > 0:
                self.total += by
                self.add(by, at)
            return
        by = max(by, -self.amounts[place])
        self.total += by
        self.amounts[place] += by
        if not self.amounts[place]:
            del self.times[place], self.amounts[place]
            self._look()

    def fill(self, times: list[int], amounts: list[int]) -> None:
        """Hold these, in place of what is there."""
        self.times, self.amounts = times, amounts
        self.total = sum(amounts)
        self._look()

    def _look(self) -> None:
        """Note when the first entry leaves, and until when the last is shared."""
        times = self.times
        self.leaves = times[0] + self.span if times else 0
        self._shared = times[-1] - times[-1] % self._grain + self._grain if len(times) >= EXACT else 0

    def wait(self, excess: int, now: int) -> int | None:
        """Ticks until `excess` of what is in here has left. None: there is not so much in here."""
        for time, amount in zip(self.times, self.amounts, strict=True):
            excess -= amount
            if excess <= 0:
                return time + self.span - now
        return None


class Windows:
    """All windows, by name and length. One without anything in it takes no room for long.

    Every method is told the time, in seconds, and waits for nothing.
    """

    def __init__(self) -> None:
        self._windows: dict[Key, Window] = {}
        self._rounds: deque[Key] = deque()
        self._new = 0
        self._takings = 0

    def take(self, wants: Sequence[Want], now: float) -> Taken | Short:
        """Take all of `wants`, or nothing. Short tells the want that has to wait longest."""
        tick = ticks(now)
        windows = []
        short = False
        for want in wants:
            window = self._window(want, tick)
            windows.append(window)
            window.total += want.amount  # two wants may be for one window
            short = short or window.total > want.most
        if short:
            return self._refused(wants, windows, tick)
        left, resets = [], []
        for window, want in zip(windows, wants, strict=True):
            window.add(want.amount, tick)
            left.append(max(0, want.most - window.total))
            resets.append((window.times[0] + window.span - tick) / TICKS if window.times else 0.0)
        self._takings += 1
        if self._new or self._takings >= ROUND:
            self._look_round(tick)
        return Taken("here", now, tuple(wants), tuple(left), tuple(resets))

    def _refused(self, wants: Sequence[Want], windows: Sequence[Window], tick: int) -> Short:
        """The want that has to wait longest. What was entered in the totals is taken back."""
        pairs = list(zip(windows, wants, strict=True))
        for window, want in pairs:
            window.total -= want.amount
        shorts = []
        for window, want in pairs:  # one after the other: two wants may be for one window
            window.total += want.amount
            if window.total > want.most:
                shorts.append(_short(window, want, tick))
        for window, want in pairs:
            window.total -= want.amount
        self._look_round(tick)
        return max(shorts, key=lambda short: short.wait)

    def note(self, wants: Sequence[Want], now: float) -> None:
        """Count what was taken elsewhere."""
        tick = ticks(now)
        for want in wants:
            window = self._window(want, tick)
            window.total += want.amount
            window.add(want.amount, tick)
        self._look_round(tick)

    def settle(self, taken: Taken, amounts: Sequence[int], now: float) -> None:
        """Count `amounts` in place of what `taken` took. To be called once for each taking."""
        tick, at = ticks(now), ticks(taken.at)
        for want, amount in zip(taken.wants, amounts, strict=True):
            if amount != want.amount and at > tick - ticks(want.seconds):
                self._window(want, tick).change(amount - want.amount, min(at, tick))

    def entries(self, longer_than: float) -> Iterator[tuple[str, float, list[int], list[int]]]:
        """Name, seconds, times and amounts of every window of at least `longer_than` seconds."""
        for (name, seconds), window in self._windows.items():
            if seconds >= longer_than and window.times:
                yield name, seconds, window.times, window.amounts

    def enter(self, name: str, seconds: float, times: Sequence[int], amounts: Sequence[int], now: float) -> None:
        """Put back what `entries` gave, in place of what is there."""
        tick = ticks(now)
        window = self._window(Want(name, 0, seconds), tick)
        window.fill(list(times), list(amounts))
        window.pass_to(tick)

    def __len__(self) -> int:
        return len(self._windows)

    def window(self, want: Want) -> Window:
        """The window of a want that was just taken."""
        return self._windows[_key(want)]

    def _window(self, want: Want, tick: int) -> Window:
        key = _key(want)
        window = self._windows.get(key)
        if window is None:
            self._new += 1
            window = self._windows[key] = Window(max(1, ticks(want.seconds)))
            self._rounds.append(key)
        else:
            window.pass_to(tick)
        return window

    def _look_round(self, tick: int) -> None:
        """Look at some windows, in turn, and drop those that are over.

        A new window is paid for with two looks, so that no more are made than are looked at.
        """
        looks = ROUND + 2 * self._new
        self._new = self._takings = 0
        for _ in range(min(looks, len(self._rounds))):
            key = self._rounds.popleft()
            window = self._windows[key]
            if not window.times or window.times[-1] <= tick - window.span:
                del self._windows[key]
                window.dropped = True
            else:
                self._rounds.append(key)

    def __repr__(self) -> str:
        return f"<Windows {len(self._windows)}>"


def _key(want: Want) -> Key:
    return (want.name if len(want.name) <= LONGEST_NAME else shortened(want.name), want.seconds)


def ticks(seconds: float) -> int:
    return round(seconds * TICKS)


def shortened(name: str) -> str:
    """A long name as one that takes little room and is as good as unique."""
    return f"{name[:32]}-{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def _short(window: Window, want: Want, tick: int) -> Short:
    """What keeps `want` from being had, when its amount is in `window.total` already."""
    left = max(0, want.most - window.total + want.amount)
    wait = window.wait(window.total - want.most, tick)
    return Short(want, math.inf if wait is None else wait / TICKS, left)
