"""Fixtures: both event loops."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

Run = Callable[[Callable[[], Awaitable[None]]], None]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function to its end, under either loop, for at most ten seconds."""

    def go(main: Callable[[], Awaitable[None]]) -> None:
        async def within() -> None:
            async with asyncio.timeout(10):
                await main()

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(within())

    return go
