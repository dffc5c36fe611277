"""AWS event streams (`application/vnd.amazon.eventstream`): bytes in, frames out, at any split of the bytes.

    total length 4 | headers length 4 | CRC32 of these 8 | headers | payload | CRC32 of all before

Numbers are big-endian. Source: docs.aws.amazon.com, "Event stream encoding"; the limits of 16 MiB a message and 128 KiB
of headers are those of AWS's own C library, aws-c-event-stream (both read 2026-11-24).
"""

from collections.abc import Iterator
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


class EventStreamDecoder:
    """Cuts a byte stream into frames, one a message.

    A message of type `event` is Frame(data=payload, event=its `:event-type`). One of type `exception` is
    Frame(data=payload, event=b"exception:" + its `:exception-type`), and one of type `error` is
    Frame(data=its `:error-message`, event=b"exception:" + its `:error-code`).

    Raises Fault("protocol") for a message that is too large or damaged; `close` raises it for one that was cut off.
    """

    __slots__ = ("_buffer", "_limit", "_wanted")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._wanted = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes."""
        buffer = self._buffer
        buffer += chunk
        frames: list[Frame] = []
        start = 0
        while len(buffer) - start >= (self._wanted or _PRELUDE.size):
            if not self._wanted:
                self._wanted = self._length(buffer, start)
                continue
            frames.append(_frame(bytes(buffer[start : start + self._wanted])))
            start += self._wanted
            self._wanted = 0
        del buffer[:start]
        return frames

    def close(self) -> list[Frame]:
        """Nothing: every frame ends with its message."""
        if self._buffer:
            raise Fault("protocol", "The upstream's event stream ended within a message.")
        return []

    def _length(self, buffer: bytearray, start: int) -> int:
        """The length of the message that begins at `start`. Checked before it is believed."""
        total, headers, checksum = _PRELUDE.unpack_from(buffer, start)
        if crc32(buffer[start : start + 8]) != checksum:
            raise _damage("the checksum of its prelude is wrong")
        if total > self._limit:
            raise Fault("protocol", f"The upstream sent a message of more than {self._limit} bytes.")
        if headers > MAX_HEADERS or total < _LEAST + headers:
            raise _damage("its lengths don't fit each other")
        return int(total)

    def __repr__(self) -> str:
        return f"<EventStreamDecoder {len(self._buffer)} bytes of a message held>"


def _frame(message: bytes) -> Frame:
    end = len(message) - _CRC.size
    if crc32(message[:end]) != _CRC.unpack_from(message, end)[0]:
        raise _damage("its checksum is wrong")
    body = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    headers = dict(_strings(message[_PRELUDE.size : body]))
    payload = message[body:end]
    match headers.get(b":message-type", b"event"):
        case b"exception":
            return Frame(payload, b"exception:" + headers.get(b":exception-type", b""))
        case b"error":
            return Frame(headers.get(b":error-message", payload), b"exception:" + headers.get(b":error-code", b""))
        case _:
            return Frame(payload, headers.get(b":event-type", b""))


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
