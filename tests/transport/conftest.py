"""Fixtures: both event loops, and certificates of an authority that only these tests trust."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trustme
import uvloop

from tests.transport.servers import Tls

Run = Callable[[Callable[[], Awaitable[Any]]], Any]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
PATIENCE = 20.0
"""Seconds after which a test is taken to hang."""


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function to its end, under either loop."""

    def go(main: Callable[[], Awaitable[Any]]) -> Any:
        async def within() -> Any:
            async with asyncio.timeout(PATIENCE):
                return await main()

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(within())

    return go


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> Tls:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Tls(server, client)
