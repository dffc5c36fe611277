import pytest

from tests.routing.plans import channel, client, plan
from uni_api.config.plan import Client, Rule
from uni_api.errors import Denied
from uni_api.routing import Candidate, Pool, Router
from uni_api.secret import Secret

A = channel("a", ["m", "n", "x/y"])
B = channel("b", {"m": ("upstream-m",), "alias": ("one", "two")})
C = channel("c", ["b/m", "m"])


def names(router: Router, who: Client, model: str) -> list[str]:
    return [f"{found.channel.name}:{found.model}" for found in candidates(router.pool(who, model))]


def candidates(pool: Pool) -> list[Candidate]:
    """Those of inner pools in their place."""
    found = []
    for entry in pool.entries:
        found += candidates(entry.target) if isinstance(entry.target, Pool) else [entry.target]
    assert len(found) == pool.size
    assert sum(len(one.channel.doors) for one in found) == pool.doors
    return found


@pytest.mark.parametrize(
    ("rules", "model", "expected"),
    [
        ([Rule(kind="all")], "m", ["a:m", "b:upstream-m", "c:m"]),
        ([Rule(kind="exact", model="m")], "m", ["a:m", "b:upstream-m", "c:m"]),
        ([Rule(kind="channel", channel="b", model="m")], "m", ["b:upstream-m"]),
        ([Rule(kind="channel", channel="c"), Rule(kind="channel", channel="a")], "m", ["c:m", "a:m"]),
        ([Rule(kind="exact", model="x/y")], "x/y", ["a:x/y"]),
        ([Rule(kind="exact", model="b/m")], "b/m", ["c:b/m"]),
        ([Rule(kind="all")], "alias", ["b:one", "b:two"]),
        ([Rule(kind="channel", channel="b", model="m"), Rule(kind="all")], "m", ["b:upstream-m", "a:m", "c:m"]),
    ],
    ids=["all", "bare", "channel/model", "order of the key", "<a/b>", "<b/m> is no channel", "aliases", "no repeat"],
)
def test_rules_resolve_to_candidates_in_order_of_the_key(rules: list[Rule], model: str, expected: list[str]) -> None:
    who = client("sk-1", *rules)
    assert names(Router(plan([A, B, C], who)), who, model) == expected


def test_two_channels_of_one_name_are_both_candidates_with_their_own_keys() -> None:
    first = channel("same", ["m"], keys=["one"])
    second = channel("same", ["m"], keys=["two"], position=1)
    who = client("sk-1", Rule(kind="channel", channel="same"))
    found = candidates(Router(plan([first, second], who)).pool(who, "m"))
    assert [[door.key for door in one.channel.doors] for one in found] == [[Secret("one")], [Secret("two")]]


def test_a_renamed_model_hides_the_upstream_name() -> None:
    who = client("sk-1")
    with pytest.raises(Denied) as caught:
        Router(plan([B], who)).pool(who, "upstream-m")
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


def test_a_model_that_others_may_use_is_forbidden_and_an_unknown_one_not_found() -> None:
    who = client("sk-1", Rule(kind="channel", channel="a", model="n"))
    router = Router(plan([A], who))
    with pytest.raises(Denied) as forbidden:
        router.pool(who, "m")
    with pytest.raises(Denied) as unknown:
        router.pool(who, "zzz")
    assert (forbidden.value.status, unknown.value.status) == (403, 404)


def test_a_client_key_as_a_channel_brings_that_keys_candidates() -> None:
    inner = client("sk-inner", Rule(kind="channel", channel="b"), Rule(kind="channel", channel="a"))
    outer = client("sk-outer", Rule(kind="key", key=inner.key.digest, model="m"))
    router = Router(plan([A, B, C], inner, outer))
    assert names(router, outer, "m") == ["b:upstream-m", "a:m"]
    assert router.models(outer) == ("m",)


def test_weights_stay_with_what_their_rule_brought_in() -> None:
    inner = client("sk-inner", Rule(kind="channel", channel="c", weight=9))
    rules = (
        Rule(kind="channel", channel="b", model="m", weight=3),
        Rule(kind="key", key=inner.key.digest, weight=2),
        Rule(kind="all", weight=5),
    )
    who = client("sk-1", *rules)
    pool = Router(plan([A, B, C], who, inner)).pool(who, "m")
    assert [entry.weight for entry in pool.entries] == [3, 2, 5, 5]


def test_the_first_rule_gives_the_place_and_the_first_weight_counts() -> None:
    inner = client("sk-inner", Rule(kind="channel", channel="c"))
    rules = (
        Rule(kind="all"),
        Rule(kind="key", key=inner.key.digest),
        Rule(kind="channel", channel="b", weight=3),
        Rule(kind="channel", channel="b", weight=4),
        Rule(kind="key", key=inner.key.digest, model="m", weight=2),
    )
    who = client("sk-1", *rules)
    pool = Router(plan([A, B, C], who, inner)).pool(who, "m")
    assert names(Router(plan([A, B, C], who, inner)), who, "m") == ["a:m", "b:upstream-m", "c:m", "c:m"]
    assert [entry.weight for entry in pool.entries] == [None, 3, None, 2]


def test_models_are_exactly_what_the_key_may_call_in_its_order() -> None:
    who = client(
        "sk-1", Rule(kind="exact", model="x/y"), Rule(kind="channel", channel="b"), Rule(kind="exact", model="q")
    )
    assert Router(plan([A, B, C], who)).models(who) == ("x/y", "m", "alias")


def test_the_cache_of_names_is_bounded() -> None:
    who = client("sk-1")
    router = Router(plan([A], who))
    for number in range(100):
        with pytest.raises(Denied):
            router.pool(who, f"unknown-{number}")
    router.pool(who, "m")
    assert repr(router) == "<Router 1 names resolved>"


def test_ways_tell_the_keys_that_they_come_by() -> None:
    innermost = client("sk-innermost", Rule(kind="channel", channel="c"))
    inner = client("sk-inner", Rule(kind="channel", channel="b"), Rule(kind="key", key=innermost.key.digest))
    who = client("sk-1", Rule(kind="channel", channel="a"), Rule(kind="key", key=inner.key.digest))
    pool = Router(plan([A, B, C], who, inner, innermost)).pool(who, "m")
    ways = [(candidate.channel.name, via) for candidate, via in pool.ways()]
    assert ways == [("a", ()), ("b", (inner,)), ("c", (inner, innermost))]


def test_a_pool_of_those_that_fit() -> None:
    inner = client("sk-inner", Rule(kind="channel", channel="b"))
    who = client("sk-1", Rule(kind="channel", channel="a", weight=3), Rule(kind="key", key=inner.key.digest))
    pool = Router(plan([A, B], who, inner)).pool(who, "m")
    left = pool.only(lambda candidate: candidate.channel is A)
    assert left is not None
    assert [(entry.target, entry.weight) for entry in left.entries] == [(pool.entries[0].target, 3)]
    assert (left.client, left.model, left.size, left.doors) == (who, "m", 1, 1)
    assert pool.only(lambda candidate: True).size == 2  # type: ignore[union-attr]
    assert pool.only(lambda candidate: False) is None
