"""What the relay needs of an upstream's answer, whoever gives it."""

from collections.abc import Awaitable
from typing import Protocol


class UpstreamResponse(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def ended(self) -> bool:
        """Whether the whole answer has arrived, read or not."""

    def header(self, name: bytes, /) -> bytes | None: ...

    def chunk(self) -> Awaitable[bytes]:
        """Comes to more of the body; empty at its proper end. Raises Fault when it breaks off or stays silent."""

    async def read(self, limit: int, /) -> bytes:
        """The whole body, decoded. Raises Fault past `limit` bytes."""

    def close(self) -> None: ...


class LocalUpstream(Protocol):
    """An upstream inside this process."""

    async def send(self, body: bytes, /) -> UpstreamResponse: ...
