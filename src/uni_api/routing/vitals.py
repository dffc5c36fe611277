"""How one candidate does: how busy it is, how soon it answers, how often it fails."""

from math import exp

FADING = 60.0
"""Seconds in which what was measured fades to about a third, so that nobody is judged by long ago."""

COUNTED = 900.0
"""The same for successes and failures, which are rarer."""

FAILED = 10.0
"""Seconds that a failure is taken for at least: failing fast is not being fast."""

UNKNOWN = 1.0
"""Seconds expected of a candidate that has not answered yet, for each request that waits for it already."""


class Vitals:
    """What this process has seen of one candidate. Times are in seconds, by a clock that the caller reads.

    The time to first content is a peak-sensitive moving average: a slower answer counts at once and in full, faster
    ones by and by.
    """

    __slots__ = ("_counted", "_failures", "_latency", "_measured", "_successes", "busy")

    def __init__(self) -> None:
        self.busy = 0
        self._latency: float | None = None
        self._measured = 0.0
        self._successes = 0.0
        self._failures = 0.0
        self._counted = 0.0

    @property
    def latency(self) -> float | None:
        """Seconds to the first content, or None when nothing was measured."""
        return self._latency

    def answered(self, seconds: float, now: float) -> None:
        """The first content came after `seconds`."""
        known = self._latency
        if known is None or seconds >= known:
            self._latency = seconds
        else:
            kept = _kept(self._measured, now, FADING)
            self._latency = known * kept + seconds * (1 - kept)
        self._measured = now

    def silent(self, seconds: float, now: float) -> None:
        """Nothing came in `seconds`; then nobody waited any longer."""
        if self._latency is None or seconds > self._latency:
            self._latency = seconds
            self._measured = now

    def worked(self, now: float) -> None:
        self._fade(now)
        self._successes += 1

    def failed(self, now: float) -> None:
        self._fade(now)
        self._failures += 1
        self.silent(FAILED, now)

    def cost(self, now: float) -> float:
        """What one more request would have to wait, as a figure to compare: 0 for one that should be tried out."""
        if self._latency is None:
            return UNKNOWN * self.busy
        return self._latency * _kept(self._measured, now, FADING) * (self.busy + 1)

    def reliability(self, now: float) -> float:
        """The share of successes, 1 as long as nothing has failed."""
        self._fade(now)
        return (self._successes + 1) / (self._successes + self._failures + 1)

    def _fade(self, now: float) -> None:
        kept = _kept(self._counted, now, COUNTED)
        self._successes *= kept
        self._failures *= kept
        self._counted = now

    def __repr__(self) -> str:
        latency = "?" if self._latency is None else f"{self._latency:.3f} s"
        return f"<Vitals {self.busy} in flight, {latency}, {self._successes:.1f} good, {self._failures:.1f} bad>"


def _kept(since: float, now: float, period: float) -> float:
    """What is left of a figure from `since`. A clock that was set back ages nothing."""
    return exp(min(0.0, since - now) / period)
