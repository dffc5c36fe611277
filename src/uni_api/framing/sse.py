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

    Raises Fault("protocol") when one event grows past `limit` bytes. The work for a byte is the same however the stream
    is cut: a line that comes in many pieces is put together once, when it ends.
    """

    __slots__ = ("_after_cr", "_data", "_event", "_fresh", "_held", "_limit", "_pieces", "_size")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._held = 0
        self._data: list[bytes] = []
        self._event = b""
        self._size = 0
        self._fresh = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes."""
        frames: list[Frame] = []
        if self._fresh:
            chunk = self._without_mark(chunk)
        if self._after_cr and chunk:
            # The carriage return before it has already ended the line.
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        last = lines.pop()
        if lines:
            if self._pieces:
                lines[0] = self._joined(lines[0])
            for line in lines:
                self._line(line, frames)
        if last:
            self._hold(last)
        return frames

    def close(self) -> list[Frame]:
        """The frames that the end of the stream completes."""
        frames: list[Frame] = []
        if self._pieces:
            self._line(self._joined(b""), frames)
        self._line(b"", frames)
        return frames

    def _without_mark(self, chunk: bytes) -> bytes:
        """The beginning of the stream without its byte order mark, or nothing while that can't be told."""
        start = self._joined(chunk)
        if len(start) < len(BOM) and BOM.startswith(start):
            self._hold(start)
            return b""
        self._fresh = False
        return start.removeprefix(BOM)

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        self._check(self._held + self._size)
        self._pieces.append(piece)

    def _joined(self, end: bytes) -> bytes:
        """The line whose pieces were held back, with its `end`."""
        pieces = self._pieces
        pieces.append(end)
        self._pieces = []
        self._held = 0
        return b"".join(pieces)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise Fault("protocol", f"The upstream sent an event of more than {self._limit} bytes.")

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._size += len(value) + 1
            self._check(self._size)
            self._data.append(value)
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

    def __repr__(self) -> str:
        return f"<SseDecoder {self._held} bytes of a line and {self._size} of data held>"


def encode(data: bytes, event: bytes = b"") -> bytes:
    """One event as bytes. `data` must hold no line breaks, as JSON never needs to."""
    return b"event: " + event + b"\ndata: " + data + b"\n\n" if event else b"data: " + data + b"\n\n"


def comment(text: str) -> bytes:
    """A comment line, which every SSE client passes over."""
    return f": {text}\n\n".encode()
