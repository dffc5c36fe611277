"""In which order the doors of a channel are used.

An order works on positions, which `position` and `place` tell from places in the channel. `pick` gets the positions
that can be used now, at least one.
"""

import random
from collections.abc import Callable
from typing import Protocol, assert_never

from uni_api.config.plan import KeyScheduling
from uni_api.routing.lots import Lots
from uni_api.routing.places import Places
from uni_api.routing.record import Record

GROUP = 100
"""The most doors that `smart_round_robin` ranks at a time."""


class Order(Protocol):
    shared: bool
    """Whether `pick` goes by a turn that all processes count together."""

    def everyone(self) -> Places:
        """The positions of all doors."""

    def position(self, place: int) -> int: ...

    def place(self, position: int) -> int: ...

    def pick(self, free: Places, turn: int, whole: bool) -> int:
        """A position in `free`. `whole`: all doors can be used."""

    def pick_any(self, turn: int) -> int | None:
        """The place of what `pick` would give where all doors can be used; None where that has to be worked out."""


class _AsListed:
    """Positions are places."""

    shared = False

    def __init__(self, size: int) -> None:
        self._size = size

    def everyone(self) -> Places:
        return Places(self._size)

    def position(self, place: int) -> int:
        return place

    def place(self, position: int) -> int:
        return position

    def pick_any(self, turn: int) -> int | None:
        return None


class FixedPriority(_AsListed):
    """The first that can be used."""

    def pick_any(self, turn: int) -> int | None:
        return 0

    def pick(self, free: Places, turn: int, whole: bool) -> int:
        return _from(free, 0)


class RoundRobin(_AsListed):
    """Each in turn.

    What can't be used is passed over, and the turns go on from there: two that follow each other keep their distance.
    """

    shared = True

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._ahead = 0

    def pick_any(self, turn: int) -> int | None:
        self._ahead = 0
        return turn % self._size

    def pick(self, free: Places, turn: int, whole: bool) -> int:
        if whole:
            self._ahead = 0  # processes that passed over different doors agree again
        found = _from(free, (turn + self._ahead) % self._size)
        self._ahead = (found - turn) % self._size
        return found


class Random(_AsListed):
    """Any, each as likely as the others, and in the long run as often."""

    def __init__(self, size: int, dice: random.Random) -> None:
        super().__init__(size)
        self._lots = Lots(dice)

    def pick_any(self, turn: int) -> int | None:
        return int(self._lots.point() * self._size)

    def pick(self, free: Places, turn: int, whole: bool) -> int:
        return free.nth(int(self._lots.point() * len(free)))


class SmartRoundRobin:
    """Each once a lap, in groups of at most 100; in a group, whoever worked most often of late comes first.

    Doors are dealt to the groups one by one, so that each has its share of good ones. A group is ranked when its time
    comes. A door that was never tried comes before those that failed.
    """

    shared = False

    def __init__(self, size: int, record: Record) -> None:
        self._size = size
        self._groups = -(-size // GROUP)
        self._seats = -(-size // self._groups)
        self._record = record
        self._ranked: list[int] = []
        self._next_group = 0

    def everyone(self) -> Places:
        found = Places(self._groups * self._seats)
        for position in range(self._seats - 1, self._groups * self._seats, self._seats):
            if self.place(position) >= self._size:
                found.discard(position)
        return found

    def position(self, place: int) -> int:
        return place % self._groups * self._seats + place // self._groups

    def place(self, position: int) -> int:
        return position % self._seats * self._groups + position // self._seats

    def pick_any(self, turn: int) -> int | None:
        return None

    def pick(self, free: Places, turn: int, whole: bool) -> int:
        while self._ranked:
            position = self._ranked.pop()
            if position in free:
                return position
        self._rank(free)
        return self._ranked.pop()

    def _rank(self, free: Places) -> None:
        """Rank the next group that has anybody."""
        first = _from(free, self._next_group * self._seats)
        group = first // self._seats
        end = (group + 1) * self._seats
        self._next_group = group + 1
        found: list[int] = []
        position: int | None = first
        while position is not None and position < end:
            found.append(position)
            position = free.after(position + 1)
        found.reverse()
        found.sort(key=lambda each: self._record.share(self.place(each)))
        self._ranked = found


def order(scheduling: KeyScheduling, size: int, record: Callable[[], Record], dice: random.Random) -> Order:
    """The order that `scheduling` names, for `size` doors."""
    match scheduling:
        case "fixed_priority":
            return FixedPriority(size)
        case "round_robin":
            return RoundRobin(size)
        case "random":
            return Random(size, dice)
        case "smart_round_robin":
            return SmartRoundRobin(size, record())
        case _:
            assert_never(scheduling)


def _from(free: Places, start: int) -> int:
    """The first position at or after `start`, going round."""
    found = free.after(start)
    if found is None:
        found = free.after(0)
    assert found is not None
    return found
