"""Hosts that speak version 2 of Cohere's chat format.

Source: docs.cohere.com, pages "Chat", "List Models" and "Using Cohere models via the OpenAI SDK" (read 2026-11-24).
"""

from functools import partial

from msgspec import Struct

from uni_api.providers._address import BEARER, JSON, accept, bearer, hostname, parse
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
from uni_api.providers.listings import ASK, decoded, with_query
from uni_api.providers.openai import OpenAI

_HOMES = ("api.cohere.com", "api.cohere.ai")
_CHAT = "/v2/chat"
_COMPATIBLE = "/compatibility"
"""Where these hosts speak the OpenAI format."""

_ENDPOINTS = (
    "/compatibility/v1/chat/completions",
    "/compatibility/v1",
    "/v1/chat/completions",
    "/v1/chat",
    _CHAT,
    "/v1",
    "/v2",
)
"""Ends of a base URL that are cut off; what stays is the root of the server."""

_PAGE = "1000"


class Cohere(Struct, frozen=True):
    """A host that speaks version 2 of Cohere's chat format, let in by `Authorization: Bearer`."""

    name: str = "cohere"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return "cohere"

    def realm(self, site: Site, model: str, /) -> str:
        return "cohere" if hostname(site.base_url) in _HOMES else f"cohere:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the body, so `model` has no say here."""
        entry = bearer(door.key)
        return Address(
            url=server_url(door.site.base_url, _CHAT),
            headers=(*JSON, accept(stream=stream), *entry),
            scheme=BEARER if entry else "",
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """An effort at the end of an alias, by the same rules as for hosts of the OpenAI format."""
        return OpenAI().hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return NO_QUIRKS

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """Models are listed under the older version only."""
        entry = bearer(door.key)
        asked = Address(
            url=server_url(door.site.base_url, "/v1/models"),
            headers=(*ASK, *entry),
            scheme=BEARER if entry else "",
        )
        asked = with_query(asked, endpoint="chat", page_size=_PAGE)
        return (Listing(address=asked, read=partial(read_models, asked)),)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names this format: by its endpoint or by its host. `/compatibility` is the OpenAI format."""
    path = parse(base_url).path
    if path.endswith(_CHAT):
        return True
    host = hostname(base_url)
    is_home = host in _HOMES or host.endswith(tuple(f".{home}" for home in _HOMES))
    return is_home and not f"{path}/".startswith(f"{_COMPATIBLE}/")


def server_url(base_url: str, endpoint: str) -> str:
    """`endpoint` at the server that any form of base URL names. A path before the API's own is kept."""
    return parse(base_url).swapped(_ENDPOINTS, endpoint)


class _Model(Struct):
    name: str = ""
    endpoints: list[str] | None = None

    @property
    def chats(self) -> bool:
        """Whether it is for chat; a host that does not say is believed to have listed what it was asked for."""
        return bool(self.name) and (self.endpoints is None or "chat" in self.endpoints)


class _Models(Struct):
    models: list[_Model]
    next_page_token: str | None = None


def read_models(address: Address, body: bytes) -> Page:
    """A page of models for chat, by their names. Raises Fault for anything but a list of them."""
    found = decoded(body, _Models)
    following = with_query(address, page_token=found.next_page_token) if found.next_page_token else None
    # A host that repeats itself is not asked again.
    if following is not None and following.url == address.url:
        following = None
    return Page(tuple(model.name for model in found.models if model.chats), following)
