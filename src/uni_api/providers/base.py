"""What a provider is, and what it is told."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from uni_api.canon import Reasoning
from uni_api.secret import Secret


class Site(Struct, frozen=True, kw_only=True):
    """One configured host, as far as a provider cares: `base_url` as written, and extra fields such as a region."""

    base_url: str
    options: Mapping[str, str] = {}


class Address(Struct, frozen=True, kw_only=True):
    """Where one kind of call goes: an absolute URL and the headers that let it in. Holds the key: never log it."""

    url: str
    headers: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return "<Address>"


class Hints(Struct, frozen=True, kw_only=True):
    """What a model's alias asks for by its spelling (`-think-2048`, `-high`)."""

    reasoning: Reasoning | None = None


class Provider(Protocol):
    """Where a dialect is spoken and what it costs to be let in. Pure: the same arguments give the same answer."""

    @property
    def name(self) -> str: ...

    @property
    def dialect(self) -> str:
        """The name of the dialect that its chat endpoint speaks."""

    def realm(self, site: Site, /) -> str:
        """Who can open the opaque blobs that this host issues."""

    def address(self, site: Site, model: str, key: Secret | None, *, stream: bool) -> Address:
        """Where a chat call for `model` goes."""

    def hints(self, alias: str, model: str, /) -> Hints:
        """What the client-facing name `alias` of the upstream's `model` asks for."""

    def edits(self, model: str, body: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Top-level fields that this host wants set (REMOVE: taken out), given the top-level fields of the body.

        The same in both lanes. Values may be raw: only their presence may be relied on.
        """


class _Remove:
    def __repr__(self) -> str:
        return "REMOVE"


REMOVE = _Remove()
"""The value of an edit that takes the field out."""
