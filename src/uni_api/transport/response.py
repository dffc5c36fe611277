"""A response: its head, and its body as it comes."""

import asyncio
import zlib
from typing import Protocol

from uni_api.errors import Fault

HIGH_WATER = 64 * 1024
"""Bytes of body that may wait unread before the reading of the upstream is stopped."""


class Source(Protocol):
    """Where a body comes from."""

    def resume(self) -> None:
        """Read on: what was unread has been taken."""

    def abort(self) -> None:
        """Give up the exchange: close at once."""


class Response:
    """An answer whose head has arrived. Close it, or read it to its end.

    One task at a time may read. Cancelling a read closes the connection at once.
    """

    __slots__ = ("_source", "ended", "fault", "headers", "host", "size", "status", "unread", "waiter")

    def __init__(self, source: Source, host: str, waiter: "asyncio.Future[None]") -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.host = host
        # What follows is the connection's to write. `waiter` is woken whenever there is something new to see.
        self.unread: list[bytes] = []
        self.size = 0
        self.ended = False
        self.fault: Fault | None = None
        self.waiter: asyncio.Future[None] | None = waiter
        self._source = source

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, or None. `name` is in lower case."""
        for known, value in self.headers:
            if known == name:
                return value
        return None

    async def chunk(self) -> bytes:
        """All of the body that has arrived and was not yet read, waiting for some; empty at the proper end.

        The bytes are as sent: no content-encoding is undone. Raises Fault("protocol") when the body is cut short, and
        Fault("timeout") when the upstream falls silent.
        """
        while not self.unread:
            if self.fault is not None:
                raise self.fault
            if self.ended:
                return b""
            await self._wait()
        return self._take()

    async def read(self, limit: int) -> bytes:
        """The whole rest of the body with gzip and deflate undone.

        Raises Fault("protocol") when it has more than `limit` bytes, before or after decoding, or can't be decoded.
        """
        parts: list[bytes] = []
        size = 0
        while not self.ended:
            part = await self.chunk()
            size += len(part)
            if size > limit:
                break
            parts.append(part)
        if self.unread:
            part = self._take()
            size += len(part)
            parts.append(part)
        if size > limit:
            self.close()
            raise self._over(limit)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        coding = self.header(b"content-encoding")
        return data if coding is None or not data else self._decode(data, coding, limit)

    def close(self) -> None:
        """Be done: what was not read is lost. The connection lives on only if the answer had ended."""
        self.unread.clear()
        self.size = 0
        if not self.ended:
            if self.fault is None:
                self.fault = Fault("cancelled", f"The response of {self.host} was closed before its end.")
            self._source.abort()

    def __repr__(self) -> str:
        state = "failed" if self.fault else "ended" if self.ended else "open"
        return f"<Response {self.status} [{state}, {self.size} bytes unread]>"

    def wake(self) -> None:
        """Let the reader look again. Called by the connection."""
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        self.waiter = waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        except BaseException:
            self.close()
            raise
        finally:
            self.waiter = None

    def _take(self) -> bytes:
        unread = self.unread
        data = unread[0] if len(unread) == 1 else b"".join(unread)
        unread.clear()
        paused = self.size > HIGH_WATER
        self.size = 0
        if paused and not self.ended and self.fault is None:
            self._source.resume()
        return data

    def _decode(self, data: bytes, codings: bytes, limit: int) -> bytes:
        names = [name.strip().lower() for name in codings.split(b",")]
        for name in reversed(names):
            if name in (b"gzip", b"x-gzip", b"deflate"):
                data = self._inflate(data, limit)
            elif name not in (b"", b"identity"):
                raise Fault("protocol", f"{self.host} answered in a content-encoding that was not asked for.")
        return data

    def _inflate(self, data: bytes, limit: int) -> bytes:
        """Undo gzip (several members may follow one another), zlib, or the bare deflate that some servers mean."""
        parts: list[bytes] = []
        size = 0
        bits = 47 if data[:2] == b"\x1f\x8b" or (data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0) else -15
        while data:
            inflater = zlib.decompressobj(bits)
            try:
                part = inflater.decompress(data, limit - size + 1)
            except zlib.error:
                raise Fault("protocol", f"The compressed answer of {self.host} is damaged.") from None
            size += len(part)
            if size > limit:
                raise self._over(limit)
            if not inflater.eof:
                raise Fault("protocol", f"The compressed answer of {self.host} is cut short.")
            parts.append(part)
            data = inflater.unused_data.lstrip(b"\0") if bits == 47 else b""
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _over(self, limit: int) -> Fault:
        return Fault("protocol", f"The answer of {self.host} is larger than {limit} bytes.")
