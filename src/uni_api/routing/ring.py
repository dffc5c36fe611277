"""Whose turn it is among the doors of a channel."""

import random
from collections.abc import Collection

from msgspec import Struct

from uni_api.config.plan import Channel
from uni_api.errors import Fault
from uni_api.routing.pool import Candidate


class Shut(Struct, frozen=True):
    """No door can be used now. `wait`: seconds until one can, as far as is known.

    limited: their limits are what holds them back, not a rest after a failure · too_long: the request has more tokens
    than any door takes.
    """

    wait: float
    limited: bool = False
    too_long: bool = False


class KeyRing:
    """The turn of every channel's doors, shared by all requests. Doors are named by their place in the channel."""

    def __init__(self, dice: random.Random | None = None) -> None:
        self._turn: dict[Channel, int] = {}
        self._dice = dice or random.Random()

    async def take(
        self, candidate: Candidate, used: Collection[int], *, tokens: int = 0, force: bool = False
    ) -> int | Shut:
        """The place of the door to use, none of `used`; its turn passes on.

        tokens: an estimate of what the request comes to · force: of the doors that rest, take the one that rests the
        shortest. There must be a door that is not in `used`.
        """
        channel = candidate.channel
        count = len(channel.doors)
        place = self._first(channel) if not used else next(reversed(tuple(used))) + 1
        while place % count in used:
            place += 1
        return place % count

    async def failed(self, candidate: Candidate, place: int, fault: Fault) -> None:
        """A try through this door ended in `fault`."""

    async def worked(self, candidate: Candidate, place: int) -> None:
        """A try through this door came to content."""

    def _first(self, channel: Channel) -> int:
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
