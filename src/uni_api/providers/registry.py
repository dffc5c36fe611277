"""Which provider a configured host is. Decided by its `engine` and its address, never by a model's name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec import Struct

from uni_api.providers import (
    anthropic,
    azure,
    bedrock,
    cloudflare,
    cohere,
    databricks,
    gemini,
    ollama,
    openai_responses,
    vertex,
)
from uni_api.providers._address import hostname
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.azure import Azure
from uni_api.providers.base import Given, Provider
from uni_api.providers.bedrock import Bedrock
from uni_api.providers.cloudflare import Cloudflare
from uni_api.providers.cohere import Cohere
from uni_api.providers.databricks import Databricks
from uni_api.providers.demo import Demo
from uni_api.providers.gemini import Gemini
from uni_api.providers.ollama import Ollama
from uni_api.providers.openai import OpenAI
from uni_api.providers.openai_responses import OpenAIResponses
from uni_api.providers.presets import PRESETS
from uni_api.providers.vertex import Vertex

OPENAI = OpenAI()
OPENROUTER = OpenAI("openrouter", efforts=True)
GITHUB = OpenAI("github", catalog="https://models.github.ai/catalog/models")
RESPONSES = OpenAIResponses()
ANTHROPIC = Anthropic()
GEMINI = Gemini()
OLLAMA = Ollama()
AZURE = Azure()
DATABRICKS = Databricks()
CLOUDFLARE = Cloudflare()
COHERE = Cohere()
BEDROCK = Bedrock()
BEDROCK_CLAUDE = Bedrock(maker="anthropic")
VERTEX = Vertex()
VERTEX_GEMINI = Vertex(publisher="google")
VERTEX_CLAUDE = Vertex(publisher="anthropic")
DEMO = Demo()


class Later(Struct, frozen=True):
    """A kind of provider that is known and not served yet. `what` names it."""

    what: str


_ENGINES: Mapping[str, Provider | Later] = MappingProxyType(
    {
        "gpt": OPENAI,
        "openai": OPENAI,
        "openrouter": OPENROUTER,
        "responses": RESPONSES,
        "claude": ANTHROPIC,
        "anthropic": ANTHROPIC,
        "gemini": GEMINI,
        "ollama": OLLAMA,
        "demo": DEMO,
        "aws": BEDROCK,
        "bedrock": BEDROCK,
        "bedrock-claude": BEDROCK_CLAUDE,
        "azure": AZURE,
        "azure-databricks": DATABRICKS,
        "databricks": DATABRICKS,
        "cloudflare": CLOUDFLARE,
        "github": GITHUB,
        "codex": Later("Codex"),
        "cohere": COHERE,
        "content-generation": Later("video generation"),
        "dalle": Later("image generation"),
        "doubao-translation": Later("Doubao translation"),
        "embedding": Later("embeddings"),
        "lingjing": Later("Lingjing"),
        "moderation": OPENAI,
        "search": Later("search"),
        "tts": Later("speech"),
        "vertex": VERTEX,
        "vertex-claude": VERTEX_CLAUDE,
        "vertex-gemini": VERTEX_GEMINI,
        "whisper": Later("transcription"),
    }
)

ENGINES: tuple[str, ...] = tuple(_ENGINES)
"""Every word that `engine` may be."""


def _at(*ends: str) -> Callable[[str], bool]:
    """Whether a base URL's host has one of these names, or ends in one after a dot or a hyphen."""
    joined = tuple(f"{mark}{end}" for end in ends for mark in ".-")
    return lambda base_url: hostname(base_url) in ends or hostname(base_url).endswith(joined)


_PLACES: tuple[tuple[Callable[[str], bool], Provider | Later], ...] = (
    (vertex.lives_at, VERTEX),
    (azure.lives_at, AZURE),
    (databricks.lives_at, DATABRICKS),
    (cloudflare.lives_at, CLOUDFLARE),
    (openai_responses.lives_at, RESPONSES),
    (bedrock.lives_at, BEDROCK),
    (cohere.lives_at, COHERE),
    (ollama.lives_at, OLLAMA),
    (gemini.lives_at, GEMINI),
    (anthropic.lives_at, ANTHROPIC),
    (_at("openrouter.ai"), OPENROUTER),
    (_at("models.github.ai"), GITHUB),
)
"""Where each provider lives, looked at in this order. Whatever lives nowhere here speaks the OpenAI format."""


_NAMESAKES: Mapping[str, str] = MappingProxyType(
    {"gpt": "openai", "responses": "openai", "claude": "anthropic", "aws": "bedrock", "bedrock-claude": "bedrock"}
)
"""The well-known host that an engine goes to, where it does not have the engine's own name."""


def by_engine(word: str) -> Provider | Later | None:
    """The provider that `engine: word` forces, or None when there is no such engine."""
    return _ENGINES.get(word.lower())


def by_address(base_url: str) -> Provider | Later:
    """The provider that lives at `base_url`. An unknown host speaks the OpenAI format."""
    return next((provider for lives_at, provider in _PLACES if lives_at(base_url)), OPENAI)


def words_for(provider: Provider) -> tuple[str, ...]:
    """Every word of `engine` that means `provider`; its name at least."""
    words = [word for word, each in _ENGINES.items() if each == provider]
    return tuple(dict.fromkeys((provider.name, *words)))


def by_fields(given: Given) -> Provider | Later | None:
    """The provider that the keys of an entry imply, or None when they are those of any host."""
    if given.projects or given.client_email is not None or given.private_key is not None:
        return _ENGINES["vertex"]
    if given.account is not None:
        return _ENGINES["cloudflare"]
    if given.aws_access_key is not None or given.aws_secret_key is not None:
        return _ENGINES["aws"]
    return None


def akin(one: Provider | Later, other: Provider | Later) -> bool:
    """Whether the address of one is good for the other: they are of a kind, or speak two formats of the same hosts."""
    return type(one) is type(other) or {type(one), type(other)} == {OpenAI, OpenAIResponses}


def home(engine: str) -> str | None:
    """The base URL that an engine implies when the file names none, or None."""
    return PRESETS.get(_NAMESAKES.get(engine.lower(), engine.lower()))
