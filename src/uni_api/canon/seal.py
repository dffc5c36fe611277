"""Opaque provider blobs (thinking signatures, encrypted reasoning) and how they travel through a client.

A client echoes what it was given; the provider that issued a blob must get it back byte for byte, and nobody else may
get it. `pack` wraps a blob with its realm into one string for a slot the client echoes; `unpack` opens it again.
"""

import base64
import binascii
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

PREFIX = "ua1."

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


def unpack(text: str, type: type[T]) -> T | None:
    """What `pack` was given, or None when `text` is not one of ours or is damaged."""
    if not text.startswith(PREFIX):
        return None
    packed = text[len(PREFIX) :]
    try:
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        return msgspec.json.decode(raw, type=type)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
