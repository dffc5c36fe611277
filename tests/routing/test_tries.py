import asyncio
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.routing.plans import channel, client, plan
from uni_api.config.plan import Channel, Client, Rule
from uni_api.routing import (
    Candidate,
    Health,
    KeyRing,
    Lease,
    Preference,
    Router,
    Scheduler,
    Shut,
    Tries,
    Try,
    first_try,
)


def tries_of(
    channels: list[Channel], *clients: Client, auto_retry: bool | int = True, ring: KeyRing | None = None
) -> Tries:
    who = clients[0] if clients else client("sk-1")
    pool = Router(plan(channels, *(clients or (who,)))).pool(who, "m")
    return Tries(pool, ring or KeyRing(), Scheduler(Health()), auto_retry)


def run(tries: Tries, *, same_channel: bool = False, again: bool = False) -> list[str]:
    async def main() -> list[str]:
        seen: list[str] = []
        chosen = await tries.next()
        while chosen is not None:
            key = chosen.door.key.reveal() if chosen.door.key is not None else "-"
            seen.append(f"{chosen.candidate.channel.name}.{key}")
            assert len(seen) < 100
            chosen = await tries.next(same_channel=same_channel, again=again)
        return seen

    seen = asyncio.run(main())
    assert tries.made == len(seen)
    return seen


class Ring(KeyRing):
    """Some channels have no door that can be used now."""

    def __init__(self, **shut: Shut) -> None:
        super().__init__()
        self.shut = shut

    async def take(
        self,
        candidate: Candidate,
        used: Collection[int],
        *,
        tokens: int = 0,
        force: bool = False,
        prefer: int | None = None,
    ) -> Lease | Shut:
        shut = self.shut.get(candidate.channel.name)
        if shut is not None and not (force and not shut.limited):
            return shut
        return await super().take(candidate, used, tokens=tokens, force=force, prefer=prefer)


ONE = channel("a", ["m"], keys=["1"])
TWO = channel("b", ["m"], keys=["1"])
POOL = channel("p", ["m"], keys=["1", "2", "3"])
HUGE = channel("h", ["m"], keys=[str(number) for number in range(1000)])


@pytest.mark.parametrize(
    ("channels", "auto_retry", "same_channel", "expected"),
    [
        ([ONE, TWO], True, False, ["a.1", "b.1"]),
        ([ONE, TWO], False, False, ["a.1"]),
        ([ONE, TWO], 0, False, ["a.1"]),
        ([ONE], True, False, ["a.1"]),
        ([ONE], 2, False, ["a.1", "a.1", "a.1"]),
        ([ONE, TWO], 2, False, ["a.1", "b.1", "a.1", "b.1"]),
        ([POOL, ONE], True, True, ["p.1", "p.2", "p.3", "a.1"]),
        ([POOL, ONE], True, False, ["p.1", "a.1", "p.2", "p.3"]),
        ([POOL], True, False, ["p.1", "p.2", "p.3"]),
        ([POOL], 2, True, ["p.1", "p.2", "p.3", "p.1", "p.2"]),
    ],
    ids=[
        "each once",
        "false",
        "zero",
        "single",
        "single and two more",
        "two and two more",
        "keys first",
        "channels first",
        "keys of one",
        "keys again",
    ],
)
def test_the_order_of_tries(
    channels: list[Channel], auto_retry: bool | int, same_channel: bool, expected: list[str]
) -> None:
    assert run(tries_of(channels, auto_retry=auto_retry), same_channel=same_channel) == expected


def test_failures_that_may_pass_are_tried_twice_more_in_turn_up_to_ten_tries() -> None:
    assert run(tries_of([ONE, TWO]), again=True) == ["a.1", "b.1"] * 3
    assert run(tries_of([ONE, POOL]), again=True) == (["a.1", "p.1", "p.2", "p.3"] * 3)[:10]
    assert run(tries_of([ONE]), again=True) == ["a.1"]
    assert run(tries_of([ONE, TWO], auto_retry=False), again=True) == ["a.1"]
    assert run(tries_of([ONE, TWO], auto_retry=1), again=True) == ["a.1", "b.1", "a.1"]


def test_a_try_knows_how_often_its_door_was_used() -> None:
    async def main() -> list[int]:
        tries = tries_of([ONE, TWO])
        found = []
        chosen = await tries.next()
        while chosen is not None:
            found.append(chosen.repeats)
            chosen = await tries.next(again=True)
        return found

    assert asyncio.run(main()) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("auto_retry", "alone"), [(True, [True]), (False, [True]), (2, [False, False, True])])
def test_a_try_knows_whether_another_could_follow_through_any_door(auto_retry: bool | int, alone: list[bool]) -> None:
    async def main(tries: Tries) -> list[bool]:
        found = []
        chosen = await tries.next()
        while chosen is not None:
            found.append(chosen.alone)
            chosen = await tries.next(again=True)
        return found

    assert asyncio.run(main(tries_of([ONE], auto_retry=auto_retry))) == alone


def test_only_those_are_tried_again_whose_failure_may_pass() -> None:
    async def main() -> list[str]:
        tries = tries_of([ONE, TWO])
        found = []
        chosen = await tries.next()
        while chosen is not None:
            name = chosen.candidate.channel.name
            found.append(name)
            chosen = await tries.next(again=name == "b")
        return found

    assert asyncio.run(main()) == ["a", "b", "b", "b"]


def test_a_thousand_refused_keys_cost_ten_tries_and_every_channel_has_its_chance() -> None:
    seen = run(tries_of([HUGE, ONE, TWO]), same_channel=True)
    assert len(seen) == 10
    assert seen[-2:] == ["a.1", "b.1"]


