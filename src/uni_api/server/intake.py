"""What is read off a request before the relay sees it: who asks, under which id, with how large a body."""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_plus

from uni_api.config.plan import Client
from uni_api.errors import Denied

KEY_HEADERS = (b"x-api-key", b"x-goog-api-key", b"api-key")

_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Intake:
    """The headers that matter."""

    __slots__ = ("_headers", "encoding", "length", "request_id")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._headers = named = dict(headers)
        asked = named.get(b"x-request-id")
        self.request_id = asked if asked is not None and _ID.fullmatch(asked) else None
        length = named.get(b"content-length", b"")
        self.length = int(length) if length.isdigit() else 0
        self.encoding = named.get(b"content-encoding", b"")

    def client(self, clients: Mapping[bytes, Client], query: bytes) -> Client:
        """The client whose key was offered. Raises Denied(401), which never repeats what was offered."""
        offered = False
        for key in self._keys(query):
            client = clients.get(hashlib.sha256(key).digest())
            if client is not None:
                return client
            offered = True
        if offered:
            raise Denied(401, "Incorrect API key provided.", code="invalid_api_key")
        raise Denied(
            401,
            "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.",
            code="invalid_api_key",
        )

    def _keys(self, query: bytes) -> Iterator[bytes]:
        """The credentials offered: the bearer token, the other headers, the query."""
        bearer = self._headers.get(b"authorization")
        if bearer is not None and bearer[:7].lower() == b"bearer ":
            yield bearer[7:].strip()
        for name in KEY_HEADERS:
            if name in self._headers:
                yield self._headers[name].strip()
        if query:
            yield from _query_keys(query)


def _query_keys(query: bytes) -> list[bytes]:
    pairs = (pair.partition(b"=") for pair in query.split(b"&")) if query else ()
    return [unquote_plus(value.decode("latin-1")).encode() for name, _, value in pairs if name == b"key" and value]


def decoded(body: bytes, encoding: bytes, limit: int) -> bytes:
    """`body` without its content-encoding. Raises Denied: 415 for an unknown one, 413 past `limit`, 400 if broken."""
    encoding = encoding.strip().lower()
    if encoding in (b"", b"identity"):
        return body
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        raise Denied(415, "The content-encoding of the request is not supported; use gzip, deflate or none.")
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        out = unzip.decompress(body, limit + 1)
    except zlib.error as error:
        raise Denied(400, "The request body does not match its content-encoding.") from error
    if len(out) > limit:
        raise too_large(limit)
    if not unzip.eof:
        raise Denied(400, "The compressed request body is cut off.")
    return out


def too_large(limit: int) -> Denied:
    return Denied(413, f"The request body is larger than {limit} bytes.", code="request_too_large")
