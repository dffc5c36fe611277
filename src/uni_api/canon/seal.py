"""Opaque provider blobs (thinking signatures, encrypted reasoning) and how they travel through a client.

A client echoes what it was given; the provider that issued a blob must get it back byte for byte, and nobody else may
get it. `pack` wraps a blob with its realm into one string for a slot the client echoes; `unpack` opens it again.
"""

import base64
import binascii
import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

PREFIX = "ua1."
_IN_JSON = b'"' + PREFIX.encode()
_REALM = re.compile(rb'"realm":"([\x20\x21\x23-\x5b\x5d-\x7e]+)"')
MOST_PACKED = 8

T = TypeVar("T")


class Seal(Struct, frozen=True, kw_only=True):
    """An opaque blob and the realm that can open it. Never parsed, never shown, never sent elsewhere.

    `id` is the item id the blob was issued with, when the realm checks it.
    """

    realm: str
    token: str
    id: str | None = None


def pack(value: Any) -> str:
    """`value` (a Seal, or plain data of seals) as one URL-safe string that starts with `PREFIX`."""
    return PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()


def last_realm(body: bytes) -> str | None:
    """The realm of the last blob that was packed into a JSON body, or None: few of the last ones are looked at."""
    at = len(body)
    for _ in range(MOST_PACKED):
        at = body.rfind(_IN_JSON, 0, at)
        if at < 0:
            return None
        if found := _REALM.search(_unpacked(body[at + 1 : body.find(b'"', at + 1)])):
            return found[1].decode()
    return None


def unpack(text: str, type: type[T]) -> T | None:
    """What `pack` was given, or None when `text` is not one of ours or is damaged."""
    if not text.startswith(PREFIX):
        return None
    try:
        return msgspec.json.decode(_unpacked(text.encode()), type=type)
    except (ValueError, msgspec.MsgspecError):
        return None


def _unpacked(text: bytes) -> bytes:
    """The JSON of a packed value; empty when `text` is damaged."""
    packed = text[len(PREFIX) :]
    try:
        return base64.urlsafe_b64decode(packed + b"=" * (-len(packed) % 4))
    except (binascii.Error, ValueError):
        return b""
