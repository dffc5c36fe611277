"""Hosts that speak the OpenAI Responses format: whatever `base_url` ends in `/responses`.

Source: platform.openai.com, API reference "Create a model response" (read 2026-11-24).
"""

from msgspec import Struct

from uni_api.providers._address import BEARER, JSON, accept, bearer, parse
from uni_api.providers.base import Address, Door, Endpoint, Given, Hints, Listing, Quirks, Site, each_key
from uni_api.providers.openai import OpenAI, endpoint_url
from uni_api.providers.quirks import RESPONSES, quirks_of

_RESPONSES = "/responses"

_OPENAI = OpenAI()


class OpenAIResponses(Struct, frozen=True):
    """A host that speaks the Responses format, let in by `Authorization: Bearer`."""

    name: str = "openai_responses"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return RESPONSES

    def realm(self, site: Site, model: str, /) -> str:
        return f"{RESPONSES}:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the body, so `model` has no say here."""
        entry = bearer(door.key)
        return Address(
            url=endpoint_url(door.site.base_url, _RESPONSES),
            headers=(*JSON, accept(stream=stream), *entry),
            scheme=BEARER if entry else "",
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """An effort at the end of an alias, by the same rules as for hosts of the chat format."""
        return _OPENAI.hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return quirks_of(parse(site.base_url).host, model, RESPONSES)

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        """Where the chat format has it."""
        return _OPENAI.endpoint(door, kind, model)

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """Models are listed where the chat format lists them."""
        return _OPENAI.listings(door)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names the endpoint of this format."""
    return parse(base_url).path.endswith(_RESPONSES)
