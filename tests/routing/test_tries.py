import random

import pytest

from tests.routing.plans import channel
from uni_api.config.plan import Channel
from uni_api.routing import Candidate, KeyRing, Tries, Try


def candidate(one: Channel) -> Candidate:
    return Candidate(one, "m", "m")


def run(channels: list[Channel], auto_retry: bool | int, *, same_channel: bool) -> list[str]:
    tries = Tries([candidate(one) for one in channels], KeyRing(), auto_retry)
    seen: list[str] = []
    chosen: Try | None = tries.first()
    while chosen is not None:
        assert chosen.door.key is not None
        seen.append(f"{chosen.candidate.channel.name}.{chosen.door.key.reveal()}")
        assert len(seen) < 100
        chosen = tries.next(same_channel=same_channel)
    assert tries.made == len(seen)
    return seen


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
    assert run(channels, auto_retry, same_channel=same_channel) == expected


def test_a_thousand_refused_keys_cost_ten_tries_and_every_channel_has_its_chance() -> None:
    seen = run([HUGE, ONE, TWO], True, same_channel=True)
    assert len(seen) == 10
    assert seen[-2:] == ["a.1", "b.1"]


def test_more_channels_than_ten_are_all_tried() -> None:
    many = [channel(f"c{number}", ["m"]) for number in range(25)]
    assert run(many, True, same_channel=False) == [f"c{number}.k" for number in range(25)]


def test_keys_take_turns_over_requests() -> None:
    ring = KeyRing()
    first = [ring.first(POOL) for _ in range(7)]
    assert first == [0, 1, 2, 0, 1, 2, 0]
    assert repr(ring) == "<KeyRing p: 1>"


def test_fixed_priority_keeps_to_the_first_key_and_random_uses_all() -> None:
    fixed = channel("f", ["m"], keys=["1", "2"], scheduling="fixed_priority")
    mixed = channel("r", ["m"], keys=["1", "2"], scheduling="random")
    ring = KeyRing(random.Random(1))
    assert {ring.first(fixed) for _ in range(10)} == {0}
    assert {ring.first(mixed) for _ in range(50)} == {0, 1}


def test_a_channel_without_keys_is_tried_once_without_one() -> None:
    tries = Tries([candidate(channel("open", ["m"], keys=[]))], KeyRing(), True)
    assert tries.first().door.key is None
    assert tries.next(same_channel=True) is None
