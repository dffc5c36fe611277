"""What is read off a request before the relay sees it: who asks, under which id, with how large a body."""

import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from uni_api.config.plan import Client
from uni_api.errors import Denied

KEY_HEADERS = (b"x-api-key", b"x-goog-api-key", b"api-key")

MOST_KNOWN = 10_000
"""Bearer tokens, as they were spelt, that are known by their bytes."""
LONGEST_KNOWN = 512
"""Bytes of one: around a token there may be any number of blanks."""

_ID = re.compile(rb"[\x21-\x7e]{1,128}")

Headers = Mapping[bytes, bytes]


class Credentials:
    """Tells clients by the keys that they offer.

    A bearer token that was found good is known again by its very bytes: hashing it each time costs more. A lookup by
    them tells nobody anything, since Python's hash of bytes is keyed anew in every process.
    """

    def __init__(self, clients: Mapping[bytes, Client]) -> None:
        """clients: by the SHA-256 of their keys."""
        self._clients = clients
        self._known: dict[bytes, Client] = {}

    def client_of(self, headers: Headers, query: bytes) -> Client:
        """The client whose key was offered. Raises Denied(401), which never repeats what was offered."""
        bearer = headers.get(b"authorization", b"")
        return self._known.get(bearer) or self._bearer(bearer) or self._other(headers, query)

    def _bearer(self, bearer: bytes) -> Client | None:
        if bearer[:7].lower() != b"bearer ":
            return None
        client = self._clients.get(hashlib.sha256(bearer[7:].strip()).digest())
        if client is not None and len(bearer) <= LONGEST_KNOWN and len(self._known) < MOST_KNOWN:
            self._known[bearer] = client
        return client

    def _other(self, headers: Headers, query: bytes) -> Client:
        offered = headers.get(b"authorization", b"")[:7].lower() == b"bearer "
        for key in _other_keys(headers, query):
            client = self._clients.get(hashlib.sha256(key).digest())
            if client is not None:
                return client
            offered = True
        if offered:
            raise Denied(401, "Incorrect API key provided.", code="invalid_api_key")
        raise Denied(
            401, "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.", code="invalid_api_key"
        )

    def __repr__(self) -> str:
        return f"<Credentials of {len(self._clients)} clients>"


def _other_keys(headers: Headers, query: bytes) -> Iterator[bytes]:
    """The credentials offered but for the bearer token: the other headers, the query."""
    for name in KEY_HEADERS:
        if name in headers:
            yield headers[name].strip()
    for pair in query.split(b"&") if query else ():
        name, _, value = pair.partition(b"=")
        if name == b"key" and value:
            yield unquote_to_bytes(value.replace(b"+", b" "))


def wanted_id(value: bytes) -> bytes | None:
    """The request id that a client asks for, when it is fit for a header and a log."""
    value = value.strip(b" \t")
    return value if _ID.fullmatch(value) else None


def announced_length(headers: Headers) -> int:
    """The content-length, 0 when there is none."""
    length = headers.get(b"content-length")
    return int(length) if length is not None and length.strip().isdigit() else 0


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
