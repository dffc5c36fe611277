"""Three channels that fail three times in ten, each in its own way: clients hardly notice."""

import asyncio
import json
import random
from typing import Any

import aiohttp
import pytest

from tests import gateway as running
from tests.fakes.upstream import END, Send, Step, event, piece, stream_head
from tests.fakes.upstream import answer as whole
from tests.fakes.wire import Connection, Received, WireServer
from tests.gateway import Gateway
from tests.relay.chat import completion, delta, fails, streams

REQUESTS = 1000
AT_ONCE = 40
GOOD = "good"


class Chaos(WireServer):
    """Of ten requests one gets a 500 and one nothing at all; of twenty, one a reset and one an error in its stream."""

    def __init__(self, seed: int) -> None:
        super().__init__(self._answer)
        self._dice = random.Random(seed)
        self.harm = 0

    async def _answer(self, request: Received, connection: Connection) -> bool:
        draw = self._dice.random()
        streamed = json.loads(request.body).get("stream", False)
        self.harm += draw < 0.3
        if draw < 0.1:
            return await _played(fails(500), connection)
        if draw < 0.2:
            await connection.pause(3600)
            return False
        if draw < 0.25:
            connection.reset()
            return False
        if draw < 0.3:
            broken = event({"error": {"message": "broke", "code": 500}})
            return await _played(
                [stream_head(), piece(delta({"role": "assistant", "content": ""})), piece(broken), END]
                if streamed
                else whole({"error": {"message": "broke", "code": 500}}),
                connection,
            )
        return await _played(streams(GOOD) if streamed else whole(completion(GOOD)), connection)


async def _played(steps: list[Step], connection: Connection) -> bool:
    for step in steps:
        assert isinstance(step, Send)
        await connection.send(step.data)
    return True


async def _load(gateway: Gateway) -> list[bool]:
    """Whether each of many requests, half of them streams, got its whole answer."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, session: aiohttp.ClientSession) -> bool:
        body: dict[str, Any] = {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": number % 2 == 0,
        }
        async with turn, session.post(f"{gateway.base_url}/chat/completions", json=body) as answer:
            text = await answer.text()
        ended = text.endswith("data: [DONE]\n\n") if body["stream"] else '"finish_reason": "stop"' in text
        return answer.status == 200 and GOOD in text and ended and '"error"' not in text

    headers = {"authorization": f"Bearer {running.KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        return await asyncio.gather(*(one(number, session) for number in range(REQUESTS)))


@pytest.mark.parametrize("cooldown", [0, 300], ids=["no rests", "rests"])
def test_a_thousand_requests_over_three_bad_channels_succeed(cooldown: float) -> None:
    with Chaos(1) as a, Chaos(2) as b, Chaos(3) as c:
        channels = [running.channel(name, f"{each.url}/v1", ["m"]) for name, each in (("a", a), ("b", b), ("c", c))]
        preferences = {"cooldown_period": cooldown, "model_timeout": 0.4}
        with running.gateway({**running.config(*channels), "preferences": preferences}) as gateway:
            passed = asyncio.run(_load(gateway))
        assert a.harm + b.harm + c.harm > 200
    assert sum(passed) >= 0.999 * REQUESTS
