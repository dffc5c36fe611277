"""Undoing content-encodings: compressed bytes in, plain bytes out, a bounded piece at a time."""

import zlib

from uni_api.errors import Fault

_PIECE = 256 * 1024
"""The most that one step yields, so that a small bomb can't fill the memory."""


class Inflater:
    """Decodes one body in gzip (several members may follow one another), zlib, or the bare deflate that some servers
    mean by "deflate".

    Raises Fault("protocol") for any other coding, for more than one, and for damaged data. `host` is for messages.
    """

    def __init__(self, coding: bytes, host: str) -> None:
        if coding.strip().lower() not in (b"gzip", b"x-gzip", b"deflate"):
            raise Fault("protocol", f"{host} answered in a content-encoding that was not asked for.")
        self._host = host
        self._rest = b""
        self._member: zlib._Decompress | None = None
        self._started = False
        self._full = False  # the last step yielded all it may: zlib may hold more

    def feed(self, data: bytes) -> None:
        """Take in more of the compressed bytes."""
        self._rest += data

    def step(self) -> bytes:
        """The next plain bytes, or none when more input is needed."""
        while self._rest or self._full:
            if self._member is None and not self._begin():
                return b""
            member = self._member
            assert member is not None
            try:
                plain = member.decompress(self._rest, _PIECE)
            except zlib.error:
                raise Fault("protocol", f"The compressed answer of {self._host} is damaged.") from None
            self._rest = member.unused_data if member.eof else member.unconsumed_tail
            self._full = len(plain) == _PIECE and not member.eof
            if member.eof:
                self._member = None
            if plain:
                return plain
        return b""

    def close(self) -> None:
        """The input is over. Raises Fault("protocol") when it is cut short."""
        if self._member is not None or self._rest:
            raise Fault("protocol", f"The compressed answer of {self._host} is cut short.")

    def _begin(self) -> bool:
        """Start a member as soon as its first two bytes show what it is. Zero bytes between members are padding."""
        if self._started:
            self._rest = self._rest.lstrip(b"\0")
        if len(self._rest) < 2:
            return False
        first, second = self._rest[:2]
        zlib_header = first & 0x0F == 8 and (first << 8 | second) % 31 == 0
        self._member = zlib.decompressobj(47 if zlib_header or (first, second) == (0x1F, 0x8B) else -15)
        self._started = True
        return True
