"""Two processes' rings on one Redis: turns, limits and rests are common."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest
from msgspec import structs

from tests.routing.plans import channel
from tests.state.redis_server import RedisServer, needs_redis
from uni_api.config.policy import ByModel, Limit
from uni_api.errors import Fault
from uni_api.routing import Candidate, KeyRing, Lease, Shut
from uni_api.state.redis import RedisState

pytestmark = needs_redis


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def with_two_rings(redis: RedisServer, work: Callable[[KeyRing, KeyRing], Awaitable[None]]) -> None:
    async def main() -> None:
        states = [RedisState(redis.patient, time.time, refresh=0.05) for _ in range(2)]
        try:
            one, two = (KeyRing(state, time.time, random.Random(1)) for state in states)
            await work(one, two)
        finally:
            for state in states:
                await state.aclose()

    asyncio.run(main())


def test_turns_are_taken_together(redis: RedisServer) -> None:
    where = Candidate(channel("turns", ["m"], keys=["1", "2", "3"]), "m", "m")

    async def work(one: KeyRing, two: KeyRing) -> None:
        found = [await ring.take(where, ()) for ring in (one, two, two, one, one, one, two, two, one) * 10]
        assert Counter(lease.place for lease in found if isinstance(lease, Lease)) == {0: 30, 1: 30, 2: 30}

    with_two_rings(redis, work)


def test_a_limit_holds_for_both_together(redis: RedisServer) -> None:
    keys = channel("limit", ["m"], keys=["a", "b"])
    where = Candidate(structs.replace(keys, key_limits=ByModel(default=(Limit(5, 3600),))), "m", "m")

    async def work(one: KeyRing, two: KeyRing) -> None:
        found = await asyncio.gather(*(ring.take(where, ()) for ring in (one, two) for _ in range(25)))
        assert Counter(each.place for each in found if isinstance(each, Lease)) == {0: 5, 1: 5}
        assert all(each.limited and each.wait > 3500 for each in found if isinstance(each, Shut))

    with_two_rings(redis, work)


def test_tokens_are_settled_for_both_together(redis: RedisServer) -> None:
    keys = channel("tokens", ["m"], keys=["t", "u"])
    limits = (Limit(100, 3600, tokens=True), Limit(4, 3600))
    where = Candidate(structs.replace(keys, key_limits=ByModel(default=limits)), "m", "m")

    async def work(one: KeyRing, two: KeyRing) -> None:
        found = [await one.take(where, (), tokens=100) for _ in range(2)]
        assert isinstance(await two.take(where, (), tokens=50), Shut)
        for lease, came in zip(found, (10, 160), strict=True):
            assert isinstance(lease, Lease) and lease.tokens == (True, False)
            await one.settle(where, lease, came)
        again = await two.take(where, (), tokens=50)
        assert isinstance(again, Lease) and again.place == 0, "the other has used more than there is"
        await two.settle(where, again, 20, whole=False)
        assert isinstance(await one.take(where, (), tokens=41), Shut)
        assert isinstance(await one.take(where, (), tokens=40), Lease)

    with_two_rings(redis, work)


def test_a_key_that_rests_for_one_rests_for_the_other(redis: RedisServer) -> None:
    where = Candidate(channel("rest", ["m"], keys=["x", "y"]), "m", "m")

    async def work(one: KeyRing, two: KeyRing) -> None:
        await one.failed(where, Lease(0), Fault("rate", "no", retry_after=60))
        for _ in range(200):
            found = await two.take(where, (1,))
            if isinstance(found, Shut):
                break
            await asyncio.sleep(0.02)
        assert isinstance(found, Shut) and 50 < found.wait <= 60
        assert await two.take(where, (0,)) == Lease(1)

    with_two_rings(redis, work)
