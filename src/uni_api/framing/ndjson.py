"""JSON lines: bytes in, frames out, one a line, at any split of the bytes.

Source: https://github.com/ndjson/ndjson-spec (read 2026-11-24). As it allows, a carriage return before the line feed
and lines that hold white space only are passed over. A last line that lacks its line feed is delivered by `close`,
since upstreams that forget it mean it.
"""

from uni_api.errors import Fault
from uni_api.framing.sse import MAX_EVENT, Frame


class NdjsonDecoder:
    """Cuts a byte stream into frames: the lines, without white space at their ends. Their names are always empty.

    Raises Fault("protocol") when one line grows past `limit` bytes. The work for a byte is the same however the stream
    is cut: a line that comes in many pieces is put together once, when it ends.
    """

    __slots__ = ("_held", "_limit", "_pieces")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes."""
        lines = chunk.split(b"\n")
        last = lines.pop()
        frames: list[Frame] = []
        if lines:
            if self._pieces:
                lines[0] = self._joined(lines[0])
            for line in lines:
                self._check(len(line))
                if text := line.strip():
                    frames.append(Frame(text))
        if last:
            self._held += len(last)
            self._check(self._held)
            self._pieces.append(last)
        return frames

    def close(self) -> list[Frame]:
        """The frame that the end of the stream completes, if there is one."""
        text = self._joined(b"").strip()
        return [Frame(text)] if text else []

    def _joined(self, end: bytes) -> bytes:
        """The line whose pieces were held back, with its `end`."""
        pieces = self._pieces
        pieces.append(end)
        self._pieces = []
        self._held = 0
        return b"".join(pieces)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise Fault("protocol", f"The upstream sent a line of more than {self._limit} bytes.")

    def __repr__(self) -> str:
        return f"<NdjsonDecoder {self._held} bytes of a line held>"
