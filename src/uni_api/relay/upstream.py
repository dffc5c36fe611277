"""What the relay needs of an upstream's answer, whoever gives it."""

from typing import Protocol


class UpstreamResponse(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def ended(self) -> bool:
        """Whether the whole answer has arrived, read or not."""

    def header(self, name: bytes, /) -> bytes | None: ...

    async def chunk(self) -> bytes:
        """The body as it comes; empty at its proper end. Raises Fault when it breaks off or keeps silent too long."""

    async def read(self, limit: int, /) -> bytes:
        """The whole body, decoded. Raises Fault past `limit` bytes."""

    def close(self) -> None: ...


class LocalUpstream(Protocol):
    """An upstream inside this process."""

    async def send(self, body: bytes, /) -> UpstreamResponse: ...
