"""Server-sent events: bytes in, frames out, at any split of the bytes.

Source: WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6 (read 2026-11-24). Beyond the standard, a last event that
lacks its blank line is still delivered by `close`, since upstreams that forget it mean it.
"""

from msgspec import Struct

from uni_api.errors import Fault

MAX_EVENT = 64 * 1024 * 1024
BOM = b"\xef\xbb\xbf"


class Frame(Struct, frozen=True):
    """One event: `data` with its lines joined by a line feed, and the event's name (empty when it has none)."""

    data: bytes
    event: bytes = b""


class SseDecoder:
    """Cuts a byte stream into frames. Comments, ids and retry fields are passed over; an event without data is none.

    Raises Fault("protocol") when one event grows past `limit` bytes.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._buffer = b""
        self._data: list[bytes] = []
        self._event = b""
        self._size = 0
        self._fresh = True

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes."""
        buffer = self._buffer + chunk if self._buffer else chunk
        if self._fresh:
            if len(buffer) < 3 and BOM.startswith(buffer):
                self._buffer = buffer
                return []
            self._fresh = False
            buffer = buffer.removeprefix(BOM)
        # A trailing CR may be the first half of a CRLF: it waits for the next byte.
        held = b"\r" if buffer.endswith(b"\r") else b""
        if b"\r" in buffer:
            buffer = buffer.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = buffer.split(b"\n")
        self._buffer = lines.pop() + held
        frames: list[Frame] = []
        for line in lines:
            self._line(line, frames)
        if len(self._buffer) + self._size > self._limit:
            raise Fault("protocol", f"The upstream sent an event of more than {self._limit} bytes.")
        return frames

    def close(self) -> list[Frame]:
        """The frames that the end of the stream completes."""
        frames: list[Frame] = []
        for line in self._buffer.rstrip(b"\r").split(b"\n") if self._buffer else []:
            self._line(line, frames)
        self._buffer = b""
        self._line(b"", frames)
        return frames

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._data.append(value)
            self._size += len(value)
        elif not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                frames.append(Frame(data, self._event))
                self._data = []
                self._size = 0
            self._event = b""
        elif line.startswith(b"event:"):
            self._event = line[6:].strip(b" ")
        elif line == b"data":
            self._data.append(b"")


def encode(data: bytes, event: bytes = b"") -> bytes:
    """One event as bytes. `data` must hold no line breaks, as JSON never needs to."""
    return b"event: " + event + b"\ndata: " + data + b"\n\n" if event else b"data: " + data + b"\n\n"


def comment(text: str) -> bytes:
    """A comment line, which every SSE client passes over."""
    return f": {text}\n\n".encode()
