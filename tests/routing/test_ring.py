import asyncio
import random

import pytest

from tests.routing.plans import channel
from uni_api.config.plan import Channel
from uni_api.routing import Candidate, KeyRing, Shut

POOL = channel("p", ["m"], keys=["1", "2", "3"])


def taken(ring: KeyRing, where: Channel, *used: int) -> int:
    place = asyncio.run(ring.take(Candidate(where, "m", "m"), used))
    assert not isinstance(place, Shut)
    return place


def test_keys_take_turns_over_requests() -> None:
    ring = KeyRing()
    assert [taken(ring, POOL) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_fixed_priority_keeps_to_the_first_key_and_random_uses_all() -> None:
    fixed = channel("f", ["m"], keys=["1", "2"], scheduling="fixed_priority")
    mixed = channel("r", ["m"], keys=["1", "2"], scheduling="random")
    ring = KeyRing(random.Random(1))
    assert {taken(ring, fixed) for _ in range(10)} == {0}
    assert {taken(ring, mixed) for _ in range(50)} == {0, 1}


@pytest.mark.parametrize(("used", "place"), [((0,), 1), ((1,), 2), ((2,), 0), ((2, 0), 1), ((0, 2), 1)])
def test_a_retry_goes_on_from_the_last_key_to_one_that_was_not_used(used: tuple[int, ...], place: int) -> None:
    assert taken(KeyRing(), POOL, *used) == place
