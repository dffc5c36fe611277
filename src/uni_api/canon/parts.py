"""The pieces a turn is made of: ordered, frozen, in nobody's dialect."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from uni_api.canon.seal import Seal


class Rest(Struct, frozen=True):
    """What one dialect said that canon has no word for. Only that dialect may say it again.

    `hints` names those of the fields that only concern cost, latency or book-keeping: losing them changes no answer.
    A field whose name starts with a colon is a note on spelling (an old name of a field, a string for one block): it is
    read by its dialect's writer, says nothing of its own, and is neither merged into a body nor a loss.
    """

    dialect: str
    fields: Mapping[str, Any]
    hints: frozenset[str] = frozenset()


class Cache(Struct, frozen=True):
    """A prompt-cache breakpoint: all up to and including its bearer may be cached. `ttl` as the client spelt it."""

    ttl: str | None = None


class FileRef(Struct, frozen=True):
    """A file stored at a provider, usable only in its realm."""

    realm: str
    id: str


class Citation(Struct, frozen=True, kw_only=True):
    """A source for a stretch of text. `start` and `end` count characters of the text part that bears it."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    rest: Rest | None = None


class Text(Struct, frozen=True, kw_only=True, tag=True):
    """Words for the reader. `refusal` marks text in which the model declines."""

    text: str = ""
    refusal: bool = False
    citations: tuple[Citation, ...] = ()
    cache: Cache | None = None
    seal: Seal | None = None
    rest: Rest | None = None


class Thinking(Struct, frozen=True, kw_only=True, tag=True):
    """Reasoning. `withheld`: it happened, its words are not shown. `summary`: `text` is a summary, not the words."""

    text: str = ""
    withheld: bool = False
    summary: bool = False
    seal: Seal | None = None
    rest: Rest | None = None


class Media(Struct, frozen=True, kw_only=True, tag=True):
    """An image, sound, film or document: exactly one of `data` (bytes, decoded), `url` (a link) and `file` is set.

    `detail` is the client's wish for image resolution (low, high, auto). `name` is a file name.
    """

    kind: Literal["image", "audio", "video", "document"]
    mime: str | None = None
    data: bytes | None = None
    url: str | None = None
    file: FileRef | None = None
    name: str | None = None
    detail: str | None = None
    cache: Cache | None = None
    seal: Seal | None = None
    rest: Rest | None = None


class Call(Struct, frozen=True, kw_only=True, tag=True):
    """The model calls a tool. `arguments` is the raw text, never parsed, never re-ordered; `custom` marks free text
    instead of a JSON object."""

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    cache: Cache | None = None
    seal: Seal | None = None
    rest: Rest | None = None


class Result(Struct, frozen=True, kw_only=True, tag=True):
    """What a tool returned for the call with id `call`. `name` is the tool's name where the dialect gave one."""

    call: str
    parts: "tuple[Part, ...]" = ()
    name: str | None = None
    error: bool = False
    cache: Cache | None = None
    rest: Rest | None = None


class Foreign(Struct, frozen=True, kw_only=True, tag=True):
    """A whole block that only its dialect understands, as that dialect spelt it."""

    dialect: str
    block: Mapping[str, Any]


Part = Text | Thinking | Media | Call | Result | Foreign
