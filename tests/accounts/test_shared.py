"""Two gateways that count in one Redis."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import aiohttp
import pytest

from tests import gateway as running
from tests.fakes.upstream import Upstream, Wait, answer
from tests.gateway import KEY, Gateway
from tests.relay.chat import completion, request, says
from tests.state.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

DEAR = {"prompt_tokens": 0, "completion_tokens": 1_000}


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Gateway, Gateway]]:
    scripts = {"slow": [Wait(0.2), *says("hello")], "dear": answer({**completion("hello"), "usage": DEAR})}
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer())
        upstream = stack.enter_context(Upstream(scripts))
        plan = running.config(
            running.channel("one", f"{upstream.url}/v1", [*scripts]),
            preferences={"rate_limit": {"slow": "10/min,500/tpm"}, "credits": 0.005},
        )
        plan["preferences"] = {"state": server.patient.reveal(), "model_price": {"slow": "0,0", "dear": "0,1"}}
        yield stack.enter_context(running.gateway(plan)), stack.enter_context(running.gateway(plan))


def test_exactly_ten_of_fifty_at_once_pass(pair: tuple[Gateway, Gateway]) -> None:
    async def one(session: aiohttp.ClientSession, gateway: Gateway) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        async with session.post(f"{gateway.base_url}/chat/completions", data=request("slow"), headers=headers) as got:
            return got.status, got.headers.get("x-ratelimit-remaining-requests")

    async def main() -> list[tuple[int, Any]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, pair[number % 2]) for number in range(50)))

    found = asyncio.run(main())
    assert sorted(status for status, _ in found) == [200] * 10 + [429] * 40
    assert sorted(left for status, left in found if status == 200) == sorted(str(left) for left in range(10))
    told = pair[0].post(request("slow"))
    assert (told.status, told.headers["x-ratelimit-remaining-requests"]) == (429, "0")


def test_both_spend_the_same_money(pair: tuple[Gateway, Gateway]) -> None:
    found = [pair[number % 2].post(request("dear", max_tokens=1)).status for number in range(8)]
    assert found == [200] * 5 + [429] * 3
