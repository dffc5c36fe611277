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
from typing import Any

from msgspec import Struct

from uni_api.server.connection import Bounds, Connection, Date
from uni_api.server.gateway import Gateway
from uni_api.transport.outbox import Outbox

logger = logging.getLogger("uni_api.server")

GRACE = 2.0
"""Seconds for what is cut off at the end of a drain to say so."""
FLUSH = 0.05
"""Seconds for last bytes to leave."""


class Settings(Struct, frozen=True, kw_only=True):
    """`drain`: seconds that open exchanges get to finish after SIGTERM."""

    host: str = "0.0.0.0"
    port: int = 8000
    drain: float = 30.0
    bounds: Bounds = Bounds()


def serve(
    build: Callable[[], Gateway],
    settings: Settings,
    *,
    started: Callable[[str, int], None],
    stopped: Callable[[], Awaitable[None]],
) -> None:
    """Serve until told to stop. `build` runs inside the event loop; `stopped` runs before it ends.

    Raises OSError when the address can't be listened on.
    """
    listener = listen(settings.host, settings.port)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(build, settings, listener, started, stopped))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is told before anything else is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(
    build: Callable[[], Gateway],
    settings: Settings,
    listener: socket.socket,
    started: Callable[[str, int], None],
    stopped: Callable[[], Awaitable[None]],
) -> None:
    gateway = build()
    house = _House(gateway, settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(house.open_door, sock=listener)
    house.listen_for_signals()
    _settle_memory()
    started(settings.host, listener.getsockname()[1])
    await house.until_told()
    await house.drain()
    server.close()
    await house.clear()
    await stopped()


class _House:
    """The open connections, and when they have to go."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self._gateway = gateway
        self._settings = settings
        self._connections: set[Connection] = set()
        self._date = Date()
        self._outbox = Outbox(asyncio.get_running_loop())
        self._told = asyncio.Event()
        self._hurried = asyncio.Event()

    def open_door(self) -> Connection:
        return Connection(self._gateway, self._settings.bounds, self._connections, self._date, self._outbox)

    def listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            if sys.platform == "win32":
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._tell))
            else:
                loop.add_signal_handler(number, self._tell)

    def _tell(self) -> None:
        """The first signal asks for a drain, the second for an end at once."""
        (self._hurried if self._told.is_set() else self._told).set()
        self._gateway.draining = True

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
