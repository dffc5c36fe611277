import asyncio
import random
from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.routing.plans import channel, client, plan
from uni_api.config.plan import Client, Plan, Rule, Scheduling
from uni_api.errors import Fault
from uni_api.routing import Candidate, Entry, Health, Pool, Router, Scheduler
from uni_api.state import LocalState

NAMES = "abcdef"
CHANNELS = [channel(name, ["m", "n"], position=place) for place, name in enumerate(NAMES)]

Weights = dict[str, int | None]


def keyed(key: str, scheduling: Scheduling, weights: Weights) -> Client:
    rules = [Rule(kind="channel", channel=name, weight=weight) for name, weight in weights.items()]
    return structs.replace(client(key, *rules), scheduling=scheduling)


class World:
    """One client key's pools and what arranges them, by a clock that stands still."""

    def __init__(self, who: Client, *others: Client, seed: int = 1) -> None:
        self.now = 1_000.0
        self.health = Health(LocalState(lambda: self.now), lambda: self.now)
        self.scheduler = Scheduler(self.health, random.Random(seed))
        self.plan: Plan = plan(CHANNELS, who, *others)
        self.health.use(self.plan)
        self.router = Router(self.plan)
        self.who = who

    def pool(self, model: str = "m", who: Client | None = None) -> Pool:
        return self.router.pool(who or self.who, model)

    def order(self, model: str = "m", who: Client | None = None) -> str:
        """The names of channels in the order to try; another key's pool is a star."""
        return spelled(self.entries(self.pool(model, who)))

    def entries(self, pool: Pool) -> list[Entry]:
        async def arranged() -> list[Entry]:
            return list(await self.scheduler.arranged(pool))

        return asyncio.run(arranged())

    def firsts(self, count: int, model: str = "m") -> str:
        return "".join(self.order(model)[0] for _ in range(count))

    def candidate(self, name: str, model: str = "m") -> Candidate:
        """The router's own."""
        [found] = [
            entry.target
            for entry in self.router.pool(client("sk-all"), model).entries
            if isinstance(entry.target, Candidate) and entry.target.channel.name == name
        ]
        return found

    def fail(self, names: str, retry_after: float | None = None) -> None:
        for name in names:
            fault = Fault("overloaded", "no", retry_after=retry_after)
            asyncio.run(self.health.failed(self.candidate(name), fault, only=False))

    def answer(self, name: str, seconds: float) -> None:
        visit = self.health.begun(self.candidate(name))
        self.now += seconds
        visit.content()
        visit.ended()
        asyncio.run(self.health.worked(self.candidate(name)))


def spelled(entries: list[Entry]) -> str:
    return "".join(entry.target.channel.name if isinstance(entry.target, Candidate) else "*" for entry in entries)


def plain(names: str) -> Weights:
    return dict.fromkeys(names)


def test_fixed_priority_is_the_order_of_the_rules() -> None:
    world = World(keyed("sk-1", "fixed_priority", {"c": 5, "a": None, "b": 9}))
    assert [world.order() for _ in range(3)] == ["cab"] * 3


def test_with_nothing_to_decide_the_pools_own_entries_are_given() -> None:
    world = World(keyed("sk-1", "fixed_priority", plain("abc")))
    assert asyncio.run(world.scheduler.arranged(world.pool())) is world.pool().entries
    single = World(keyed("sk-1", "round_robin", plain("a")))
    assert asyncio.run(single.scheduler.arranged(single.pool())) is single.pool().entries


def test_round_robin_begins_with_the_next_and_goes_round() -> None:
    world = World(keyed("sk-1", "round_robin", plain("abc")))
    assert [world.order() for _ in range(4)] == ["abc", "bca", "cab", "abc"]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": 2, "b": 1}, "aba" * 2),
        ({"a": 20, "b": 10}, "aba" * 2),
        ({"a": 5, "b": 1, "c": 1}, "aabacaa" * 2),
        ({"a": None, "b": None, "c": None}, "abc" * 2),
        ({"a": None, "b": 1, "c": 1}, "bc" * 3),
        ({"a": None, "b": 3}, "b" * 6),
        ({"a": 0, "b": 1, "c": 1}, "bc" * 3),
        ({"a": 0, "b": None, "c": None}, "bc" * 3),
        ({"a": 0, "b": 0}, "a" * 6),
    ],
    ids=["two", "by common factor", "smooth", "none", "some", "one", "a spare", "spare and none", "only spares"],
)
def test_weighted_turns(weights: Weights, expected: str) -> None:
    world = World(keyed("sk-1", "weighted_round_robin", weights))
    assert world.firsts(len(expected)) == expected


