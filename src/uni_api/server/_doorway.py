"""How several workers share the connections that come to one listening socket."""

import asyncio
import logging
import mmap
import socket
from collections.abc import Callable

logger = logging.getLogger("uni_api.server")

COURTESY = 0.005
"""Seconds that a connection is left to a worker that has fewer. One that is busy or stuck does not come for it."""
LEEWAY = 2
"""Connections that a worker may be ahead. Those on their way in are counted twice for a moment."""
SHORTAGE = 1.0
"""Seconds without accepting when the system has no more descriptors."""

ABSENT = 2**31 - 1


class Shares:
    """How many connections each worker has, in memory that all of them see; made before they are."""

    def __init__(self, count: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * count)).cast("i")
        for place in range(count):
            self.leave(place)

    def tell(self, place: int, count: int) -> bool:
        """Say that the worker of `place` has `count`; whether none has clearly fewer."""
        self._counts[place] = count
        return count <= min(self._counts) + LEEWAY

    def leave(self, place: int) -> None:
        """Nothing is left to the worker of `place`: there is none."""
        self._counts[place] = ABSENT

    def __repr__(self) -> str:
        return f"<Shares {self._counts.tolist()}>"


class Doorway:
    """Takes one connection a turn of the loop, and lets others go first that have fewer.

    Left to themselves, the worker that wakes first takes all of a hundred connections that come together, and keeps
    them as long as its clients keep them alive. `is_ours` says whether the next one is for this worker, given how many
    are on their way in.
    """

    def __init__(
        self, listener: socket.socket, open_door: Callable[[], asyncio.Protocol], is_ours: Callable[[int], bool]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._open_door = open_door
        self._is_ours = is_ours
        self._entering: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._loop.add_reader(listener, self._knock)

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _knock(self) -> None:
        if self._is_ours(len(self._entering)):
            self._take()
        else:
            self._rest(COURTESY)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, self._return)

    def _return(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._knock)
        self._take()

    def _take(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # another worker has it, or it has left
        except OSError as error:
            logger.error("no connection can be accepted: %s", error.strerror)
            self._rest(SHORTAGE)
            return
        task = self._loop.create_task(self._enter(client))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    async def _enter(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._open_door, client)
        except OSError:
            client.close()

    def __repr__(self) -> str:
        return f"<Doorway {self._listener!r}>"
