"""In which order one request tries its candidates and their keys, and when it gives up."""

from msgspec import Struct

from uni_api.config.plan import Client
from uni_api.providers.base import Door
from uni_api.routing.doors import Shut
from uni_api.routing.flow import Flow, Via
from uni_api.routing.pool import Candidate, Pool
from uni_api.routing.ring import KeyRing, Lease
from uni_api.routing.schedule import Scheduler

MOST_TRIES = 10
"""Tries of one request where api.yaml names no number, unless there are more candidates than that."""
MOST_ROUNDS = 3
"""How often one candidate's doors are gone through where api.yaml names no number."""


class Try(Struct, frozen=True):
    """One concrete attempt: a candidate, and the place of the channel's door to go through.

    `via`: the client keys whose rules led there, other than the one that asked. `lease`: how the ring gave the door.
    `repeats`: how often this very door was tried before for the same request. `alone`: there is no other door at
    all, and this one is not tried again.
    """

    candidate: Candidate
    place: int
    via: Via = ()
    lease: Lease | None = None
    repeats: int = 0
    alone: bool = False

    @property
    def door(self) -> Door:
        return self.candidate.channel.doors[self.place]


class Preference(Struct, frozen=True):
    """Whom a request would like to be served by. `place`: the door, where that matters too. `via`: as in a Try."""

    candidate: Candidate
    place: int | None = None
    via: Via = ()


class _Slot:
    """A candidate that has come up, and the places of its doors that were used, in this round and in all (`tried`).

    again: what it failed of last may pass, so that it is worth another try.
    """

    __slots__ = ("again", "candidate", "rounds", "shut", "tried", "used", "via")

    def __init__(self, candidate: Candidate, via: Via) -> None:
        self.candidate = candidate
        self.via = via
        self.used: list[int] = []
        self.tried: list[int] = []
        self.shut: Shut | None = None
        self.again = False
        self.rounds = 1

    @property
    def fresh(self) -> bool:
        """Whether there is a door that was not used, and none was refused."""
        return self.shut is None and len(self.used) < len(self.candidate.channel.doors)


def first_try(pool: Pool, ring: KeyRing) -> Try | None:
    """The first try, where nobody has to be asked for it: most of the time. What follows is up to Tries."""
    candidate = pool.first
    if candidate is None:
        return None
    lease = ring.at_once(candidate)
    return Try(candidate, lease.place, (), lease, 0, pool.alone) if lease is not None else None


