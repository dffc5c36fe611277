"""Scripts obey the rules of `windows.Window`: random takings give the same in Redis as in this process."""

import asyncio
import random
import time

from tests.state.redis_server import RedisServer, needs_redis
from uni_api.state import LocalState, Short, Taken, Want
from uni_api.state.redis import RedisState
from uni_api.state.scripts import PREFIX, Script


def test_scripts_are_known_by_their_digest() -> None:
    assert Script(" return 1\n", int).digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
    assert PREFIX.startswith("{") and "}" in PREFIX


@needs_redis
def test_random_takings_are_the_same_in_both_homes() -> None:
    dice = random.Random(4)

    async def run(server: RedisServer) -> None:
        there, here = RedisState(server.patient, time.time), LocalState(time.time)
        granted = 0
        open_takings: list[tuple[Taken, Taken]] = []
        for _ in range(600):
            if open_takings and dice.random() < 0.4:
                one, other = open_takings.pop(dice.randrange(len(open_takings)))
                amounts = [dice.choice([0, 0, 0, 0, each.amount, 7]) for each in one.wants]
                await there.settle(one, amounts)
                await here.settle(other, amounts)
                continue
            wants = [
                Want(dice.choice("ab"), 40, dice.choice([3_600.0, 86_400.0]), dice.randrange(6))
                for _ in range(dice.randrange(1, 4))
            ]
            found, expected = await there.take(wants), await here.take(wants)
            match found, expected:
                case Taken(), Taken():
                    assert found.left == expected.left
                    open_takings.append((found, expected))
                    granted += 1
                case Short(), Short():
                    assert (found.want, found.left) == (expected.want, expected.left)
                    assert abs(found.wait - expected.wait) < 1 or found.wait == expected.wait
                case _:
                    raise AssertionError(f"{found} is not {expected}")
        assert there.lapses == 0 and granted > 50
        await there.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))