def test_after_the_first_come_the_heaviest_then_those_without_weight_in_turn_then_spares() -> None:
    world = World(keyed("sk-1", "weighted_round_robin", {"f": 0, "a": None, "b": 1, "c": 5, "d": None, "e": 2}))
    orders = [world.order() for _ in range(8)]
    assert {order[1:3] for order in orders if order[0] == "b"} == {"ce"}
    assert {order[1:3] for order in orders if order[0] == "c"} == {"eb"}
    assert [order[3:] for order in orders[:4]] == ["adf", "daf", "adf", "daf"]


def test_lots_without_any_weight_are_equal_and_unweighted_follow_in_turn() -> None:
    equal = World(keyed("sk-1", "lottery", plain("abc")))
    assert set(equal.firsts(50)) == set("abc")
    mixed = World(keyed("sk-1", "lottery", {"a": None, "b": 1, "c": 1, "d": None, "e": 0}))
    orders = [mixed.order() for _ in range(50)]
    assert {order[0] for order in orders} == {"b", "c"}
    assert [order[2:] for order in orders[:4]] == ["ade", "dae", "ade", "dae"]


def test_models_and_keys_do_not_disturb_each_others_turns() -> None:
    one = keyed("sk-1", "weighted_round_robin", {"a": 2, "b": 1})
    other = keyed("sk-2", "round_robin", plain("ab"))
    world = World(one, other)
    seen = [(world.order("m")[0], world.order("n")[0], world.order("m", other)[0]) for _ in range(6)]
    assert ["".join(column) for column in zip(*seen, strict=True)] == ["abaaba", "abaaba", "ababab"]


def test_a_key_of_its_own_turns_is_an_entry_like_any_other() -> None:
    inner = keyed("sk-inner", "round_robin", plain("ab"))
    rules = (Rule(kind="key", key=inner.key.digest, weight=2), Rule(kind="channel", channel="c", weight=1))
    outer = structs.replace(client("sk-outer", *rules), scheduling="weighted_round_robin")
    world = World(outer, inner)
    assert [world.order() for _ in range(3)] == ["*c", "c*", "*c"]
    target = world.pool().entries[0].target
    assert isinstance(target, Pool)
    assert [spelled(world.entries(target)) for _ in range(3)] == ["ab", "ba", "ab"]
    assert world.order(who=inner) == "ba"  # the same turns, whichever way it is come by


# --- rests


def test_what_rests_comes_last_the_shortest_rest_first() -> None:
    world = World(keyed("sk-1", "fixed_priority", plain("abcd")))
    world.fail("a", retry_after=900)
    world.fail("b", retry_after=600)
    assert world.order() == "cdba"


def test_when_all_rest_the_one_that_ends_soonest_is_tried_and_all_come_back() -> None:
    world = World(keyed("sk-1", "round_robin", plain("abc")))
    for name, seconds in zip("abc", (900, 400, 600), strict=True):
        world.fail(name, retry_after=seconds)
    assert world.order() == "bca"
    world.now += 401
    assert world.order() == "bca"
    asyncio.run(world.health.worked(world.candidate("a")))
    assert Counter(world.firsts(6)) == {"a": 3, "b": 3}
    world.now += 900
    assert Counter(world.firsts(6)) == dict.fromkeys("abc", 2)


def test_the_others_keep_their_ratio_while_one_rests() -> None:
    world = World(keyed("sk-1", "weighted_round_robin", {"a": 3, "b": 2, "c": 1}))
    world.fail("a")
    assert Counter(world.firsts(9)) == {"b": 6, "c": 3}
    in_turn = World(keyed("sk-1", "round_robin", plain("abc")))
    in_turn.fail("a")
    assert Counter(in_turn.firsts(10)) == {"b": 5, "c": 5}


def test_without_weight_serve_in_turn_while_all_with_weight_rest() -> None:
    world = World(keyed("sk-1", "weighted_round_robin", {"a": 3, "b": 2, "c": None, "d": None}))
    world.fail("ab")
    assert [world.order() for _ in range(3)] == ["cdab", "dcab", "cdab"]


def test_another_keys_pool_rests_when_all_in_it_do() -> None:
    inner = keyed("sk-inner", "fixed_priority", plain("ab"))
    rules = (Rule(kind="key", key=inner.key.digest), Rule(kind="channel", channel="c"))
    world = World(client("sk-outer", *rules), inner)
    world.fail("a")
    assert world.order() == "*c"
    world.fail("b")
    assert world.order() == "c*"


# --- what is measured


def test_the_less_busy_comes_first_and_equals_take_turns() -> None:
    world = World(keyed("sk-1", "least_busy", plain("abc")))
    assert world.firsts(6) == "abcabc"
    world.health.begun(world.candidate("a"))
    world.health.begun(world.candidate("a"))
    visit = world.health.begun(world.candidate("b"))
    assert [world.order() for _ in range(3)] == ["cba"] * 3
    visit.ended()
    assert Counter(world.firsts(6)) == {"b": 3, "c": 3}


