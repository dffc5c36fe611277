"""Sets of places that stay fast with 100,000 of them: who is there, and who is away until when."""

import heapq
import math
from collections.abc import Callable, Iterator

BITS = 1024
_MASK = BITS - 1
_SHIFT = BITS.bit_length() - 1


class Places:
    """A set of places below `size`. Whatever is asked of it costs a few steps, however many there are.

    Bits in words of 1024, and one word more that tells which of them are not empty.
    """

    __slots__ = ("_count", "_counts", "_size", "_top", "_words")

    def __init__(self, size: int) -> None:
        """Every place is in it."""
        self._size = size
        self._count = size
        words, rest = divmod(size, BITS)
        self._words = [(1 << BITS) - 1] * words
        if rest:
            self._words.append((1 << rest) - 1)
        self._counts = [word.bit_count() for word in self._words]
        self._top = (1 << len(self._words)) - 1

    def __len__(self) -> int:
        return self._count

    def __contains__(self, place: int) -> bool:
        return bool(self._words[place >> _SHIFT] >> (place & _MASK) & 1)

    def add(self, place: int) -> None:
        word, bit = place >> _SHIFT, 1 << (place & _MASK)
        bits = self._words[word]
        if not bits & bit:
            self._words[word] = bits | bit
            if not bits:
                self._top |= 1 << word
            self._counts[word] += 1
            self._count += 1

    def discard(self, place: int) -> bool:
        """Take `place` out. Whether it was in."""
        word, bit = place >> _SHIFT, 1 << (place & _MASK)
        bits = self._words[word]
        if not bits & bit:
            return False
        self._words[word] = bits ^ bit
        if bits == bit:
            self._top ^= 1 << word
        self._counts[word] -= 1
        self._count -= 1
        return True

    def after(self, place: int) -> int | None:
        """The lowest place that is not below `place`."""
        word = place >> _SHIFT
        if word < len(self._words):
            rest = self._words[word] >> (place & _MASK)
            if rest:
                return place + _lowest(rest)
        later = self._top >> (word + 1)
        if not later:
            return None
        word += 1 + _lowest(later)
        return (word << _SHIFT) + _lowest(self._words[word])

    def nth(self, rank: int) -> int:
        """The place that has `rank` others below it. There must be more than `rank`."""
        for word, count in enumerate(self._counts):
            if rank < count:
                return (word << _SHIFT) + _nth(self._words[word], rank)
            rank -= count
        raise IndexError(rank)

    def __iter__(self) -> Iterator[int]:
        place = self.after(0)
        while place is not None:
            yield place
            place = self.after(place + 1)

    def __repr__(self) -> str:
        return f"<Places {self._count} of {self._size}>"


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _nth(bits: int, rank: int) -> int:
    """The position of the bit that has `rank` others below it, found by halves."""
    found, width = 0, BITS
    while width > 1:
        width >>= 1
        low = bits & ((1 << width) - 1)
        count = low.bit_count()
        if rank < count:
            bits = low
        else:
            rank -= count
            bits >>= width
            found += width
    return found


SPARE = 64
"""Entries that `Away` keeps of what is away no longer, and as many again as are away."""


class Away(dict[int, float]):
    """Places that are away, each until its own time. Times are those of the caller's clock."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        super().__init__()
        self._heap: list[tuple[float, int]] = []

    def put(self, place: int, until: float) -> None:
        """`place` is away until then. A later time stays."""
        if until > self.get(place, float("-inf")):
            self[place] = until
            heapq.heappush(self._heap, (until, place))
            if len(self._heap) > 2 * len(self) + SPARE:
                self._heap = [(until, place) for place, until in self.items()]
                heapq.heapify(self._heap)

    def drop(self, place: int) -> None:
        """`place` is away no longer."""
        self.pop(place, None)

    def first(self) -> tuple[float, int] | None:
        """The one that is back first, and when."""
        while self._heap:
            until, place = self._heap[0]
            if self.get(place) == until:
                return until, place
            heapq.heappop(self._heap)
        return None

    def back(self, now: float) -> int | None:
        """One that is back by `now`, which is away no longer. None when all are still away."""
        first = self.first()
        if first is None or first[0] > now:
            return None
        heapq.heappop(self._heap)
        del self[first[1]]
        return first[1]

    def first_but(self, passed: Callable[[int], bool], most: float = math.inf) -> tuple[float, int] | None:
        """As `first`, passing over some, which costs time for each. After `most` of them, the next whatever it is."""
        seen: list[tuple[float, int]] = []
        while (found := self.first()) is not None and passed(found[1]) and len(seen) < most:
            seen.append(heapq.heappop(self._heap))
        for each in seen:
            heapq.heappush(self._heap, each)
        return found

    def __repr__(self) -> str:
        return f"<Away {len(self)}>"
