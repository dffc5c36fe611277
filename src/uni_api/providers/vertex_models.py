"""The names of models on Vertex AI: whose they are, and how they may be written.

Source: cloud.google.com/vertex-ai/generative-ai/docs, "Models", "Partner models" and "Open models" (read 2026-11-24).
"""

import re

from msgspec import Struct

_PUBLISHERS: tuple[tuple[str, str], ...] = (
    ("gemini", "google"),
    ("claude", "anthropic"),
    ("llama", "meta"),
    ("mistral", "mistralai"),
    ("ministral", "mistralai"),
    ("codestral", "mistralai"),
    ("jamba", "ai21"),
    ("deepseek", "deepseek-ai"),
    ("qwen", "qwen"),
    ("gpt-oss", "openai"),
    ("kimi", "moonshotai"),
    ("minimax", "minimaxai"),
    ("glm", "zai-org"),
    ("grok", "xai"),
)
"""Whose a model is when only its own name is written, by the beginning of that name. Others are Google's."""

_PATH = re.compile(r"(?:publishers/)?(?P<publisher>[\w.-]+)/(?:models/)?(?P<name>[^/]+)\Z")


class Model(Struct, frozen=True):
    """A model by its publisher and its own name; no publisher stands for a tuned one, an endpoint of the project."""

    publisher: str
    name: str


def parsed(model: str, publisher: str | None = None) -> Model:
    """A model in any of its spellings. `publisher` is whose it is where the name does not say."""
    bare = re.sub(r"\Aprojects/[^/]+/locations/[^/]+/", "", model).removeprefix("models/")
    if bare.startswith("endpoints/"):
        return Model("", bare.removeprefix("endpoints/"))
    if found := _PATH.match(bare):
        return Model(found["publisher"], found["name"])
    return Model(publisher or _publisher_of(bare), bare)


def _publisher_of(name: str) -> str:
    lowered = name.lower()
    return next((publisher for start, publisher in _PUBLISHERS if lowered.startswith(start)), "google")
