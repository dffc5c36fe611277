"""A raw HTTP/1.1 server for tests, with its own parser, so that nothing under test checks itself.

It runs an event loop in a thread of its own and talks over real sockets. A handler gets each request together with the
connection it came on, and writes whatever bytes it likes; the server notes when a peer leaves.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from typing_extensions import override

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Received:
    """One request as the upstream saw it. Header names are in lower case, in the order of arrival.

    `path` is decoded; `target` is path and query as they came.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    target: str = ""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(eq=False)
class Connection(asyncio.Protocol):
    """One accepted connection. `gone_at` is the monotonic time at which the peer closed or reset it."""

    server: "WireServer"
    number: int
    opened_at: float = 0.0
    gone_at: float | None = None
    requests: int = 0
    _buffer: bytearray = field(default_factory=bytearray)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.opened_at = time.monotonic()
        self.gone = asyncio.Event()
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connections.append(self)
        self._task = asyncio.get_running_loop().create_task(self.server.attend(self))

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._wake.set()

    @override
    def eof_received(self) -> bool:
        self._left()
        return False

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self._left()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def open(self) -> bool:
        return self.gone_at is None

    def _left(self) -> None:
        if self.gone_at is None:
            self.gone_at = time.monotonic()
        self.gone.set()
        self._wake.set()
        self._writable.set()

    async def send(self, data: bytes) -> None:
        """Writes, and waits while the peer does not read. Raises ConnectionResetError once the peer has left."""
        if self.gone.is_set():
            raise ConnectionResetError
        self.transport.write(data)
        await self._writable.wait()

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        """Closes with RST instead of FIN."""
        sock: socket.socket = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.transport.abort()

    async def pause(self, seconds: float) -> None:
        """Sleeps, but wakes at once with ConnectionResetError when the peer leaves."""
        try:
            await asyncio.wait_for(self.gone.wait(), seconds)
        except TimeoutError:
            return
        raise ConnectionResetError

    async def receive(self) -> Received | None:
        """The next request, or None at the end of the connection."""
        head = await self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = tuple(
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line)
        )
        path, _, query = target.partition("?")
        body = await self._body(dict(headers))
        if body is None:
            return None
        self.requests += 1
        return Received(method, unquote(path), query, headers, body, self.number, target)

    async def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._exactly(int(headers.get("content-length", "0")))
        pieces: list[bytes] = []
        while True:
            line = await self._until(b"\r\n")
            if line is None:
                return None
            size = int(line.split(b";")[0], 16)
            piece = await self._exactly(size + 2)
            if piece is None:
                return None
            if size == 0:
                return b"".join(pieces)
            pieces.append(piece[:-2])

    async def _until(self, mark: bytes) -> bytes | None:
        while (at := self._buffer.find(mark)) < 0:
            if not await self._more():
                return None
        taken = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return taken

    async def _exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not await self._more():
                return None
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _more(self) -> bool:
        if self.gone.is_set():
            return False
        self._wake.clear()
        await self._wake.wait()
        return True


Handler = Callable[[Received, Connection], Awaitable[bool]]
"""Answers one request; False asks the server to close the connection afterwards."""


class WireServer:
    """Listens on a free port of 127.0.0.1 while it is entered. `connections` and `received` only ever grow."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: list[Connection] = []
        self.received: list[Received] = []
        self.failures: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake upstream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        opened = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self.port = opened.result(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return sum(connection.open for connection in self.connections)

    async def _listen(self) -> int:
        self._server = await self._loop.create_server(
            lambda: Connection(self, len(self.connections)), "127.0.0.1", 0, backlog=1024
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        self._server.close()
        for connection in self.connections:
            connection.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def attend(self, connection: Connection) -> None:
        try:
            while (request := await connection.receive()) is not None:
                self.received.append(request)
                if not await self.handler(request, connection):
                    break
        except ConnectionResetError:
            pass
        except Exception as error:
            self.failures.append(error)
        finally:
            connection.close()


def head(status: int, headers: tuple[tuple[str, str], ...], reason: str | None = None) -> bytes:
    """A response head, blank line included."""
    lines = [f"HTTP/1.1 {status} {reason or REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; of empty data, the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Polls until `condition` holds, for at most `seconds`; whether it came to hold."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.005)
    return True
