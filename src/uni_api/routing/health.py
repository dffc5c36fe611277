"""How channels are doing: who rests after a failure, who answers fast, who is busy."""

import time
from collections.abc import Callable, Sequence

from uni_api.config.plan import MEASURED, Plan
from uni_api.errors import Fault, FaultKind
from uni_api.routing.pool import Candidate, Entry, Pool
from uni_api.routing.vitals import Vitals
from uni_api.state import LocalState, State

CHANNEL_FAULTS: frozenset[FaultKind] = frozenset(("connect", "timeout", "overloaded", "protocol", "not_found"))
"""What a channel as a whole is to blame for."""

KEY_FAULTS: frozenset[FaultKind] = frozenset(("rate", "quota", "auth"))
"""What one of its keys is to blame for, and so the channel when it has but one."""

BLAMELESS: frozenset[FaultKind] = frozenset(("bad_request", "too_long", "filtered", "unsayable", "cancelled"))
"""What the request or the client is to blame for."""

LONGEST_REST = 86_400.0
"""Seconds: an upstream that asks for more is asked again after a day."""

SLOWEST_SHARE = 0.05
"""What is left to a candidate that fails or dawdles, so that its recovery is seen."""

FASTEST = 0.001
"""Seconds; whoever is faster counts as being that fast."""


class Visit:
    """One attempt at a candidate, from its beginning to the end of its answer. This one is not measured."""

    __slots__ = ()

    def content(self) -> None:
        """The first content has come."""

    def ended(self) -> None:
        """The attempt is over, however it ended. May be said more than once."""


class _Measured(Visit):
    __slots__ = ("_began", "_now", "_silent", "_vitals")

    def __init__(self, vitals: Vitals, now: Callable[[], float]) -> None:
        vitals.busy += 1
        self._vitals: Vitals | None = vitals
        self._now = now
        self._began = now()
        self._silent = True

    def content(self) -> None:
        if self._silent and self._vitals is not None:
            self._silent = False
            now = self._now()
            self._vitals.answered(now - self._began, now)

    def ended(self) -> None:
        vitals, self._vitals = self._vitals, None
        if vitals is None:
            return
        vitals.busy -= 1
        if self._silent:
            now = self._now()
            vitals.silent(now - self._began, now)


_UNMEASURED = Visit()


class Health:
    """What became of the attempts at every candidate.

    Rests are shared with whoever shares `state`. How busy, fast and reliable a candidate is, each process sees for
    itself, and only where a client key is scheduled by it.
    """

    def __init__(self, state: State | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.state = state if state is not None else LocalState(time.time)
        self._now = now
        self.measures = False
        self._vitals: dict[str, Vitals] = {}

    def use(self, plan: Plan) -> None:
        """Measure what the clients of `plan` are scheduled by."""
        self.measures = any(client.scheduling in MEASURED for client in plan.clients.values())
        if not self.measures:
            self._vitals = {}

    # What is told

    def begun(self, candidate: Candidate) -> Visit:
        """An attempt begins. Its Visit must be told when it ends."""
        return _Measured(self._of(candidate), self._now) if self.measures else _UNMEASURED

    async def failed(self, candidate: Candidate, fault: Fault, *, only: bool) -> None:
        """A try ended in `fault`. `only`: nobody else could have served the request."""
        if fault.kind in BLAMELESS:
            return
        if self.measures:
            self._of(candidate).failed(self._now())
        channel = candidate.channel
        if only or not channel.cooldown or (fault.kind in KEY_FAULTS and len(channel.doors) > 1):
            return
        await self.state.rest(candidate.name, max(channel.cooldown, min(fault.retry_after or 0.0, LONGEST_REST)))

    async def worked(self, candidate: Candidate) -> None:
        """A try came to content."""
        if self.measures:
            self._of(candidate).worked(self._now())
        if self.state.resting and self.state.rests(candidate.name) > 0:
            await self.state.wake(candidate.name)

    # What is asked

    @property
    def resting(self) -> bool:
        """Whether anything may rest at all."""
        return self.state.resting

    def rests(self, target: Candidate | Pool) -> float:
        """For how many more seconds `target` rests; a pool rests when all in it do."""
        if isinstance(target, Candidate):
            return self.state.rests(target.name)
        shortest = 0.0
        for entry in target.entries:
            wait = self.rests(entry.target)
            if wait <= 0:
                return 0.0
            shortest = min(shortest or wait, wait)
        return shortest

    def parted(self, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
        """Those that don't rest, in their order, and those that do, the shortest rest first."""
        awake: list[Entry] = []
        resting: list[tuple[float, Entry]] = []
        for entry in entries:
            wait = self.rests(entry.target)
            if wait > 0:
                resting.append((wait, entry))
            else:
                awake.append(entry)
        resting.sort(key=lambda each: each[0])
        return awake, [entry for _, entry in resting]

    def busy(self, target: Candidate | Pool) -> int:
        """Requests in flight; of a pool, those of its least busy member."""
        if isinstance(target, Candidate):
            return self._of(target).busy
        return min(self.busy(entry.target) for entry in target.entries)

    def cost(self, target: Candidate | Pool) -> float:
        """What one more request would have to wait, as a figure to compare; of a pool, that of its best member."""
        if isinstance(target, Candidate):
            return self._of(target).cost(self._now())
        return min(self.cost(entry.target) for entry in target.entries)

    def shares(self, entries: Sequence[Entry]) -> list[float]:
        """For each entry its merit between 0 and 1: how often it succeeds, times how fast it is beside the fastest."""
        known = [self._best(entry.target) for entry in entries]
        fastest = min((max(speed, FASTEST) for _, speed in known if speed is not None), default=FASTEST)
        return [
            max(SLOWEST_SHARE, reliability * (1.0 if speed is None else fastest / max(speed, FASTEST)))
            for reliability, speed in known
        ]

    def _best(self, target: Candidate | Pool) -> tuple[float, float | None]:
        """Reliability and latency; of a pool, those of its most reliable and its fastest member."""
        if isinstance(target, Candidate):
            vitals = self._of(target)
            return vitals.reliability(self._now()), vitals.latency
        found = [self._best(entry.target) for entry in target.entries]
        speeds = [speed for _, speed in found if speed is not None]
        return max(reliability for reliability, _ in found), min(speeds, default=None)

    def _of(self, candidate: Candidate) -> Vitals:
        name = candidate.name
        found = self._vitals.get(name)
        if found is None:
            found = self._vitals[name] = Vitals()
        return found

    def __repr__(self) -> str:
        return f"<Health {self._vitals!r}>"