def test_more_channels_than_ten_are_all_tried() -> None:
    many = [channel(f"c{number}", ["m"]) for number in range(25)]
    assert run(tries_of(many)) == [f"c{number}.k" for number in range(25)]


def test_a_channel_without_keys_is_tried_once_without_one() -> None:
    assert run(tries_of([channel("open", ["m"], keys=[])]), same_channel=True) == ["open.-"]


def test_what_rests_is_tried_when_nothing_else_is_left_the_shortest_rest_first() -> None:
    ring = Ring(a=Shut(wait=9.0), p=Shut(wait=3.0))
    assert run(tries_of([ONE, POOL, TWO], ring=ring)) == ["b.1", "p.1", "a.1"]


def test_a_limit_is_not_broken_even_when_nothing_else_is_left() -> None:
    tries = tries_of([ONE, TWO], ring=Ring(a=Shut(wait=9.0, limited=True), b=Shut(wait=5.0, limited=True)))
    assert run(tries) == []
    assert tries.shut == Shut(wait=5.0, limited=True)


def test_one_that_is_preferred_comes_first_and_once() -> None:
    who = client("sk-1")
    pool = Router(plan([ONE, TWO, POOL], who)).pool(who, "m")
    preferred = pool.entries[2].target
    assert isinstance(preferred, Candidate)
    tries = Tries(pool, KeyRing(), Scheduler(Health()), True, prefer=Preference(preferred))
    assert run(tries)[:3] == ["p.1", "a.1", "b.1"]


INNER = client("sk-inner", Rule(kind="channel", channel="p"), Rule(kind="channel", channel="b"))
OUTER = client("sk-outer", Rule(kind="key", key=INNER.key.digest), Rule(kind="channel", channel="a"))


def test_another_keys_pool_is_tried_where_it_stands_on_one_budget() -> None:
    tries = tries_of([ONE, TWO, POOL], OUTER, INNER, auto_retry=0)
    assert run(tries) == ["p.1"]
    assert run(tries_of([ONE, TWO, POOL], OUTER, INNER)) == ["p.1", "b.1", "a.1", "p.2", "p.3"]


def test_a_key_that_is_barred_brings_nothing_and_costs_no_try() -> None:
    async def main() -> list[str]:
        tries = tries_of([ONE, TWO, POOL], OUTER, INNER, auto_retry=False)
        first = await tries.next()
        assert first is not None and first.via == (INNER,)
        tries.bar(INNER)
        second = await tries.next()
        assert second is not None and tries.made == 1
        assert await tries.next() is None
        return [second.candidate.channel.name]

    assert asyncio.run(main()) == ["a"]


def test_one_that_is_preferred_by_a_way_that_is_barred_is_reached_by_another() -> None:
    inner = client("sk-inner", Rule(kind="channel", channel="a"))
    who = client("sk-1", Rule(kind="key", key=inner.key.digest), Rule(kind="channel", channel="a"))
    pool = Router(plan([ONE, TWO], who, inner)).pool(who, "m")
    candidate, via = next(pool.ways())
    tries = Tries(pool, KeyRing(), Scheduler(Health()), True, prefer=Preference(candidate, 0, via))

    async def main() -> list[tuple[Client, ...]]:
        first = await tries.next()
        tries.bar(inner)
        second = await tries.next()
        assert first is not None and second is not None and await tries.next() is None
        return [first.via, second.via]

    assert asyncio.run(main()) == [(inner,), ()]


def _pools() -> st.SearchStrategy[tuple[list[Channel], bool | int]]:
    names = st.lists(st.integers(0, 4), min_size=1, max_size=5)  # how many keys each channel has
    kinds = st.sampled_from(["round_robin", "fixed_priority"])
    channels = st.builds(
        lambda sizes, kind: [
            channel(f"c{at}", ["m"], keys=[str(key) for key in range(size)], position=at, scheduling=kind)
            for at, size in enumerate(sizes)
        ],
        names,
        kinds,
    )
    return st.tuples(channels, st.one_of(st.booleans(), st.integers(0, 4)))


@settings(max_examples=150, deadline=None)
@given(_pools(), st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.integers(0, 3))
def test_a_first_try_that_was_made_before_is_as_if_it_had_been_asked_for(
    made: tuple[list[Channel], bool | int], script: list[tuple[bool, bool]], before: int
) -> None:
    """Two rings that have seen the same: what `first_try` and the rest give is what `next` alone gives."""
    channels, auto_retry = made
    who = structs.replace(client("sk-1", auto_retry=auto_retry), scheduling="fixed_priority")
    pool = Router(plan(channels, who)).pool(who, "m")

    async def told(first: Try | None, tries: Tries) -> list[tuple[Try | None, int]]:
        found: list[tuple[Try | None, int]] = [(first or await tries.next(), tries.made)]
        for same_channel, again in script:
            found.append((await tries.next(same_channel=same_channel, again=again), tries.made))
        return found

    async def main() -> None:
        one, other = KeyRing(), KeyRing()
        for ring in (one, other):
            for _ in range(before):
                await ring.take(pool.likely, ())
        begun = first_try(pool, one)
        assert (begun is None) is (before == 0)  # a ring knows only doors that were used
        asked = Tries(pool, other, Scheduler(Health()), auto_retry)
        assert await told(begun, Tries(pool, one, Scheduler(Health()), auto_retry, first=begun)) == await told(
            None, asked
        )

    asyncio.run(main())


def test_nobody_is_asked_first_where_turns_or_pools_within_decide() -> None:
    ring = KeyRing()
    for who, others in ((client("sk-1"), ()), (OUTER, (INNER,))):
        asked = structs.replace(who, scheduling="round_robin")
        pool = Router(plan([ONE, TWO, POOL], asked, *others)).pool(asked, "m")
        assert first_try(pool, ring) is None
