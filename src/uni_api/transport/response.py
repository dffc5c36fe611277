"""A response: its head, and its body as it comes."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import Struct

from uni_api.errors import Fault
from uni_api.transport.chunks import joined
from uni_api.transport.inflate import Inflater

HIGH_WATER = 64 * 1024
"""Bytes of body that may wait unread before the reading of the upstream is stopped."""

NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})

Sink = Callable[[bytes], bool]
"""Takes a piece of a body, and says whether it wants the next one."""


class Source(Protocol):
    """Where a body comes from."""

    @property
    def stale(self) -> bool:
        """Whether it was lost before anybody saw the request."""

    def resume(self) -> None:
        """Read on: what was unread has been taken."""

    def abort(self) -> None:
        """Give up the exchange: close at once."""


class Response(Struct, eq=False):
    """An answer whose head has arrived. Close it, or read it to its end.

    One task at a time may read. Cancelling a read closes the connection at once.

    What follows `host` is the connection's to set. headers: names in lower case, of repeated ones the first, values as
    they came · framed: what came whole, until it is read: a body in its chunks, from `framed_from` on · size: the bytes
    in which what is unread has come · news: called when there is more to see, and no task waits for it.
    """

    _source: Source
    host: str
    _loop: asyncio.AbstractEventLoop
    status: int = 0
    headers: Mapping[bytes, bytes] = NO_HEADERS
    coding: bytes = b""
    framed: bytes = b""
    framed_from: int = 0
    unread: list[bytes] = []
    size: int = 0
    ended: bool = False
    fault: Fault | None = None
    sink: Sink | None = None
    news: Callable[[], None] | None = None
    _refused: Fault | None = None
    _inflater: Inflater | None = None
    _waiter: asyncio.Future[None] | None = None

    async def head(self) -> None:
        """Comes back when the head is there, or `fault` says why it will not come."""
        while not self.status and self.fault is None:
            await self._woken()

    @property
    def unseen(self) -> bool:
        """Whether it failed because its connection had been idle, so that nobody has seen the request."""
        return self.fault is not None and self.fault.kind == "protocol" and not self.status and self._source.stale

    def shows(self, *, whole: bool) -> bool:
        """Whether a reader of some of the body, or of the `whole` of it, would find it, or why not, without waiting.

        Of a whole body that is large, a part: the rest waits until that is read.
        """
        return self.ended or self.fault is not None or (self.size > HIGH_WATER if whole else bool(self.unread))

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, or None. `name` is in lower case."""
        value = self.headers.get(name)
        return value.rstrip() if value is not None else None

    def at_hand(self) -> bytes:
        """All of the body that has arrived, was not read yet, and needs no decoding. It may be nothing."""
        if self.framed:
            self._unframe()
        return self._taken() if self.unread and not self.coding else b""

    def chunk(self) -> Coroutine[Any, Any, bytes]:
        """Comes to all of the body that has arrived and was not yet read, waiting for some; empty at the proper end.

        A content-encoding of gzip or deflate is undone; then it is a bounded piece of what has arrived. Raises
        Fault("protocol") when the body is cut short or damaged, and Fault("timeout") when the upstream falls silent.
        """
        if self.framed:
            self._unframe()
        return self._inflated() if self.coding else self._raw()

    async def read(self, limit: int) -> bytes:
        """The whole rest of the body, content-encoding undone.

        Raises Fault("protocol") when it has more than `limit` bytes, or as `chunk` does.
        """
        if self.framed:
            self._unframe()
        parts: list[bytes] = []
        size = 0
        while part := await (self._inflated() if self.coding else self._raw()):
            size += len(part)
            if size > limit:
                self.close()
                raise Fault("protocol", f"The answer of {self.host} is larger than {limit} bytes.")
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def pour(self, sink: Sink) -> bool:
        """Give `sink` each piece of the body as it arrives, until it wants no more (True), or to the end (False).

        What arrives after that waits to be read. Raises as `chunk` does, and any Fault that `sink` raises.
        """
        if self.framed:
            self._unframe()
        if self.coding:
            while data := await self._inflated():
                if not sink(data):
                    return True
                await asyncio.sleep(0)  # a small body may unfold into a very large one
            return False
        while True:
            if self.unread and not sink(self._taken()):
                return True
            if self.fault is not None:
                raise self.fault
            if self.ended:
                return False
            self.sink = sink
            try:
                await self._woken()
            finally:
                wants_more, self.sink = self.sink is not None, None
            if self._refused is not None:
                raise self._refused
            if not wants_more:
                return True

    def _unframe(self) -> None:
        framed, self.framed = self.framed, b""
        if body := joined(framed[self.framed_from :]):
            self.unread.append(body)

    def give(self, piece: bytes) -> None:
        """Hand `piece` to the sink. Called by the connection."""
        assert self.sink is not None
        try:
            if self.sink(piece):
                return
        except Fault as fault:
            self._refused = fault
        self.sink = None

    def close(self) -> None:
        """Be done: what was not read is lost. The connection lives on only if the answer had ended."""
        self.news = None
        self.unread.clear()
        self.size = 0
        if not self.ended:
            if self.fault is None:
                self.fault = Fault("cancelled", f"The response of {self.host} was closed before its end.")
            self._source.abort()

    def __repr__(self) -> str:
        state = "failed" if self.fault else "ended" if self.ended else "open"
        return f"<Response {self.status} [{state}, {sum(map(len, self.unread))} bytes unread]>"

    def wake(self) -> None:
        """Let the reader look again. Called by the connection."""
        waiter = self._waiter
        if waiter is None:
            if self.news is not None:
                self.news()
        elif not waiter.done():
            waiter.set_result(None)

    async def _raw(self) -> bytes:
        while not self.unread:
            if self.fault is not None:
                raise self.fault
            if self.ended:
                return b""
            await self._woken()
        return self._taken()

    async def _woken(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        try:
            await waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None

    def _taken(self) -> bytes:
        unread = self.unread
        data = unread[0] if len(unread) == 1 else b"".join(unread)
        unread.clear()
        paused = self.size > HIGH_WATER
        self.size = 0
        if paused and not self.ended and self.fault is None:
            self._source.resume()
        return data

    async def _inflated(self) -> bytes:
        try:
            if self._inflater is None:
                self._inflater = Inflater(self.coding, self.host)
            while not (plain := self._inflater.step()):
                data = await self._raw()
                if not data:
                    self._inflater.close()
                    return b""
                self._inflater.feed(data)
        except Fault:
            self.close()
            raise
        return plain
