"""What the server sends to the client."""

from collections.abc import AsyncGenerator

from msgspec import Struct

Headers = list[tuple[bytes, bytes]]


class Answer(Struct):
    """A whole `body`, or a `stream` of pieces whose first one is ready. A stream must be run to its end or closed."""

    status: int
    headers: Headers
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
