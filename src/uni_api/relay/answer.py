"""What the server sends to the client."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from msgspec import Struct

from uni_api.dialects import Glance
from uni_api.errors import Fault

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
EVENTS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class Answer(Struct):
    """`body`, then what `stream` brings where there is one. A stream must be run to its end or closed.

    told: what the answer says of itself, complete once it has passed · fault: what broke its stream · settle: to be
    awaited once everything has passed, or will not, where it is `due` or the stream broke · close: ends what is still
    open at the upstream.
    """

    status: int
    headers: Headers
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
    told: Glance | None = None
    fault: Fault | None = None
    due: bool = False
    settle: "Callable[[Answer], Awaitable[None]] | None" = None
    close: Callable[[], None] | None = None

    def abandon(self) -> None:
        """Let go of the upstream: nobody is going to read the stream."""
        if self.close is not None:
            self.close()
