import asyncio

from tests.routing.plans import client, plan
from uni_api.accounts import Gate


def test_a_key_without_limits_passes_without_a_pass() -> None:
    who = client("sk-1")
    assert asyncio.run(Gate(plan([], who)).admit(who, "m", 10)) is None
