"""Hosts that speak the Gemini generateContent format."""

import re
from typing import Literal

from msgspec import Struct

from uni_api.canon import Foreign, Reasoning
from uni_api.providers._address import JSON, accept, hostname, is_version, parse, segment
from uni_api.providers.base import NO_QUIRKS, Address, Door, Endpoint, Given, Hints, Listing, Quirks, Site, each_key
from uni_api.providers.listings import ASK, listing, read_gemini, with_query

_HOME = "generativelanguage.googleapis.com"

_THINK = re.compile(r"-think-(?P<budget>-?\d{1,6})(?=-|\Z)", re.IGNORECASE)
_LEVEL = re.compile(r"-(?P<level>minimal|low|medium|high)(?:-search)?\Z")

_TAKES_LEVEL = re.compile(r"gemini-(?:[3-9]|[1-9]\d)")
"""Gemini 3 and later take a thinking level (`ThinkingLevel` in google-genai); earlier ones take a budget only."""

_VERSIONED = re.compile(r"/v1(?:beta|alpha)(?:/(?:models|tunedModels)(?:/.*)?)?\Z")

_SEARCH = Foreign(dialect="gemini", block={"googleSearch": {}})
"""Grounding with Google Search. Source: ai.google.dev, page "Grounding with Google Search" (read 2026-11-24)."""

_COLLECTIONS = ("models/", "tunedModels/")


class Gemini(Struct, frozen=True):
    """A host that speaks the Gemini format, let in by `x-goog-api-key`; the key never stands in the URL."""

    name: str = "gemini"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return "gemini"

    def realm(self, site: Site, model: str, /) -> str:
        return "gemini" if hostname(site.base_url) == _HOME else f"gemini:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        entry = (("x-goog-api-key", door.key.reveal()),) if door.key else ()
        return Address(
            url=generate_url(door.site.base_url, model, stream=stream),
            headers=(*JSON, accept(stream=stream), *entry),
            scheme="x-goog-api-key" if entry else "",
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """`-think-N` in an alias is a budget of N tokens (0 off, -1 the model decides), `-high` and its like a level.
        `-search` at its end asks for grounding with search, where the client brings no tools.

        Only where the alias is not the model's own name; levels only for Gemini 3 and later.
        """
        if alias == model:
            return Hints()
        tools = (_SEARCH,) if alias.endswith("-search") and not model.endswith("-search") else ()
        if think := _THINK.search(alias):
            return Hints(reasoning=Reasoning(budget=max(-1, int(think["budget"]))), tools=tools)
        level = _LEVEL.search(alias)
        if level and _TAKES_LEVEL.search(model) and not _LEVEL.search(model):
            return Hints(reasoning=Reasoning(effort=_level(level["level"])), tools=tools)
        return Hints(tools=tools)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return NO_QUIRKS

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        base = parse(door.site.base_url)
        entry = (("x-goog-api-key", door.key.reveal()),) if door.key else ()
        asked = Address(
            url=base.url(_root(base.path) + "/models"),
            headers=(*ASK, *entry),
            scheme="x-goog-api-key" if entry else "",
        )
        return (listing(with_query(asked, pageSize="1000"), read_gemini),)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names the Gemini format: by its version, or by its host or Cloudflare's gateway to it.

    `/openai` in the path is the other format that such hosts speak.
    """
    path = parse(base_url).path
    if "/openai" in path:
        return False
    return hostname(base_url) == _HOME or "/google-ai-studio" in path or _VERSIONED.search(path) is not None


def generate_url(base_url: str, model: str, *, stream: bool) -> str:
    """The endpoint that generates content with `model`, from any form of base URL.

    What follows the version in the path (`/models/...`, `/openai/...`) is cut off; a path without a version gets
    `/v1beta`. The model is one quoted path segment, whatever it holds.
    """
    base = parse(base_url)
    collection = next((each for each in _COLLECTIONS if model.startswith(each)), "models/")
    resource = f"{_root(base.path)}/{collection}{segment(model.removeprefix(collection))}"
    if not stream:
        return base.url(f"{resource}:generateContent")
    query = f"{base.query}&alt=sse" if base.query else "?alt=sse"
    return f"{base.origin}{resource}:streamGenerateContent{query}"


def _root(path: str) -> str:
    """The path under which all models stand."""
    root = re.split(r"/(?:models|openai)(?:/|\Z)", path, maxsplit=1)[0]
    return root if is_version(root.rpartition("/")[2]) else f"{root}/v1beta"


def _level(word: str) -> Literal["minimal", "low", "medium", "high"]:
    match word:
        case "minimal" | "low" | "medium":
            return word
        case _:
            return "high"
