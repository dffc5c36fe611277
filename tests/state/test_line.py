"""The line: bounds from the URL, patience with a busy loop, nothing left waiting."""

import asyncio
import time

import pytest

from tests.state.redis_server import RedisServer, free_port, needs_redis, silent_host
from uni_api.secret import Secret
from uni_api.state.line import MOST_WAITING, Away, Line, within
from uni_api.state.scripts import PREFIX, PROBE, Script

KEY = [PREFIX.encode() + b"x"]


@needs_redis
def test_what_is_asked_meanwhile_travels_together() -> None:
    async def run(server: RedisServer) -> None:
        line = Line(server.patient, pytest.fail)
        echo = Script("return ARGV[1]", bytes)
        found = await asyncio.gather(*(line.ask(echo, KEY, number) for number in range(1_000)))
        assert found == [b"%d" % number for number in range(1_000)]
        line.tell(PROBE, KEY)
        await line.aclose()
        assert server.say("GET", "{uni-api}:x") == "$1\r\n1\r\n"

    with RedisServer() as server:
        asyncio.run(run(server))


def test_nobody_is_left_waiting_when_it_breaks() -> None:
    reasons: list[str] = []

    async def run() -> None:
        line = Line(Secret(f"redis://127.0.0.1:{free_port()}"), reasons.append)
        found = await asyncio.gather(*(line.ask(PROBE, KEY) for _ in range(600)), return_exceptions=True)
        assert all(isinstance(each, Away) for each in found)
        for _ in range(MOST_WAITING + 10):
            line.tell(PROBE, KEY)
        assert len(line._waiting) == MOST_WAITING
        await line.aclose()

    asyncio.run(run())
    assert reasons and "onnect" in reasons[0]


def test_bounds_can_be_set_in_the_url() -> None:
    async def run(port: int) -> float:
        line = Line(
            Secret(f"redis://127.0.0.1:{port}?socket_timeout=0.4&socket_connect_timeout=0.4"), lambda reason: None
        )
        begin = time.monotonic()
        with pytest.raises(Away):
            await line.ask(PROBE, KEY)
        await line.aclose()
        return time.monotonic() - begin

    with silent_host() as port:
        assert asyncio.run(run(port)) >= 0.4


@pytest.mark.parametrize("url", ["http://x", "redis://h?what=1", "redis://h?socket_timeout=soon", "redis://h:port"])
def test_a_url_that_means_nothing_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Line(Secret(url), lambda reason: None)


def test_a_busy_loop_is_no_slow_answer() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError, match="no answer within 30 ms"):
            async with within(0.03, "no answer"):
                await asyncio.sleep(5)
        async with within(0.2, "no answer"):
            answer = loop.create_future()
            loop.call_soon(time.sleep, 0.3)
            loop.call_later(0.25, answer.set_result, None)
            await answer

    asyncio.run(run())
