"""Notices that a client has left, or takes too long to send its body, at next to no cost for quick exchanges."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]

PATIENCE = 0.05
"""Seconds before an exchange is worth watching."""
BODY_TIME = 60.0
"""Seconds a client has for sending its body."""


class Watch:
    """Cancels the task that made it when its client leaves (`gone`) or dawdles over the body (`late`).

    `stop` must be called at the end. Until `body_read` is called, the maker itself receives and sees a disconnect.
    """

    __slots__ = ("_deadline", "_handle", "_loop", "_main", "_receive", "_watcher", "gone", "late", "reading")

    def __init__(self, receive: Receive) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._deadline = self._loop.time() + BODY_TIME
        self._handle = self._loop.call_later(PATIENCE, self._look)
        self.reading = True
        self.gone = False
        self.late = False

    def body_read(self) -> None:
        self.reading = False

    def stop(self) -> None:
        self._handle.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _look(self) -> None:
        if not self.reading:
            self._watcher = self._loop.create_task(self._until_gone())
        elif self._loop.time() < self._deadline:
            self._handle = self._loop.call_later(PATIENCE * 4, self._look)
        else:
            self.late = True
            self._cancel()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self._cancel()

    def _cancel(self) -> None:
        if self._main is not None:
            self._main.cancel()

    def __repr__(self) -> str:
        return f"<Watch {'gone' if self.gone else 'late' if self.late else 'reading' if self.reading else 'on'}>"
