"""In which order one request tries its candidates and their keys, and when it gives up."""

import random
from collections.abc import Sequence

from msgspec import Struct

from uni_api.config.plan import Channel
from uni_api.providers.base import Door
from uni_api.routing.candidates import Candidate

MOST_KEYS_TRIED = 10


class KeyRing:
    """The turn of every channel's keys, shared by all requests. Keys are named by their place in the channel's list."""

    def __init__(self, dice: random.Random | None = None) -> None:
        self._turn: dict[Channel, int] = {}
        self._dice = dice or random.Random()

    def first(self, channel: Channel) -> int:
        """The place of the key whose turn it is; the turn passes on."""
        count = len(channel.doors)
        if count < 2 or channel.key_scheduling == "fixed_priority":
            return 0
        if channel.key_scheduling == "random":
            return self._dice.randrange(count)
        turn = self._turn.get(channel, 0)
        self._turn[channel] = (turn + 1) % count
        return turn

    def __repr__(self) -> str:
        return f"<KeyRing {', '.join(f'{channel.name}: {turn}' for channel, turn in self._turn.items())}>"


class Try(Struct, frozen=True):
    """One concrete attempt: a candidate, and the place of the channel's door to go through."""

    candidate: Candidate
    place: int

    @property
    def door(self) -> Door:
        return self.candidate.channel.doors[self.place]


class Tries:
    """The tries of one request, each asked for after the last one failed.

    A channel+key that has just failed is not repeated while another is left. With `auto_retry` False there is one try;
    with True every candidate is tried once, then keys not yet used, at most ten tries or one for each candidate,
    whichever is more; a number n allows n more, starting over when everything has been used.
    """

    __slots__ = ("_at", "_auto_retry", "_candidates", "_left", "_ring", "_used", "made")

    def __init__(self, candidates: Sequence[Candidate], ring: KeyRing, auto_retry: bool | int) -> None:
        self._candidates = candidates
        self._ring = ring
        self._auto_retry = auto_retry
        self._used: list[list[int]] = []
        self._at = 0
        self._left = 0
        self.made = 0

    def first(self) -> Try:
        """The first try. The budget of the others is only reckoned when one is asked for."""
        self.made = 1
        candidate = self._candidates[0]
        place = self._ring.first(candidate.channel)
        self._used = [[place]]
        return Try(candidate, place)

    def next(self, *, same_channel: bool) -> Try | None:
        """The next try, or None when there is none. `same_channel`: only the last key is at fault, not its channel."""
        if self.made == 1:
            self._used += [[] for _ in self._candidates[1:]]
            self._left = self._budget() - 1
        if self._left <= 0:
            return None
        self._at = self._choose(same_channel)
        self._left -= 1
        self.made += 1
        return self._with_next_key(self._at)

    def _budget(self) -> int:
        if not self._auto_retry:
            return 1
        keys = sum(map(self._keys, range(len(self._candidates))))
        full = max(len(self._candidates), min(MOST_KEYS_TRIED, keys))
        return full if isinstance(self._auto_retry, bool) else full + self._auto_retry

    def _choose(self, same_channel: bool) -> int:
        untried = [number for number, used in enumerate(self._used) if not used]
        if same_channel and self._has_fresh_key(self._at) and self._left > len(untried):
            return self._at
        if untried:
            return untried[0]
        for number in range(len(self._candidates)):
            if self._has_fresh_key(number):
                return number
        return self._start_over()

    def _start_over(self) -> int:
        last = self._at
        place = self._used[last][-1]
        self._used = [[] for _ in self._candidates]
        if len(self._candidates) > 1:
            return 0 if last != 0 else 1
        if self._keys(last) > 1:
            self._used[last].append(place)
        return last

    def _has_fresh_key(self, number: int) -> bool:
        return len(self._used[number]) < self._keys(number)

    def _keys(self, number: int) -> int:
        return len(self._candidates[number].channel.doors)

    def _with_next_key(self, number: int) -> Try:
        candidate = self._candidates[number]
        used = self._used[number]
        place = self._ring.first(candidate.channel) if not used else (used[-1] + 1) % self._keys(number)
        while place in used:
            place = (place + 1) % self._keys(number)
        used.append(place)
        return Try(candidate, place)

    def __repr__(self) -> str:
        return f"<Tries {self.made} made>"
