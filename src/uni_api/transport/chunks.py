"""Answers that come whole, head and all chunks in one piece: they are checked, and left in their chunks.

Most of what it costs to relay a short stream is taking its chunks apart and putting them together again.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

LAST = b"\r\n0\r\n\r\n"
"""How a body in chunks ends that has no trailers."""

_FIRST = b"HTTP/1.1 200 "
_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Scout:
    """Finds out whether some bytes are one answer that came whole. `headers` are those of the last that was."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self._heads = self._messages = 0
        self._plain = False
        self._parser = HttpResponseParser(self)

    def body_of(self, data: bytes) -> int:
        """Where the body begins, in chunks, if `data` is one answer of status 200 that leaves nothing open; else 0."""
        if not (data.endswith(LAST) and data.startswith(_FIRST)):
            return 0
        self.headers = {}
        self._heads = self._messages = 0
        self._plain = True
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._plain = False
        if self._plain and self._heads == self._messages == 1:
            return data.find(b"\r\n\r\n") + 4
        self._parser = HttpResponseParser(self)
        return 0

    def close(self) -> None:
        """Be of no use any more: the parser holds this object."""
        del self._parser

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self.headers:
            self._plain = False
        self.headers[name] = value

    def on_headers_complete(self) -> None:
        self._heads += 1
        headers = self.headers
        if (
            headers.get(b"transfer-encoding") != b"chunked"
            or b"content-encoding" in headers
            or not self._parser.should_keep_alive()
        ):
            self._plain = False

    def on_message_complete(self) -> None:
        self._messages += 1


def joined(framed: bytes) -> bytes:
    """What is in the chunks of a body that a Scout has found whole."""
    pieces = _Pieces()
    HttpResponseParser(pieces).feed_data(_HEAD + framed)
    return b"".join(pieces.found)


class _Pieces:
    def __init__(self) -> None:
        self.found: list[bytes] = []
        self.on_body = self.found.append
