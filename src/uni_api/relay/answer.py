"""What the server sends to the client."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from uni_api.dialects import Glance, Pieces
from uni_api.errors import Fault
from uni_api.transport.chunks import joined

Lines = list[bytes]
"""Headers as they are sent, each with its line break."""


def line(name: bytes, value: bytes) -> bytes:
    """A header as it is sent. Neither holds a line break."""
    return b"%b: %b\r\n" % (name, value)


JSON = line(b"content-type", b"application/json")
EVENTS = (
    line(b"content-type", b"text/event-stream; charset=utf-8")
    + line(b"cache-control", b"no-cache")
    + line(b"x-accel-buffering", b"no")
)


class Outlet(Protocol):
    """The way to the client."""

    @property
    def paused(self) -> bool:
        """Whether the client has enough for now: then `drained` is to be awaited before more is written."""

    def write(self, piece: bytes, /) -> None:
        """More of the body, which holds at least a byte."""

    async def drained(self) -> None:
        """Comes back when the client can take more, or has left."""


class Stream(Protocol):
    """What is still to come of an answer."""

    async def pour(self, out: Outlet, /) -> None:
        """Write it to `out` as it comes, at the client's pace. Once; a failure of the upstream is said in-band."""


class Answer(Struct):
    """`body`, then what `stream` brings where there is one. A stream must be poured, or abandoned.

    framed: all there is, in HTTP chunks, in place of `body` · told: what the answer says of itself, complete once it
    has passed · fault: what broke its stream · settle: to be called once everything has passed, or will not, where it
    is `due` or the stream broke; what it gives is awaited · close: ends what is still open at the upstream, and does
    nothing when that is over.
    """

    status: int
    headers: Lines
    body: bytes = b""
    stream: Stream | None = None
    told: Glance | None = None
    fault: Fault | None = None
    due: bool = False
    settle: "Callable[[Answer], Awaitable[None] | None] | None" = None
    close: Callable[[], None] | None = None
    framed: Pieces = ()

    def unframed(self) -> bytes:
        """The first bytes, or all there is, without chunks."""
        return joined(b"".join(self.framed)) if self.framed else self.body

    def abandon(self) -> None:
        """Let go of the upstream: nobody is going to read the stream."""
        if self.close is not None:
            self.close()
