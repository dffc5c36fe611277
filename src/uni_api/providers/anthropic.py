"""Hosts that speak the Anthropic messages format."""

import re

from msgspec import Struct

from uni_api.canon import Reasoning
from uni_api.providers._address import BEARER, JSON, accept, bearer, hostname, is_jwt, is_version, parse
from uni_api.providers.base import (
    NO_QUIRKS,
    Address,
    Door,
    Endpoint,
    Given,
    Headers,
    Hints,
    Listing,
    Quirks,
    Site,
    each_key,
)
from uni_api.providers.listings import ASK, listing, read_anthropic, with_query
from uni_api.secret import Secret

_HOME = "api.anthropic.com"
_MESSAGES = "/messages"
_ENDS = (_MESSAGES, "/chat/completions", "/models")

_VERSION = ("anthropic-version", "2023-06-01")
"""Not the newer 2026-10-21: that one refuses temperature, top_p and top_k, which clients send.

Source: https://platform.claude.com/docs/en/api/versioning (2026-11-24).
"""

_BUDGET = 4096
"""Tokens of thinking for an alias that says `think` and no number, as the reference has it."""

_BUDGETS = re.compile(r"think(?:ing)?[-_:]?(\d{1,6})\Z|[-_:](\d{4,6})\Z", re.IGNORECASE)
"""A number right after `think`, or one of four to six digits at the end. Dates have eight and are not budgets."""


class Anthropic(Struct, frozen=True):
    """A host that speaks the Anthropic messages format, let in by `x-api-key`."""

    name: str = "anthropic"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return "anthropic"

    def realm(self, site: Site, model: str, /) -> str:
        return "anthropic" if hostname(site.base_url) == _HOME else f"anthropic:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the body, so `model` has no say here."""
        entry, scheme = _entry(door.key)
        return Address(
            url=messages_url(door.site.base_url),
            headers=(*JSON, accept(stream=stream), _VERSION, *entry),
            scheme=scheme,
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """`think` in an alias asks for thinking: the number at its end is the budget, else 4096 tokens.

        Only where the alias is not the model's own name: `kimi-k2-thinking` may be a real model. A date at the end
        (`think-20250219`) is not a budget.
        """
        if alias == model or "think" not in alias.lower():
            return Hints()
        found = _BUDGETS.search(alias)
        return Hints(reasoning=Reasoning(budget=int(found[1] or found[2]) if found else _BUDGET))

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return NO_QUIRKS

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        base = parse(door.site.base_url)
        entry, scheme = _entry(door.key)
        url = base.url(_root(base.path) + "/models")
        asked = Address(url=url, headers=(*ASK, _VERSION, *entry), scheme=scheme)
        return (listing(with_query(asked, limit="1000"), read_anthropic),)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names the messages format: by its endpoint, by `/anthropic` at its end, or by its host."""
    path = parse(base_url).path
    if path.endswith(("v1/messages", "/anthropic", "/anthropic/v1")):
        return True
    return hostname(base_url) == _HOME and not path.endswith("/chat/completions")


def messages_url(base_url: str) -> str:
    """The messages endpoint of any form of base URL: full, up to the version, or with no version at all."""
    base = parse(base_url)
    return base.url(_root(base.path) + _MESSAGES)


def _root(path: str) -> str:
    """The path under which all endpoints stand."""
    for end in _ENDS:
        if path.endswith(end):
            return path.removesuffix(end)
    return path if is_version(path.rpartition("/")[2]) else f"{path}/v1"


def _entry(key: Secret | None) -> tuple[Headers, str]:
    """The header that shows the key, and what that is called. Clouds that host the format take their own tokens."""
    if key is None:
        return (), ""
    if is_jwt(key):
        return bearer(key), BEARER
    return (("x-api-key", key.reveal()),), "x-api-key"
