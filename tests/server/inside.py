"""The gateway inside the test's own process, so that it shows what becomes of each request there."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from tests.hostile.raw import Reply, replies, request
from uni_api.app import App
from uni_api.config.load import loads
from uni_api.config.plan import Plan
from uni_api.server import Bounds
from uni_api.server.connection import Connection, Date
from uni_api.transport.outbox import Outbox

SERVING = "Connection._serve"
"""The one task that a connection may have."""


class Talk:
    """A client on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, body: bytes, *headers: str, close: bool = False, **more: Any) -> None:
        self.writer.write(request(body, headers, close=close, **more))

    async def hear(self) -> Reply:
        """The next response. Raises ConnectionResetError when there is none."""
        data = b""
        while not (found := replies(data, whole=True)):
            piece = await self.reader.read(65536)
            if not piece:
                raise ConnectionResetError(data)
            data += piece
        return found[0]

    async def ask(self, body: bytes, *headers: str, **more: Any) -> Reply:
        self.say(body, *headers, **more)
        return await self.hear()

    def leave(self) -> None:
        self.writer.transport.abort()


@dataclass
class Inside:
    """A gateway that listens. `tasks` holds the name of every task that was started, `open` the connections."""

    port: int
    app: App
    open: set[Connection]
    tasks: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def serving(self) -> int:
        """How many tasks were started for clients."""
        return self.tasks.count(SERVING)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Talk]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Talk(reader, writer)
        finally:
            writer.transport.abort()

    async def ask(self, body: bytes, *headers: str, **more: Any) -> Reply:
        """The response to a request on a new connection, which shows by `serving` whether that took a task."""
        async with self.client() as talk:
            return await talk.ask(body, *headers, **more)


def planned(config: Mapping[str, Any]) -> Plan:
    """What nothing rests in after a failure, unless `config` says so."""
    preferences = {"cooldown_period": 0, **config.get("preferences", {})}
    return loads(json.dumps({**config, "preferences": preferences}).encode())


@asynccontextmanager
async def inside(config: Mapping[str, Any]) -> AsyncIterator[Inside]:
    """A gateway that ends in good order: no task is left, and the loop has nothing to complain of."""
    with TemporaryDirectory(prefix="uni-api-test-") as folder, mock.patch.dict(os.environ, UNI_API_DATA=folder):
        async with _listening(App(planned(config), max_body=10_000_000)) as on:
            yield on


@asynccontextmanager
async def _listening(app: App) -> AsyncIterator[Inside]:
    connections, date, loop = set[Connection](), Date(), asyncio.get_running_loop()
    date.renew("Tue, 24 Nov 2026 00:00:00 GMT")
    outbox = Outbox(loop)
    server = await loop.create_server(
        lambda: Connection(app.gateway, Bounds(), connections, date, outbox), "127.0.0.1", 0
    )
    on = Inside(server.sockets[0].getsockname()[1], app, connections)
    loop.set_exception_handler(lambda _, told: on.complaints.append(repr(told)))

    def start(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        on.tasks.append(coro.__qualname__)
        return asyncio.Task(coro, loop=loop, **more)

    loop.set_task_factory(start)
    try:
        yield on
    finally:
        server.close()
        cut = [task for connection in list(connections) if (task := connection.stop()) is not None]
        if cut:
            await asyncio.wait(cut, timeout=2)
        await asyncio.sleep(0.02)
        await app.aclose()
        await asyncio.sleep(0)
        loop.set_task_factory(None)
    assert not connections
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert on.complaints == []