def test_the_quicker_of_two_comes_first_and_the_slowest_of_all_never() -> None:
    world = World(keyed("sk-1", "lowest_latency", plain("abcd")))
    for name, seconds in zip("abcd", (3.0, 0.5, 1.0, 2.0), strict=True):
        world.answer(name, seconds)
    firsts = Counter(world.firsts(300))
    assert firsts["a"] == 0
    assert firsts["b"] > firsts["c"] > firsts["d"] > 0
    assert {world.order()[1:] for _ in range(100)} == {"cda", "bda", "bca"}


def test_who_was_never_asked_is_tried_out_and_who_was_slow_is_tried_again_later() -> None:
    world = World(keyed("sk-1", "lowest_latency", plain("ab")))
    world.answer("a", 1.0)
    assert world.order() == "ba"
    world.answer("b", 9.0)
    assert world.order() == "ab"
    seen = ""
    for _ in range(60):
        world.answer("a", 1.0)
        world.now += 10
        seen += world.order()[0]
    assert "b" in seen


def test_the_better_gets_more_and_the_worse_is_never_given_up() -> None:
    world = World(keyed("sk-1", "smart_round_robin", plain("abc")))
    for name, seconds in zip("abc", (1.0, 2.0, 1.0), strict=True):
        world.answer(name, seconds)
    for _ in range(500):
        asyncio.run(world.health.failed(world.candidate("c"), Fault("overloaded", "no"), only=True))
    firsts = Counter(world.firsts(2_000))
    total = 1 + 0.5 + 0.05
    for name, share in zip("abc", (1, 0.5, 0.05), strict=True):
        assert abs(firsts[name] / 2_000 - share / total) < 0.01


def test_weights_count_beside_merit() -> None:
    world = World(keyed("sk-1", "smart_round_robin", {"a": 3, "b": 1, "c": None}))
    firsts = Counter(world.firsts(2_000))
    assert abs(firsts["a"] / 2_000 - 0.75) < 0.01
    assert firsts["c"] == 0


# --- what always holds


@given(
    scheduling=st.sampled_from(get_args(Scheduling)),
    weights=st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(0, 10**9), min_size=1),
    resting=st.dictionaries(st.sampled_from(NAMES), st.integers(301, 900)),
    nested=st.booleans(),
    seed=st.integers(),
)
def test_every_arrangement_has_each_entry_once_and_ends_with_those_that_rest(
    scheduling: Scheduling, weights: Weights, resting: dict[str, int], nested: bool, seed: int
) -> None:
    who = keyed("sk-1", scheduling, weights)
    inner = keyed("sk-inner", "lottery", plain("abc"))
    if nested:
        who = structs.replace(who, rules=(*who.rules, Rule(kind="key", key=inner.key.digest, weight=3)))
    world = World(who, inner, seed=seed)
    for name, seconds in resting.items():
        world.fail(name, retry_after=seconds)
    pool = world.pool()
    for _ in range(3):
        found = world.entries(pool)
        assert sorted(map(id, found)) == sorted(map(id, pool.entries))
        waits = [world.health.rests(entry.target) for entry in found]
        awake = waits.count(0)
        assert not any(waits[:awake])
        assert waits[awake:] == sorted(waits[awake:])


@given(weights=st.dictionaries(st.sampled_from(NAMES), st.integers(1, 12), min_size=2), rounds=st.integers(0, 3))
def test_any_whole_cycle_is_exact(weights: dict[str, int], rounds: int) -> None:
    world = World(keyed("sk-1", "weighted_round_robin", dict(weights)))
    world.firsts(rounds)
    assert Counter(world.firsts(sum(weights.values()))) == weights


@given(st.integers(1, 6), st.lists(st.booleans(), max_size=40))
def test_interleaved_models_are_served_as_if_alone(count: int, models: list[bool]) -> None:
    world = World(keyed("sk-1", "round_robin", plain(NAMES[:count])))
    seen: dict[bool, str] = {True: "", False: ""}
    for model in models:
        seen[model] += world.order("m" if model else "n")[0]
    for firsts in seen.values():
        assert firsts == (NAMES[:count] * 40)[: len(firsts)]


def test_two_processes_on_one_state_keep_the_ratio_together() -> None:
    one = World(keyed("sk-1", "weighted_round_robin", {"a": 3, "b": 2, "c": 1}))
    other = World(one.who)
    other.health.state = one.health.state
    other.scheduler = Scheduler(other.health)
    dice = random.Random(5)
    assert Counter(dice.choice((one, other)).order()[0] for _ in range(60)) == {"a": 30, "b": 20, "c": 10}
    one.fail("a")
    assert other.order() == "bca"
