"""Whose turn it is among several that have weights."""

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from math import gcd

from msgspec import Struct

MOST_STEPS = 20_000
"""Work that a written-out cycle may be, in turns times places: about a millisecond, once."""

_GOLDEN = (618_033_988_749_894_848, 10**18)
"""The fraction by which steps round a circle stay the furthest apart, however many they are."""


class Rota(Struct, frozen=True):
    """The turns of places with weights: of any `total` turns in a row each place has exactly its own weight's number.

    A short cycle is written out, smooth: the place that is most in arrears is next. A long one is not: a step of about
    the golden ratio, without a common factor with `total`, visits each point of a line of that length once.
    """

    total: int
    ends: tuple[int, ...]
    step: int
    cycle: tuple[int, ...]

    def place(self, turn: int) -> int:
        if self.cycle:
            return self.cycle[turn % self.total]
        return bisect_right(self.ends, turn * self.step % self.total)


@lru_cache(maxsize=256)
def rota(weights: tuple[int, ...]) -> Rota:
    """The Rota of places with these weights, each at least 1."""
    common = gcd(*weights)
    reduced = [weight // common for weight in weights]
    total = sum(reduced)
    cycle = _smooth(reduced, total) if total * len(reduced) <= MOST_STEPS else ()
    return Rota(total, tuple(accumulate(reduced)), _step(total), cycle)


def _smooth(weights: list[int], total: int) -> tuple[int, ...]:
    due = [0] * len(weights)
    cycle = []
    for _ in range(total):
        due = [owed + weight for owed, weight in zip(due, weights, strict=True)]
        place = due.index(max(due))
        due[place] -= total
        cycle.append(place)
    return tuple(cycle)


def _step(total: int) -> int:
    step = total * _GOLDEN[0] // _GOLDEN[1]
    while gcd(step, total) != 1:
        step += 1
    return step
