"""What the relay needs of an upstream's answer, whoever gives it."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class UpstreamResponse(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def ended(self) -> bool:
        """Whether the whole answer has arrived, read or not."""

    @property
    def framed(self) -> bytes:
        """What came whole, until it is read otherwise: a body in HTTP chunks, from `framed_from` on. Mostly nothing."""

    @property
    def framed_from(self) -> int: ...

    def header(self, name: bytes, /) -> bytes | None: ...

    def at_hand(self) -> bytes:
        """All of the body that has arrived and was not read yet, if that can be told at once. It may be nothing."""

    def chunk(self) -> Awaitable[bytes]:
        """Comes to more of the body; empty at its proper end. Raises Fault when it breaks off or stays silent."""

    def pour(self, sink: Callable[[bytes], bool], /) -> Awaitable[bool]:
        """Gives `sink` each piece as it arrives, until it wants no more (True), or to the proper end (False).

        Raises as `chunk` does.
        """

    async def read(self, limit: int, /) -> bytes:
        """The whole body, decoded. Raises Fault past `limit` bytes."""

    def close(self) -> None: ...


class LocalUpstream(Protocol):
    """An upstream inside this process."""

    async def send(self, body: bytes, /) -> UpstreamResponse: ...


class Begun:
    """A response whose first bytes were looked at: they are read once more."""

    def __init__(self, response: UpstreamResponse, first: bytes) -> None:
        self._response = response
        self._first = first
        self.framed = b""
        self.framed_from = 0
        self.status = response.status
        self.header = response.header
        self.close = response.close

    @property
    def ended(self) -> bool:
        return self._response.ended and not self._first

    def at_hand(self) -> bytes:
        first, self._first = self._first, b""
        return first or self._response.at_hand()

    async def chunk(self) -> bytes:
        return self.at_hand() or await self._response.chunk()

    async def pour(self, sink: Callable[[bytes], bool], /) -> bool:
        first = self.at_hand()
        return bool(first and not sink(first)) or await self._response.pour(sink)

    async def read(self, limit: int, /) -> bytes:
        return self.at_hand() + await self._response.read(limit)
