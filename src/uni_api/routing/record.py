"""How often each door worked and failed of late."""

from collections.abc import Callable

HOURS = 72
HOUR = 3600.0
MOST = 65_535


class Record:
    """Successes and failures of `size` doors over the last 72 hours, in a counter for each hour.

    288 bytes a door, whatever happens; the system gives them only to doors that are used. A counter that is full
    counts no further.
    """

    def __init__(self, size: int, now: Callable[[], float]) -> None:
        self._now = now
        self._worked = memoryview(bytearray(2 * HOURS * size)).cast("H")
        self._failed = memoryview(bytearray(2 * HOURS * size)).cast("H")
        self._last = memoryview(bytearray(8 * size)).cast("q")

    def worked(self, place: int) -> None:
        self._count(self._worked, place)

    def failed(self, place: int) -> None:
        self._count(self._failed, place)

    def share(self, place: int) -> float:
        """How many tries worked, as a fraction. One that was never tried has yet to disappoint: 1."""
        self._turn_to(self._hour(), place)
        row = slice(place * HOURS, (place + 1) * HOURS)
        worked, failed = sum(self._worked[row]), sum(self._failed[row])
        return (worked + 1) / (worked + failed + 1)

    def take_over(self, place: int, other: "Record", its: int) -> None:
        """Go on from what `other` has counted for its place `its`."""
        mine, theirs = slice(place * HOURS, (place + 1) * HOURS), slice(its * HOURS, (its + 1) * HOURS)
        self._worked[mine] = other._worked[theirs]
        self._failed[mine] = other._failed[theirs]
        self._last[place] = other._last[its]

    def _hour(self) -> int:
        return int(self._now() // HOUR)

    def _count(self, counters: memoryview, place: int) -> None:
        hour = self._hour()
        self._turn_to(hour, place)
        slot = place * HOURS + hour % HOURS
        if counters[slot] < MOST:
            counters[slot] += 1

    def _turn_to(self, hour: int, place: int) -> None:
        """Clear the counters of the hours that have begun since the door was last looked at."""
        gone = min(hour - self._last[place], HOURS)
        if gone <= 0:
            return
        self._last[place] = hour
        start = place * HOURS
        first = (hour - gone + 1) % HOURS
        for low, high in ((first, min(first + gone, HOURS)), (0, max(0, first + gone - HOURS))):
            zeros = _ZEROS[: high - low]
            self._worked[start + low : start + high] = zeros
            self._failed[start + low : start + high] = zeros

    def __repr__(self) -> str:
        return f"<Record of {len(self._last)} doors>"


_ZEROS = memoryview(bytes(2 * HOURS)).cast("H")
