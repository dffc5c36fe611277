import asyncio

from tests.routing.plans import channel, client, plan
from uni_api.routing import Health, Router, Scheduler


def test_fixed_priority_is_the_order_of_the_rules() -> None:
    who = client("sk-1")
    pool = Router(plan([channel("a", ["m"]), channel("b", ["m"])], who)).pool(who, "m")
    assert asyncio.run(Scheduler(Health()).arranged(pool)) == pool.entries
