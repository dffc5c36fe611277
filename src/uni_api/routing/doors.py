"""The doors of one channel: which can be used now, and which of them is next. Nothing here waits for anybody."""

import hashlib
import math
import random
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from urllib.parse import urlsplit

from msgspec import Struct

from uni_api.config.plan import Channel
from uni_api.config.policy import Limits
from uni_api.providers.base import Door, Site
from uni_api.routing.orders import order
from uni_api.routing.places import Away, Places
from uni_api.routing.record import Record
from uni_api.state.gauge import Gauge
from uni_api.state.wants import Want

MOST_BACK = 2
"""Doors that one pick lets back in. When thousands are back at once, they come in over the next picks."""

MOST_ASKED = 10
"""Doors that are asked once more before a request is refused whose tokens may well fit."""

MOST_PASSED = 50
"""Doors that are looked at to tell how long all are shut, or which may have room after all. With more, the answer may
be too short."""

SHORTEST = 0.01
"""Seconds for which a door without room is not asked again, so that nobody goes round and round."""

KEY_LENGTH = 20
"""Characters of a key's digest: few enough to be short, enough for no two of millions to be the same."""


class Shut(Struct, frozen=True):
    """No door can be used now. `wait`: seconds until one can, as far as is known; infinite for never.

    limited: their limits are what holds them back, not a rest after a failure · too_long: the request has more tokens
    than any door takes.
    """

    wait: float
    limited: bool = False
    too_long: bool = False


class Bench:
    """The doors as they stand for models under the same limits: `free` are positions, `limited` places."""

    def __init__(self, model: str, limits: Limits, free: Places) -> None:
        self.free = free
        self.limited = Away()
        self.windows = tuple(limit for limit in limits if limit.seconds is not None)
        self._model = model
        counts = tuple([limit.tokens for limit in self.windows])
        self.tokens = counts if any(counts) else ()
        """For each window whether it counts tokens; nothing where none does."""
        sizes = [limit.count for limit in limits if limit.weighs]
        self.most_tokens = min(sizes) if sizes else None
        self.gauges: dict[int, Gauge] = {}
        """The windows of some doors, by their places."""

    def wants(self, door: str, tokens: int) -> tuple[Want, ...]:
        """What one request takes from the limits of the door of that name."""
        return tuple(
            Want(
                f"{door}/{self._model}/{limit.seconds}{'t' if limit.tokens else ''}",
                limit.count,
                float(limit.seconds or 0),
                max(tokens, 1) if limit.tokens else 1,
            )
            for limit in self.windows
        )

    def __repr__(self) -> str:
        return f"<Bench {self._model or 'of all models'}: {len(self.free)} free, {len(self.limited)} limited>"


