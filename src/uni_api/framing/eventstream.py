"""AWS event streams (`application/vnd.amazon.eventstream`): bytes in, frames out, at any split of the bytes.

    total length 4 | headers length 4 | CRC32 of these 8 | headers | payload | CRC32 of all before

Numbers are big-endian. Source: docs.aws.amazon.com, "Event stream encoding"; the limits of 16 MiB a message and 128 KiB
of headers are those of AWS's own C library, aws-c-event-stream (both read 2026-11-24).
"""

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct as Layout
from zlib import crc32

from uni_api.errors import Fault
from uni_api.framing.sse import Frame

MAX_MESSAGE = 16 * 1024 * 1024
MAX_HEADERS = 128 * 1024

_PRELUDE = Layout("!III")
_LENGTH = Layout("!H")
_CRC = Layout("!I")
_LEAST = _PRELUDE.size + _CRC.size

_STRING = 7
# The bytes of a value, by its type. Byte arrays (6) and strings (7) say their own length.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_MEASURED = frozenset({6, _STRING})
_SMALL = 256


class EventStreamDecoder:
    """Cuts a byte stream into frames, one a message.

    A message of type `event` is Frame(data=payload, event=its `:event-type`). One of type `exception` is
    Frame(data=payload, event=b"exception:" + its `:exception-type`), and one of type `error` is
    Frame(data=its `:error-message`, event=b"exception:" + its `:error-code`).

    Raises Fault("protocol") for a message that is too large or damaged; `close` raises it for one that was cut off.
    """

    __slots__ = ("_held", "_limit", "_pieces", "_wanted")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._held = 0
        self._wanted = _PRELUDE.size

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes. The work for a byte is the same however the stream is cut."""
        if self._pieces:
            self._pieces.append(chunk)
            self._held += len(chunk)
            if self._held < self._wanted:
                return []
            chunk = b"".join(self._pieces)
            self._pieces = []
        frames: list[Frame] = []
        start, size = 0, len(chunk)
        while start + _PRELUDE.size <= size:
            end = start + self._length(chunk, start)
            if end > size:
                self._wanted = end - start
                break
            frames.append(_frame(chunk[start:end]))
            start = end
        else:
            self._wanted = _PRELUDE.size
        self._held = size - start
        if start < size:
            self._pieces = [chunk[start:]]
        return frames

    def close(self) -> list[Frame]:
        """Nothing: every frame ends with its message."""
        if self._pieces:
            raise Fault("protocol", "The upstream's event stream ended within a message.")
        return []

    def _length(self, chunk: bytes, start: int) -> int:
        """The length of the message that begins at `start`. Checked before it is believed."""
        total, headers, checksum = _PRELUDE.unpack_from(chunk, start)
        if crc32(chunk[start : start + 8]) != checksum:
            raise _damage("the checksum of its prelude is wrong")
        if total > self._limit:
            raise Fault("protocol", f"The upstream sent a message of more than {self._limit} bytes.")
        if headers > MAX_HEADERS or total < _LEAST + headers:
            raise _damage("its lengths don't fit each other")
        return int(total)

    def __repr__(self) -> str:
        return f"<EventStreamDecoder {self._held} bytes of a message held>"


def _frame(message: bytes) -> Frame:
    end = len(message) - _CRC.size
    if crc32(message[:end]) != _CRC.unpack_from(message, end)[0]:
        raise _damage("its checksum is wrong")
    body = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    block = message[_PRELUDE.size : body]
    headers = _small(block) if len(block) <= _SMALL else dict(_strings(block))
    payload = message[body:end]
    match headers.get(b":message-type", b"event"):
        case b"exception":
            return Frame(payload, b"exception:" + headers.get(b":exception-type", b""))
        case b"error":
            return Frame(headers.get(b":error-message", payload), b"exception:" + headers.get(b":error-code", b""))
        case _:
            return Frame(payload, headers.get(b":event-type", b""))


@lru_cache(maxsize=64)
def _small(block: bytes) -> dict[bytes, bytes]:
    """The same few blocks of headers come with every message of a kind."""
    return dict(_strings(block))


def _strings(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The headers whose values are strings. The others are measured and passed over: no frame shows them."""
    at = 0
    while at < len(block):
        name_end = at + 1 + block[at]
        value, name = name_end + 1, block[at + 1 : name_end]
        kind = block[name_end] if name_end < len(block) else -1
        if kind in _MEASURED and value + _LENGTH.size <= len(block):
            start = value + _LENGTH.size
            at = start + int(_LENGTH.unpack_from(block, value)[0])
        elif kind in _FIXED:
            start, at = value, value + _FIXED[kind]
        else:
            raise _damage("its headers can't be read")
        if at > len(block):
            raise _damage("its headers can't be read")
        if kind == _STRING:
            yield name, block[start:at]


def _damage(what: str) -> Fault:
    return Fault("protocol", f"The upstream sent a damaged message: {what}.")
