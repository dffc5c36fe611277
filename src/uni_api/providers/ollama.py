"""Hosts that speak Ollama's own chat format.

Source: docs/api.md of github.com/ollama/ollama, docs.ollama.com/api and docs.ollama.com/cloud (read 2026-11-24).
"""

from msgspec import Struct

from uni_api.framing import NdjsonDecoder
from uni_api.providers._address import BEARER, JSON, bearer, hostname, parse
from uni_api.providers.base import (
    NO_QUIRKS,
    Address,
    Door,
    Endpoint,
    Given,
    Hints,
    Listing,
    Page,
    Quirks,
    Site,
    each_key,
)
from uni_api.providers.listings import decoded
from uni_api.providers.openai import OpenAI

_HOME = "ollama.com"
_PORT = ":11434"
_CHAT = "/api/chat"

_ENDPOINTS = (_CHAT, "/api/generate", "/api/tags", "/api", "/v1/chat/completions", "/v1")
"""Ends of a base URL that are cut off; what stays is the root of the server."""

_STREAM = (("accept", "application/x-ndjson"),)
_WHOLE = (("accept", "application/json"),)


class Ollama(Struct, frozen=True):
    """A host that speaks Ollama's own format; a key is optional, and shown by `Authorization: Bearer`."""

    name: str = "ollama"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return "ollama"

    def realm(self, site: Site, model: str, /) -> str:
        return f"ollama:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the body, so `model` has no say here. A stream is JSON lines."""
        entry = bearer(door.key)
        return Address(
            url=server_url(door.site.base_url, _CHAT),
            headers=(*JSON, *(_STREAM if stream else _WHOLE), *entry),
            scheme=BEARER if entry else "",
            decoder=NdjsonDecoder,
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """An effort at the end of an alias, by the same rules as for hosts of the OpenAI format."""
        return OpenAI().hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return NO_QUIRKS

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        entry = bearer(door.key)
        address = Address(
            url=server_url(door.site.base_url, "/api/tags"),
            headers=(*_WHOLE, *entry),
            scheme=BEARER if entry else "",
        )
        return (Listing(address=address, read=read_tags),)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names Ollama's own API: by its endpoint, its host, or its port alone. `/v1` is the other."""
    host, base = hostname(base_url), parse(base_url)
    path = base.path
    if path.endswith((_CHAT, "/api/generate")):
        return True
    if host == _HOME or host.endswith(f".{_HOME}"):
        return "/v1" not in path
    return base.host.endswith(_PORT) and path in ("", "/api")


def server_url(base_url: str, endpoint: str) -> str:
    """`endpoint` at the server that any form of base URL names. A path before the API's own is kept."""
    return parse(base_url).swapped(_ENDPOINTS, endpoint)


class _Model(Struct):
    name: str


class _Tags(Struct):
    models: list[_Model]


def read_tags(body: bytes) -> Page:
    """The models of a server, by the names that requests call them. Raises Fault for anything but a list of them."""
    tags = decoded(body, _Tags)
    return Page(tuple(model.name for model in tags.models))
