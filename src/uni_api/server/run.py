"""The server process: listening, signals, draining."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from msgspec import Struct

from uni_api.server.asgi import Gateway
from uni_api.server.protocol import Connection, sweep

logger = logging.getLogger("uni_api.server")

SWEEP_TICKS = 20
"""Ticks of the server's main loop (a tenth of a second each) between two looks at the connections."""


class Settings(Struct, frozen=True, kw_only=True):
    """`drain`: seconds that open exchanges get to finish after SIGTERM."""

    host: str = "0.0.0.0"
    port: int = 8000
    drain: float = 30.0
    keep_alive: int = 75


class _Server(uvicorn.Server):
    """uvicorn, with a drain before the doors close and exit code 0 after it."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway, drain: float) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._drain = drain
        self._deadline = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._gateway.draining:
            self.force_exit = self.should_exit = True
        self._gateway.draining = True

    async def on_tick(self, counter: int) -> bool:
        now = asyncio.get_running_loop().time()
        if counter % SWEEP_TICKS == 0:
            sweep(self.server_state.connections, now)
        if self._gateway.draining:
            if not self._deadline:
                self._deadline = now + self._drain
                logger.info("draining: %d open requests", len(self.server_state.tasks))
            if not self.server_state.tasks or now > self._deadline:
                self.should_exit = True
        return await super().on_tick(counter)


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
    runner = _loop_factory()
    with asyncio.Runner(loop_factory=runner) as loop:
        loop.run(_serve(build, settings, listener, started, stopped))


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
    config = uvicorn.Config(
        gateway,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=2,
    )
    _settle_memory()
    started(settings.host, listener.getsockname()[1])
    await _Server(config, gateway, settings.drain).serve(sockets=[listener])
    await stopped()


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
