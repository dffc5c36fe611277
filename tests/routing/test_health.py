import asyncio
from collections.abc import Coroutine
from typing import Any, get_args

import pytest
from msgspec import structs

from tests.routing.plans import channel, client, plan
from uni_api.config.plan import Channel, Rule, Scheduling
from uni_api.errors import Fault, FaultKind
from uni_api.routing import Candidate, Health, Pool, Router
from uni_api.routing.health import BLAMELESS, CHANNEL_FAULTS, KEY_FAULTS, LONGEST_REST
from uni_api.state import LocalState

ONE_KEY = channel("one", ["m", "n"])
TWO_KEYS = channel("two", ["m"], keys=["1", "2"], position=1)
BY_LATENCY = plan([ONE_KEY], structs.replace(client("sk-1"), scheduling="lowest_latency"))


class World:
    """A Health by a clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.state = LocalState(lambda: self.now)
        self.health = Health(self.state, lambda: self.now)

    def failed(
        self, where: Channel, kind: FaultKind, *, only: bool = False, retry_after: float | None = None, model: str = "m"
    ) -> float:
        """How long the channel rests after this failure."""
        candidate = Candidate(where, model, model)
        run(self.health.failed(candidate, Fault(kind, "no", retry_after=retry_after), only=only))
        return self.health.rests(candidate)

    def rests(self, where: Channel, model: str = "m") -> float:
        return self.health.rests(Candidate(where, model, model))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def cooled(where: Channel, seconds: float) -> Channel:
    return structs.replace(where, cooldown=seconds)


def test_every_kind_of_fault_is_somebodys() -> None:
    kinds = [*CHANNEL_FAULTS, *KEY_FAULTS, *BLAMELESS]
    assert sorted(kinds) == sorted(get_args(FaultKind))


@pytest.mark.parametrize("kind", sorted(CHANNEL_FAULTS))
def test_a_channel_rests_for_what_it_is_to_blame_for(kind: FaultKind) -> None:
    assert World().failed(ONE_KEY, kind) == 300
    assert World().failed(TWO_KEYS, kind) == 300


@pytest.mark.parametrize("kind", sorted(KEY_FAULTS))
def test_for_a_key_the_channel_rests_only_when_it_has_no_other(kind: FaultKind) -> None:
    assert World().failed(ONE_KEY, kind) == 300
    assert World().failed(TWO_KEYS, kind) == 0


@pytest.mark.parametrize("kind", sorted(BLAMELESS))
def test_nobody_rests_for_what_the_request_is_to_blame_for(kind: FaultKind) -> None:
    assert World().failed(ONE_KEY, kind, retry_after=60) == 0


@pytest.mark.parametrize(
    ("period", "retry_after", "rest"),
    [(300, None, 300), (60, None, 60), (60, 20, 60), (60, 90, 90), (0, None, 0), (0, 90, 0), (60, 1e8, LONGEST_REST)],
)
def test_the_longer_of_period_and_retry_after_holds(period: float, retry_after: float | None, rest: float) -> None:
    assert World().failed(cooled(ONE_KEY, period), "rate", retry_after=retry_after) == rest


def test_the_only_candidate_never_rests() -> None:
    assert World().failed(ONE_KEY, "overloaded", only=True) == 0


def test_a_second_failure_never_shortens_a_rest() -> None:
    world = World()
    world.failed(cooled(ONE_KEY, 60), "overloaded", retry_after=100)
    world.now += 10
    assert world.failed(cooled(ONE_KEY, 60), "overloaded") == 90
    assert world.failed(cooled(ONE_KEY, 60), "overloaded", retry_after=120) == 120


def test_a_rest_is_for_one_model_and_one_channel() -> None:
    world = World()
    world.failed(ONE_KEY, "overloaded")
    same_name = channel("one", ["m"], position=7)
    assert (world.rests(ONE_KEY, "n"), world.rests(TWO_KEYS), world.rests(same_name)) == (0, 0, 0)
    assert world.rests(ONE_KEY) == 300


def test_a_rest_ends_by_itself_and_by_success() -> None:
    world = World()
    assert not world.health.resting
    world.failed(ONE_KEY, "overloaded")
    assert world.health.resting
    world.now += 300
    assert world.rests(ONE_KEY) == 0
    world.failed(ONE_KEY, "overloaded")
    run(world.health.worked(Candidate(ONE_KEY, "m", "m")))
    assert world.rests(ONE_KEY) == 0
    assert not world.health.resting


def test_a_success_asks_nobody_when_nothing_rests() -> None:
    class Deaf(LocalState):
        async def wake(self, name: str) -> None:
            raise AssertionError("asked")

    run(Health(Deaf(lambda: 0.0)).worked(Candidate(ONE_KEY, "m", "m")))


def test_a_pool_rests_when_all_in_it_do() -> None:
    world = World()
    inner = client("sk-inner")
    outer = client("sk-outer", Rule(kind="key", key=inner.key.digest))
    pool = Router(plan([ONE_KEY, cooled(TWO_KEYS, 60)], inner, outer)).pool(outer, "m")
    assert isinstance(pool.entries[0].target, Pool)
    assert world.health.rests(pool) == 0
    world.failed(ONE_KEY, "overloaded")
    assert world.health.rests(pool) == 0
    world.failed(cooled(TWO_KEYS, 60), "overloaded")
    assert world.health.rests(pool) == 60


def test_those_that_rest_come_apart_the_shortest_first() -> None:
    world = World()
    channels = [cooled(channel(name, ["m"], position=place), 60 - place) for place, name in enumerate("abcd")]
    who = client("sk-1")
    pool = Router(plan(channels, who)).pool(who, "m")
    for place in (0, 2, 3):
        world.failed(channels[place], "overloaded")
    awake, resting = world.health.parted(pool.entries)
    assert awake == [pool.entries[1]]
    assert resting == [pool.entries[3], pool.entries[2], pool.entries[0]]


# --- what is measured


def test_nothing_is_measured_where_no_client_is_scheduled_by_it() -> None:
    world = World()
    for scheduling in get_args(Scheduling):
        who = structs.replace(client("sk-1"), scheduling=scheduling)
        world.health.use(plan([ONE_KEY], who))
        candidate = Candidate(ONE_KEY, "m", "m")
        visit = world.health.begun(candidate)
        measured = scheduling in ("smart_round_robin", "lowest_latency", "least_busy")
        assert world.health.busy(candidate) == measured
        visit.content()
        visit.ended()
        assert world.health.busy(candidate) == 0


def test_a_visit_counts_while_it_lasts_and_ends_once() -> None:
    world = World()
    world.health.use(BY_LATENCY)
    candidate = Candidate(ONE_KEY, "m", "m")
    one, other = world.health.begun(candidate), world.health.begun(candidate)
    assert world.health.busy(candidate) == 2
    one.ended()
    one.ended()
    assert world.health.busy(candidate) == 1
    other.ended()
    assert world.health.busy(candidate) == 0


def test_the_first_content_is_what_is_timed() -> None:
    world = World()
    world.health.use(BY_LATENCY)
    candidate = Candidate(ONE_KEY, "m", "m")
    visit = world.health.begun(candidate)
    world.now += 2
    visit.content()
    world.now += 20
    visit.content()
    visit.ended()
    assert "2.000 s" in repr(world.health)


def test_who_was_left_waiting_tells_that_it_was_slow_and_a_failure_counts_as_slow() -> None:
    world = World()
    world.health.use(BY_LATENCY)
    candidate = Candidate(ONE_KEY, "m", "m")
    visit = world.health.begun(candidate)
    world.now += 5
    visit.ended()
    assert world.health.cost(candidate) == 5
    world.failed(ONE_KEY, "bad_request")
    assert world.health.cost(candidate) == 5
    world.failed(ONE_KEY, "overloaded", only=True)
    assert world.health.cost(candidate) == 10


def test_what_is_known_outlives_a_plan_that_still_wants_it() -> None:
    world = World()
    world.health.use(BY_LATENCY)
    candidate = Candidate(ONE_KEY, "m", "m")
    visit = world.health.begun(candidate)
    world.health.use(BY_LATENCY)
    assert world.health.busy(Candidate(channel("one", ["m"]), "m", "m")) == 1
    world.health.use(plan([ONE_KEY], client("sk-1")))
    visit.ended()
    assert world.health.busy(candidate) == 0


def test_shares_go_by_success_and_speed() -> None:
    world = World()
    channels = [channel(name, ["m"], position=place) for place, name in enumerate("abcd")]
    who = structs.replace(client("sk-1"), scheduling="smart_round_robin")
    found = plan(channels, who)
    world.health.use(found)
    pool = Router(found).pool(who, "m")
    assert world.health.shares(pool.entries) == [1, 1, 1, 1]
    for where, seconds in zip(channels[:3], (1.0, 2.0, 1000.0), strict=True):
        visit = world.health.begun(Candidate(where, "m", "m"))
        world.now += seconds
        visit.content()
        visit.ended()
    assert world.health.shares(pool.entries) == [1, 0.5, 0.05, 1]
    world.failed(channels[3], "overloaded", only=True)
    assert world.health.shares(pool.entries)[3] == pytest.approx(0.05)


def test_a_pool_is_as_good_as_its_best_member() -> None:
    world = World()
    inner = client("sk-inner")
    outer = structs.replace(client("sk-outer", Rule(kind="key", key=inner.key.digest)), scheduling="least_busy")
    found = plan([ONE_KEY, TWO_KEYS], inner, outer)
    world.health.use(found)
    pool = Router(found).pool(outer, "m")
    world.health.begun(Candidate(ONE_KEY, "m", "m"))
    assert (world.health.busy(pool), world.health.cost(pool)) == (0, 0)
    world.health.begun(Candidate(TWO_KEYS, "m", "m"))
    assert (world.health.busy(pool), world.health.cost(pool)) == (1, 1)
    assert world.health.shares(pool.entries) == [1]
