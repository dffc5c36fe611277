"""Servers that say exactly what a test wants, over raw sockets, in the test's own loop."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from uni_api.transport import Head, Timeouts, compile_head

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
QUICK = Timeouts(connect=5, write=5, first_byte=5, idle=5)


@dataclass(frozen=True)
class Tls:
    """Contexts of a server for localhost and of a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


class Peer:
    """One accepted connection, as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> tuple[bytes, bytes]:
        """The next request: its head and its body. Raises IncompleteReadError when the client has left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return head, await self.reader.readexactly(length)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed its end."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        """Break the connection off, so that the client sees a reset."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Handler = Callable[[Peer], Awaitable[None]]


@dataclass
class Server:
    port: int
    scheme: str
    peers: list[Peer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/v1?key=sk-secret"

    def head(self, method: str = "POST") -> Head:
        return compile_head(method, self.url, [("authorization", "Bearer sk-secret")])


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server on localhost that gives each connection to `handler`, and closes it when that returns."""
    server = Server(0, "https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()
    failures: list[Exception] = []

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer = Peer(reader, writer)
        server.peers.append(peer)
        try:
            await handler(peer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        except Exception as error:
            failures.append(error)
        finally:
            tasks.discard(task)
            writer.close()

    listener = await asyncio.start_server(attend, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for peer in server.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)
    if failures:
        raise failures[0]


def answering(*answers: bytes, close: bool = False) -> Handler:
    """Answers the requests of each connection in turn; then closes, or waits for the client to leave."""

    async def handler(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.say(answer)
        if not close:
            await peer.gone()

    return handler
