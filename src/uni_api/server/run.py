"""The server process: listening, signals, draining."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import partial
from typing import Any

from msgspec import Struct

from uni_api.server._doorway import Doorway
from uni_api.server.connection import Bounds, Connection, Date
from uni_api.server.gateway import Gateway
from uni_api.server.workers import END, Line, split
from uni_api.transport.outbox import Outbox

logger = logging.getLogger("uni_api.server")

GRACE = 2.0
"""Seconds for what is cut off at the end of a drain to say so."""
FLUSH = 0.05
"""Seconds for last bytes to leave."""
BACKLOG = 2048
"""Connections that wait to be taken."""


class Settings(Struct, frozen=True, kw_only=True):
    """`drain`: seconds that open exchanges get to finish after SIGTERM; `workers`: processes that serve the address."""

    host: str = "0.0.0.0"
    port: int = 8000
    drain: float = 30.0
    workers: int = 1
    bounds: Bounds = Bounds()


def serve(
    build: Callable[[], Gateway],
    settings: Settings,
    *,
    started: Callable[[str, int], None],
    stopped: Callable[[], Awaitable[None]],
) -> None:
    """Serve until told to stop. `build` runs inside the event loop, in each worker; `stopped` runs before it ends.

    `started` is called once everybody serves. With several workers, all this returns in the workers only: the process
    that called ends with SystemExit. Raises OSError when the address can't be listened on.
    """
    listener = listen(settings.host, settings.port)
    ready: Callable[[], None] = partial(started, settings.host, listener.getsockname()[1])
    line: Line | None = None
    if settings.workers > 1:
        line = split(settings.workers, listener, drain=settings.drain, started=ready)
        ready = line.ready
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(build, settings, listener, ready, stopped, line))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is told before anything else is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(
    build: Callable[[], Gateway],
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[], None],
    stopped: Callable[[], Awaitable[None]],
    line: Line | None,
) -> None:
    gateway = build()
    house = _House(gateway, settings, line)
    loop = asyncio.get_running_loop()
    server: asyncio.AbstractServer | Doorway
    if line is None:
        server = await loop.create_server(house.open_door, sock=listener, backlog=BACKLOG)
        house.listen_for_signals(house.tell)
    else:
        server = Doorway(listener, house.open_door, house.is_ours)
        house.listen_for_signals(house.begin_to_drain)
        house.obey(line, orphaned=server.close)
    _settle_memory()
    ready()
    await house.until_told()
    await house.drain()
    server.close()
    await house.clear()
    await stopped()


class _House:
    """The open connections, and when they have to go."""

    def __init__(self, gateway: Gateway, settings: Settings, line: Line | None) -> None:
        self._gateway = gateway
        self._settings = settings
        self._line = line
        self._connections: set[Connection] = set()
        self._date = Date()
        self._outbox = Outbox(asyncio.get_running_loop())
        self._told = asyncio.Event()
        self._hurried = asyncio.Event()

    def open_door(self) -> Connection:
        return Connection(self._gateway, self._settings.bounds, self._connections, self._date, self._outbox)

    def listen_for_signals(self, tell: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            if sys.platform == "win32":
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(tell))
            else:
                loop.add_signal_handler(number, tell)

    def tell(self) -> None:
        """The first signal asks for a drain, the second for an end at once."""
        if self._told.is_set():
            self._hurried.set()
        self.begin_to_drain()

    def begin_to_drain(self) -> None:
        """Ask for a drain, and for no more however often: a terminal and systemd send a worker its parent's signals."""
        self._told.set()
        self._gateway.draining = True

    def is_ours(self, entering: int = 0) -> bool:
        """Whether the next connection is for this worker: no other one has clearly fewer."""
        return self._line is None or self._line.tell(len(self._connections) + entering)

    def obey(self, line: Line, orphaned: Callable[[], None]) -> None:
        """Do what the parent says. When it is gone, drain and leave the port to whoever is started next."""
        loop = asyncio.get_running_loop()

        def listen() -> None:
            orders = line.orders()
            self.begin_to_drain()
            if END in orders:
                self._hurried.set()
            if not orders:
                loop.remove_reader(line)
                orphaned()

        loop.add_reader(line, listen)

    async def until_told(self) -> None:
        """Keep the date and look after the connections, once a second, until a signal comes."""
        while not self._told.is_set():
            self._look_round()
            await _wait(self._told, 1.0)

    async def drain(self) -> None:
        """Wait until nothing is under way, at most as long as is set, and not after a second signal."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain
        while self._busy() and loop.time() < deadline and not self._hurried.is_set():
            self._look_round()
            await _wait(self._hurried, 0.05)

    async def clear(self) -> None:
        """Cut off what is left, and give it a moment to say so."""
        cut = [task for connection in list(self._connections) if (task := connection.stop()) is not None]
        if cut:
            await asyncio.wait(cut, timeout=GRACE)
        await asyncio.sleep(FLUSH)

    def _busy(self) -> bool:
        return any(connection.busy for connection in self._connections)

    def _look_round(self) -> None:
        self._date.renew(formatdate(time.time(), usegmt=True))
        self.is_ours()  # which tells the others, too, what has left
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            connection.check(now)

    def __repr__(self) -> str:
        return f"<_House {len(self._connections)} connections>"


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _settle_memory() -> None:
    """Take what start-up made, which stays for good, out of the collector's sight, and let it look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Any = uvloop.new_event_loop
    return factory  # type: ignore[no-any-return]
