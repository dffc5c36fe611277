"""Notices that a client has left, or takes too long to send its body, at next to no cost for quick exchanges."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]

ROUND = 0.05
"""Seconds between two rounds of the patrol: what is over sooner is never looked at."""
BODY_TIME = 60.0
"""Seconds a client has for sending its body."""


class Watch:
    """Cancels the task that made it when its client leaves (`gone`) or dawdles over the body (`late`).

    While `reading`, the maker itself receives and sees a disconnect.
    """

    __slots__ = ("_loop", "_main", "_receive", "_watcher", "gone", "late", "reading", "since")

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._main = asyncio.current_task(loop)
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self.since = 0.0
        self.reading = True
        self.gone = False
        self.late = False

    def look(self, now: float) -> bool:
        """One look of the patrol; False when no other is needed."""
        if self.reading:
            if self.since == 0.0:
                self.since = now
            if now - self.since < BODY_TIME:
                return True
            self.late = True
            self._cancel()
            return False
        self._watcher = self._loop.create_task(self._until_gone())
        return False

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()

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


class Patrol:
    """Looks at every exchange under way once a round, with one timer for all of them. Must be made in its loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._young: set[Watch] = set()
        self._walking = False

    def watch(self, receive: Receive) -> Watch:
        """A Watch over the current task; `leave` must be called at its end."""
        watch = Watch(receive, self._loop)
        self._young.add(watch)
        if not self._walking:
            self._walking = True
            self._loop.call_later(ROUND, self._walk)
        return watch

    def leave(self, watch: Watch) -> None:
        self._young.discard(watch)
        watch.stop()

    def _walk(self) -> None:
        now = self._loop.time()
        for watch in list(self._young):
            if not watch.look(now):
                self._young.discard(watch)
        self._walking = bool(self._young)
        if self._walking:
            self._loop.call_later(ROUND, self._walk)

    def __repr__(self) -> str:
        return f"<Patrol {len(self._young)} young>"
