"""Drawing lots: at random, and even in the long run."""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

PARTS = 256

_LAST = math.nextafter(1.0, 0.0)


class Lots:
    """Draws the places of a line by their shares.

    Of every 256 draws, one falls into each 256th part of the line, in a random order: nobody can tell the next one, but
    shares are kept far better than independent draws would.
    """

    __slots__ = ("_dice", "_parts")

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._parts = bytearray()

    def order(self, shares: Sequence[float]) -> list[int]:
        """Every place once: the first by its share of the whole, each further one by its share of what is left.

        Shares are above 0.
        """
        first = self._first(shares)
        chance = self._dice.expovariate
        rest = [(chance(share), place) for place, share in enumerate(shares) if place != first]
        return [first, *(place for _, place in sorted(rest))]

    def _first(self, shares: Sequence[float]) -> int:
        ends = list(accumulate(shares))
        return min(bisect_right(ends, self.point() * ends[-1]), len(ends) - 1)

    def point(self) -> float:
        """A point of the line, from 0 up to 1, which itself is none of its points."""
        if not self._parts:
            self._parts = bytearray(range(PARTS))
            self._dice.shuffle(self._parts)
        return min((self._parts.pop() + self._dice.random()) / PARTS, _LAST)
