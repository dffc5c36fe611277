"""Which provider a configured host is. Decided by its `engine` and its address, never by a model's name."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from uni_api.providers._address import hostname, parse
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.base import Given, Provider
from uni_api.providers.bedrock import Bedrock
from uni_api.providers.bedrock import lives_at as is_bedrock
from uni_api.providers.demo import Demo
from uni_api.providers.gemini import Gemini
from uni_api.providers.ollama import Ollama
from uni_api.providers.ollama import lives_at as is_ollama
from uni_api.providers.openai import OpenAI
from uni_api.providers.openai_responses import OpenAIResponses
from uni_api.providers.openai_responses import lives_at as is_responses
from uni_api.providers.presets import PRESETS

OPENAI = OpenAI()
OPENROUTER = OpenAI("openrouter")
RESPONSES = OpenAIResponses()
ANTHROPIC = Anthropic()
GEMINI = Gemini()
OLLAMA = Ollama()
BEDROCK = Bedrock()
BEDROCK_CLAUDE = Bedrock(maker="anthropic")
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
        "azure": Later("Azure"),
        "azure-databricks": Later("Azure Databricks"),
        "cloudflare": Later("Cloudflare Workers AI"),
        "codex": Later("Codex"),
        "cohere": Later("Cohere"),
        "content-generation": Later("video generation"),
        "dalle": Later("image generation"),
        "doubao-translation": Later("Doubao translation"),
        "embedding": Later("embeddings"),
        "lingjing": Later("Lingjing"),
        "moderation": Later("moderation"),
        "search": Later("search"),
        "tts": Later("speech"),
        "vertex": Later("Vertex AI"),
        "vertex-claude": Later("Vertex AI"),
        "vertex-gemini": Later("Vertex AI"),
        "whisper": Later("transcription"),
    }
)

ENGINES: tuple[str, ...] = tuple(_ENGINES)
"""Every word that `engine` may be."""

_HOSTS: tuple[tuple[str, Later], ...] = (
    ("aiplatform.googleapis.com", Later("Vertex AI")),
    ("azure.com", Later("Azure")),
    ("azuredatabricks.net", Later("Azure Databricks")),
    ("api.cloudflare.com", Later("Cloudflare Workers AI")),
    ("api.cohere.com", Later("Cohere")),
)
"""Ends of host names that need a provider of their own."""


_NAMESAKES: Mapping[str, str] = MappingProxyType(
    {"gpt": "openai", "responses": "openai", "claude": "anthropic", "aws": "bedrock", "bedrock-claude": "bedrock"}
)
"""The well-known host that an engine goes to, where it does not have the engine's own name."""


def by_engine(word: str) -> Provider | Later | None:
    """The provider that `engine: word` forces, or None when there is no such engine."""
    return _ENGINES.get(word.lower())


def by_address(base_url: str) -> Provider | Later:
    """The provider that lives at `base_url`. An unknown host speaks the OpenAI format."""
    host, path = hostname(base_url), parse(base_url).path
    if "/google-vertex-ai" in path:
        return Later("Vertex AI")
    if is_responses(base_url):
        return RESPONSES
    if not _speaks_openai(host, path):
        for end, later in _HOSTS:
            if host == end or host.endswith((f".{end}", f"-{end}")):
                return later
    if is_bedrock(base_url):
        return BEDROCK
    if is_ollama(base_url):
        return OLLAMA
    if path.endswith("/v1beta") or (host == hostname(PRESETS["gemini"]) and "/openai" not in path):
        return GEMINI
    if host == hostname(PRESETS["anthropic"]) or path.endswith("v1/messages"):
        return ANTHROPIC
    return OPENROUTER if host == hostname(PRESETS["openrouter"]) else OPENAI


def by_fields(given: Given) -> Provider | Later | None:
    """The provider that the keys of an entry imply, or None when they are those of any host."""
    if given.projects:
        return _ENGINES["vertex"]
    if given.account is not None:
        return _ENGINES["cloudflare"]
    if given.aws_access_key is not None or given.aws_secret_key is not None:
        return _ENGINES["aws"]
    return None


def home(engine: str) -> str | None:
    """The base URL that an engine implies when the file names none, or None."""
    return PRESETS.get(_NAMESAKES.get(engine.lower(), engine.lower()))


def _speaks_openai(host: str, path: str) -> bool:
    """Whether a host that needs its own provider serves the OpenAI format at this address after all."""
    return host == "models.inference.ai.azure.com" or (host == "api.cohere.com" and path.startswith("/compatibility/"))