class Doors:
    """The doors of one channel. Places count from 0; times are those of `now`."""

    def __init__(self, channel: Channel, now: Callable[[], float], dice: random.Random) -> None:
        self.channel = channel
        self.size = len(channel.doors)
        self.turns = f"turn/{channel.name}#{channel.position}"
        self._now = now
        self._names: list[str | None] = [None] * self.size
        self._sites: dict[int, str] = {}
        self._record: Record | None = None
        self._order = order(channel.key_scheduling, self.size, self._recorded, dice)
        self._resting = Away()
        self.takes_turns = self._order.shared and self.size > 1
        """Whether `next` goes by a turn that all processes count together, kept under `turns`."""
        self.limited = channel.key_limits is not None
        self.plain = self.size == 1 and not self.limited
        """Whether there is nothing to choose, and nothing to count."""
        self._turn = 0
        self._benches: dict[str, Bench] = {}
        self._by_model: dict[str, Bench] = {}

    def name(self, place: int) -> str:
        """What a door's rests and windows are kept under: its host and its key, in whichever channel."""
        found = self._names[place]
        if found is None:
            found = self._names[place] = self._named(self.channel.doors[place])
        return found

    def bench(self, model: str) -> Bench:
        """The doors for the upstream's `model`."""
        found = self._by_model.get(model)
        if found is None:
            table = self.channel.key_limits
            limits = table.of(model) if table is not None else None
            found = self._by_model[model] = self._benched(model, limits) if limits else self._benched("", ())
        return found

    def own_turn(self) -> int:
        """The turn that this process counts for itself."""
        turn = self._turn
        self._turn = turn + 1
        return turn

    def at_once(self) -> int | None:
        """A door for a first try, where all can be used and none has limits; None where that is not so."""
        if self.limited or self._resting:
            return None
        return self._any()

    def at_once_of(self, bench: Bench) -> int | None:
        """The same under limits that count nothing but requests: whether they have room is still to be asked."""
        if bench.most_tokens is not None or bench.limited or self._resting or not bench.windows:
            return None
        return self._any()

    def _any(self) -> int | None:
        found = self._order.pick_any(self._turn)
        if found is not None:
            self._turn += 1
        return found

    def next(self, bench: Bench, used: Collection[int], turn: int = 0, prefer: int | None = None) -> int | None:
        """The door to use, none of `used`. None when there is none that is free."""
        free = bench.free
        if not (used or self._resting or bench.limited) and prefer is None:
            found = self._order.pick_any(turn)
            return self._order.place(self._order.pick(free, turn, True)) if found is None else found
        self._let_back(bench, len(used))
        if prefer is not None and self.is_free(bench, used, prefer):
            return prefer
        whole = len(free) == self.size
        hidden = [position for place in used if free.discard(position := self._order.position(place))]
        found = self._order.place(self._order.pick(free, turn, whole)) if free else None
        for position in hidden:
            free.add(position)
        return found

    def is_free(self, bench: Bench, used: Collection[int], place: int | None) -> bool:
        """Whether this very door can be used, as far as is known here."""
        return place is not None and place not in used and self._order.position(place) in bench.free

    def soonest(self, bench: Bench, used: Collection[int]) -> int | None:
        """Of the doors that only rest, none of `used`, the one that rests the shortest."""
        found = self._resting.first_but(lambda place: place in used or place in bench.limited)
        return found[1] if found is not None else None

    def doubtful(self, bench: Bench, used: Collection[int]) -> list[int]:
        """Doors, none of `used`, whose windows had no room for the tokens of others, and may have for fewer.

        What is settled elsewhere, by another process or for another channel with the same key, makes room as well.
        """
        some = islice(bench.limited, MOST_PASSED)
        away = (place for place in some if place not in used and place not in self._resting)
        return list(islice(away, MOST_ASKED))

    def shut(self, bench: Bench, used: Collection[int]) -> Shut:
        """What holds back every door that is not in `used`."""
        now = self._now()
        resting = self._resting.first_but(lambda place: place in used or place in bench.limited, MOST_PASSED)
        limited = bench.limited.first_but(lambda place: place in used or place in self._resting, MOST_PASSED)
        if resting is None and limited is None:
            both = [place for place in bench.limited if place not in used]
            until = [max(bench.limited.get(place) or 0.0, self._resting.get(place) or 0.0) for place in both]
            return Shut(max(0.0, min(until, default=now) - now), limited=bool(both))
        first = min(found[0] for found in (resting, limited) if found is not None)
        return Shut(max(0.0, first - now), limited=resting is None)

    def rest(self, place: int, seconds: float) -> None:
        until = self._now() + seconds
        self._resting.put(place, until)
        for bench in self._benches.values():
            bench.free.discard(self._order.position(place))
            if until >= (bench.limited.get(place) or math.inf):
                bench.limited.drop(place)  # it will be over when the rest is

    def wake(self, place: int) -> None:
        self._resting.drop(place)
        self._admit(place)

    def limit(self, bench: Bench, place: int, seconds: float) -> None:
        """The door's windows have no room for so long."""
        bench.limited.put(place, self._now() + max(seconds, SHORTEST))
        bench.free.discard(self._order.position(place))

    def unlimit(self, bench: Bench, place: int) -> None:
        """The door's windows may have room again."""
        bench.limited.drop(place)
        if place not in self._resting:
            bench.free.add(self._order.position(place))

    def worked(self, place: int) -> None:
        if self._record is not None:
            self._record.worked(place)

    def failed(self, place: int) -> None:
        if self._record is not None:
            self._record.failed(place)

    def fits(self, channel: Channel) -> bool:
        """Whether `channel` is this one after a reload: everything that matters here is the same."""
        mine = self.channel
        return (
            channel.name == mine.name
            and channel.position == mine.position
            and channel.key_scheduling == mine.key_scheduling
            and channel.key_limits == mine.key_limits
            and (channel.doors is mine.doors or channel.doors == mine.doors)
        )

    def go_on_as(self, channel: Channel) -> None:
        """Be the doors of `channel`, which fits."""
        self.channel = channel
        self._sites = {}

    def succeed(self, others: Sequence["Doors"]) -> None:
        """Take over what `others` know of the same doors: rests and records."""
        mine = {self.name(place): place for place in range(self.size)}
        for other in others:
            for its in range(other.size):
                place = mine.get(other.name(its))
                if place is None:
                    continue
                until = other._resting.get(its)
                if until is not None:
                    self.rest(place, until - self._now())
                if self._record is not None and other._record is not None:
                    self._record.take_over(place, other._record, its)

    def _let_back(self, bench: Bench, used: int) -> None:
        now, left = self._now(), MOST_BACK
        while left > 0 or len(bench.free) <= used:
            place = self._resting.back(now)
            if place is not None:
                self._admit(place)
            else:
                place = bench.limited.back(now)
                if place is None:
                    return
                if place not in self._resting:
                    bench.free.add(self._order.position(place))
            left -= 1

    def _admit(self, place: int) -> None:
        for bench in self._benches.values():
            if place not in bench.limited:
                bench.free.add(self._order.position(place))

    def _benched(self, model: str, limits: Limits) -> Bench:
        bench = self._benches.get(model)
        if bench is None:
            bench = self._benches[model] = Bench(model, limits, self._order.everyone())
            for place in self._resting:
                bench.free.discard(self._order.position(place))
        return bench

    def _recorded(self) -> Record:
        self._record = Record(self.size, self._now)
        return self._record

    def _named(self, door: Door) -> str:
        site = self._sites.get(id(door.site))
        if site is None:
            site = self._sites[id(door.site)] = _site_name(door.site)
        key = door.key.digest.hex()[:KEY_LENGTH] if door.key is not None else "open"
        return f"key/{site}/{key}"

    def __repr__(self) -> str:
        benches = "".join(f", {bench!r}" for bench in self._benches.values())
        return f"<Doors of {self.channel.name!r}: {self.size}, {len(self._resting)} resting{benches}>"


def _site_name(site: Site) -> str:
    """The same for sites whose doors are the same: one host, told the same of itself."""
    secrets = [f"{name}={secret.digest.hex()}" for name, secret in sorted(site.secrets.items())]
    options = [f"{name}={value}" for name, value in sorted(site.options.items())]
    text = "\n".join([urlsplit(site.base_url).netloc.lower() or site.base_url, *options, *secrets])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