class Tries:
    """The tries of one request, each asked for after the last one failed.

    A channel and key that have just failed are not repeated while others are left. With `auto_retry` False there is one
    try. With True every candidate is tried once, then keys not yet used, then, where there are several candidates,
    those twice more whose failure may pass: ten tries in all, or one for each candidate if that is more. A number n
    allows n more than every candidate and up to ten keys once, starting over when everything has been used. What rests
    is tried when nothing else is left. Pools within the pool are entered as they come up, and draw on the same budget.

    first: the try that was made already, as `first_try` gave it.
    """

    __slots__ = (
        "_at",
        "_auto_retry",
        "_barred",
        "_budget",
        "_come",
        "_first",
        "_flow",
        "_pool",
        "_prefer",
        "_ring",
        "_scheduler",
        "_tokens",
        "made",
    )

    def __init__(
        self,
        pool: Pool,
        ring: KeyRing,
        scheduler: Scheduler,
        auto_retry: bool | int,
        tokens: int = 0,
        prefer: Preference | None = None,
        first: Try | None = None,
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._scheduler = scheduler
        self._auto_retry = auto_retry
        self._tokens = tokens
        self._prefer = prefer
        self._come: list[_Slot] = []
        self._flow: Flow | None = None
        self._at: _Slot | None = None
        self._first = first
        self._barred: frozenset[Client] = frozenset()
        self._budget = 0
        self.made = 0 if first is None else 1

    @property
    def only(self) -> bool:
        """Whether there is but one candidate."""
        return self._pool.size == 1

    @property
    def shut(self) -> Shut | None:
        """Why no try was made, when there was none: the channel that can be used first."""
        found = [slot.shut for slot in self._come if slot.shut is not None]
        return min(found, key=lambda shut: (shut.too_long, shut.wait)) if found else None

    def failed(self, tried: Try, *, again: bool) -> None:
        """`tried` is what failed last, where several are under way. again: what it failed of may pass."""
        slot = next(slot for slot in self._come if slot.candidate is tried.candidate and slot.via == tried.via)
        slot.again = again
        self._at = slot

    async def next(self, *, same_channel: bool = False, again: bool | None = None) -> Try | None:
        """The next try, or None when there is none.

        same_channel: only the key that failed last is at fault, not its channel · again: what it failed of may pass;
        None where nothing has failed: then nobody is tried who was tried before.
        """
        if self._first is not None:
            self._make_up_for(self._first)
        if self._at is not None:
            if again is not None:
                self._at.again = again
            self._budget = self._budget or self._reckoned()
            if self.made >= self._budget:
                return None
            chosen = await self._choose(same_channel, repeats=again is not None)
        else:
            chosen = await self._choose(False, repeats=False)
        if chosen is not None:
            self.made += 1
        return chosen

    def bar(self, client: Client) -> None:
        """Nothing that comes by way of `client` is tried from now on. The try that led there does not count."""
        self._barred |= {client}
        self.made -= 1

    def _reckoned(self) -> int:
        """How many tries there may be in all. Only asked once the first has failed."""
        if not self._auto_retry:
            return 1
        once = max(self._pool.size, min(MOST_TRIES, self._pool.doors))
        if not isinstance(self._auto_retry, bool):
            return once + self._auto_retry
        return once if self.only else max(once, MOST_TRIES)

    async def _choose(self, same_channel: bool, *, repeats: bool) -> Try | None:
        at = self._at
        if same_channel and at is not None and at.fresh and self._budget - self.made > self._untried():
            found = await self._enter(at)
            if found is not None:
                return found
        while (slot := await self._coming()) is not None:
            found = await self._enter(slot)
            if found is not None:
                return found
        for slot in self._come:
            if slot.fresh and self._open(slot) and (found := await self._enter(slot)) is not None:
                return found
        return await self._last_resort(repeats)

    async def _coming(self) -> _Slot | None:
        prefer = self._prefer
        if prefer is not None and not self._come:
            return self._came(prefer.candidate, prefer.via)
        if self._flow is None:
            self._flow = Flow(self._pool, self._scheduler)
        while (found := await self._flow.next(self._barred)) is not None:
            candidate, via = found
            if prefer is None or candidate is not prefer.candidate or self._barred.intersection(prefer.via):
                return self._came(candidate, via)
        return None

    def _make_up_for(self, first: Try) -> None:
        """Enter the try that was made before these were asked: it has failed, and another is wanted."""
        self._first = None
        self._flow = Flow(self._pool, self._scheduler)
        self._flow.pass_first()
        self._at = slot = self._came(first.candidate, ())
        slot.used.append(first.place)
        slot.tried.append(first.place)

    def _came(self, candidate: Candidate, via: Via) -> _Slot:
        slot = _Slot(candidate, via)
        self._come.append(slot)
        return slot

    async def _enter(self, slot: _Slot, *, force: bool = False) -> Try | None:
        prefer = self._prefer.place if self._prefer is not None and self._prefer.candidate is slot.candidate else None
        lease = await self._ring.take(slot.candidate, slot.used, tokens=self._tokens, force=force, prefer=prefer)
        if isinstance(lease, Shut):
            slot.shut = lease
            return None
        place = lease.place
        repeats = slot.tried.count(place) if slot.tried else 0
        slot.used.append(place)
        slot.tried.append(place)
        self._at = slot
        return Try(slot.candidate, place, slot.via, lease, repeats, self._alone)

    async def _last_resort(self, repeats: bool) -> Try | None:
        """What rests, the shortest rest first; and when everything was used, from the start, where it `repeats`."""
        resting = [slot for slot in self._come if self._open(slot) and slot.shut is not None and not slot.used]
        for slot in sorted(resting, key=lambda slot: slot.shut.wait if slot.shut is not None else 0.0):
            if (found := await self._enter(slot, force=True)) is not None:
                return found
        if not repeats:
            return None
        counted = not isinstance(self._auto_retry, bool)
        usable = [slot for slot in self._come if slot.used and self._open(slot) and (counted or _may_again(slot))]
        return await self._start_over(usable) if usable and (counted or not self.only) else None

    async def _start_over(self, usable: list[_Slot]) -> Try | None:
        last = self._at
        others = [slot for slot in usable if slot is not last]
        for slot in usable:
            several = len(slot.candidate.channel.doors) > 1
            slot.used = slot.used[-1:] if slot is last and several and not others else []
            slot.rounds += 1
        for slot in [*others, *(slot for slot in usable if slot is last)]:
            if (found := await self._enter(slot, force=True)) is not None:
                return found
        return None

    @property
    def _alone(self) -> bool:
        """Whether nothing could follow the try that is about to be made, whatever it comes to."""
        if self._pool.doors != 1:
            return False
        return isinstance(self._auto_retry, bool) or self.made >= self._auto_retry

    def _untried(self) -> int:
        return self._pool.size - len(self._come)

    def _open(self, slot: _Slot) -> bool:
        return not self._barred.intersection(slot.via)


def _may_again(slot: _Slot) -> bool:
    return slot.again and slot.rounds < MOST_ROUNDS
