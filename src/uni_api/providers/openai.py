"""Hosts that speak the OpenAI chat format, which is most of them."""

import re
from typing import get_args

from msgspec import Struct

from uni_api.canon import Effort, Reasoning
from uni_api.providers._address import BEARER, JSON, accept, bearer, parse
from uni_api.providers.base import Address, Door, Endpoint, Given, Hints, Listing, Quirks, Site, each_key
from uni_api.providers.listings import ASK, listing, read_models
from uni_api.providers.presets import path_at
from uni_api.providers.quirks import quirks_of

_CHAT = "/chat/completions"

_ENDPOINTS = (
    _CHAT,
    "/completions",
    "/responses",
    "/embeddings",
    "/images/generations",
    "/images/edits",
    "/audio/transcriptions",
    "/audio/speech",
    "/moderations",
    "/models",
)
"""Ends of a base URL that name one endpoint. They are cut off; what stays is the root of the API."""

_EFFORTS = re.compile(r"-(?P<effort>" + "|".join(get_args(Effort)) + r")\Z")

_TAKES_EFFORT = re.compile(r"(?:gpt-[5-9]|gpt-oss|o[1-9](?:-|\Z)|grok-3-mini|grok-4\.[3-9](?:-|\Z))")
"""Model families whose chat endpoint takes `reasoning_effort`. Other models answer such a field with an error.

The words are those of `ReasoningEffort` in openai-python; the Grok families are those that
https://docs.x.ai/docs/guides/reasoning is quoted with (2026-11-24).
"""


class OpenAI(Struct, frozen=True):
    """A host that speaks the OpenAI chat format, let in by `Authorization: Bearer`.

    catalog: where its models are listed, when that is not beside its chat endpoint · efforts: whether it takes an
    effort for every model, and leaves it out itself where a model has none.
    """

    name: str = "openai"
    catalog: str | None = None
    efforts: bool = False

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return "openai_chat"

    def realm(self, site: Site, model: str, /) -> str:
        return f"openai_chat:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the body, so `model` has no say here."""
        entry = bearer(door.key)
        return Address(
            url=chat_url(door.site.base_url),
            headers=(*JSON, accept(stream=stream), *entry),
            scheme=BEARER if entry else "",
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """`-high`, `-low` and their like at the end of an alias set the effort.

        Only where the alias is not the model's own name, the model is of a family that takes an effort, and its own
        name does not end so: `o3-mini-high` may be a real model.
        """
        asked = _EFFORTS.search(alias)
        family = model.rpartition("/")[2].lower()
        takes = self.efforts or _TAKES_EFFORT.match(family)
        if asked is None or alias == model or not takes or _EFFORTS.search(family):
            return Hints()
        return Hints(reasoning=Reasoning(effort=_effort(asked["effort"])))

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return quirks_of(parse(site.base_url).host, model)

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        entry = bearer(door.key)
        return Address(
            url=endpoint_url(door.site.base_url, f"/{kind}"),
            headers=(*JSON, accept(stream=False), *entry),
            scheme=BEARER if entry else "",
        )

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        entry = bearer(door.key)
        url = self.catalog or endpoint_url(door.site.base_url, "/models")
        return (listing(Address(url=url, headers=(*ASK, *entry), scheme=BEARER if entry else ""), read_models),)


def chat_url(base_url: str) -> str:
    return endpoint_url(base_url, _CHAT)


def endpoint_url(base_url: str, endpoint: str) -> str:
    """`endpoint` of the API, from any form of base URL.

    A known endpoint at its end is cut off, a bare host gets its path as a well-known host or `/v1`, and `endpoint` is
    appended; every other path is kept (`/api/paas/v4`, `/v1beta/openai`).
    """
    base = parse(base_url)
    if not base.path:
        return base.url(path_at(base.host) + endpoint)
    return base.swapped(_ENDPOINTS, endpoint)


def _effort(word: str) -> Effort:
    for effort in get_args(Effort):
        if effort == word:
            return effort  # type: ignore[no-any-return]
    raise AssertionError(word)
