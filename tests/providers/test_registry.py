import pytest

from uni_api.providers import registry
from uni_api.providers.base import Given, Provider, Site
from uni_api.providers.presets import PRESETS
from uni_api.providers.registry import (
    ANTHROPIC,
    AZURE,
    BEDROCK,
    CLOUDFLARE,
    DATABRICKS,
    GEMINI,
    GITHUB,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    RESPONSES,
    Later,
    akin,
    by_address,
    by_engine,
    by_fields,
    home,
)
from uni_api.secret import Secret

GATEWAY = "https://gateway.ai.cloudflare.com/v1/acc/gw"
GOOGLE = "https://generativelanguage.googleapis.com"
AZURE_HOST = "https://mine.openai.azure.com"
FOUNDRY = "https://mine.services.ai.azure.com"
CHAT, MESSAGES, GENERATE = "openai_chat", "anthropic", "gemini"

FORMS: tuple[tuple[str, Provider, str, str], ...] = (
    # A host of the OpenAI format, in every form.
    ("https://a.b", OPENAI, CHAT, "https://a.b/v1/chat/completions"),
    ("https://a.b/v1", OPENAI, CHAT, "https://a.b/v1/chat/completions"),
    ("https://a.b/v1/", OPENAI, CHAT, "https://a.b/v1/chat/completions"),
    ("https://a.b/v1/chat/completions", OPENAI, CHAT, "https://a.b/v1/chat/completions"),
    ("https://a.b/api/paas/v4", OPENAI, CHAT, "https://a.b/api/paas/v4/chat/completions"),
    ("https://a.b/claude/v1", OPENAI, CHAT, "https://a.b/claude/v1/chat/completions"),
    ("http://localhost:11434/v1", OPENAI, CHAT, "http://localhost:11434/v1/chat/completions"),
    ("https://ollama.com/v1", OPENAI, CHAT, "https://ollama.com/v1/chat/completions"),
    (
        "https://api.cohere.com/compatibility/v1",
        OPENAI,
        CHAT,
        "https://api.cohere.com/compatibility/v1/chat/completions",
    ),
    ("https://api.anthropic.com/v1/chat/completions", OPENAI, CHAT, "https://api.anthropic.com/v1/chat/completions"),
    ("https://notazure.com/v1", OPENAI, CHAT, "https://notazure.com/v1/chat/completions"),
    (
        "https://generativelanguage.googleapis.com.evil.example/v1",
        OPENAI,
        CHAT,
        "https://generativelanguage.googleapis.com.evil.example/v1/chat/completions",
    ),
    # A well-known host by its name alone.
    ("https://api.groq.com", OPENAI, CHAT, "https://api.groq.com/openai/v1/chat/completions"),
    ("https://openrouter.ai", OPENROUTER, CHAT, "https://openrouter.ai/api/v1/chat/completions"),
    ("https://openrouter.ai/api/v1", OPENROUTER, CHAT, "https://openrouter.ai/api/v1/chat/completions"),
    ("https://models.github.ai", GITHUB, CHAT, "https://models.github.ai/inference/chat/completions"),
    ("https://models.github.ai/inference", GITHUB, CHAT, "https://models.github.ai/inference/chat/completions"),
    (
        "https://models.github.ai/orgs/o/inference",
        GITHUB,
        CHAT,
        "https://models.github.ai/orgs/o/inference/chat/completions",
    ),
    ("https://models.inference.ai.azure.com", OPENAI, CHAT, "https://models.inference.ai.azure.com/chat/completions"),
    (
        "https://models.inference.ai.azure.com/chat/completions",
        OPENAI,
        CHAT,
        "https://models.inference.ai.azure.com/chat/completions",
    ),
    # Responses.
    ("https://a.b/v1/responses", RESPONSES, "openai_responses", "https://a.b/v1/responses"),
    # Messages.
    ("https://api.anthropic.com", ANTHROPIC, MESSAGES, "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/v1", ANTHROPIC, MESSAGES, "https://api.anthropic.com/v1/messages"),
    ("https://a.b/v1/messages/", ANTHROPIC, MESSAGES, "https://a.b/v1/messages"),
    ("https://a.b/x/v1/messages", ANTHROPIC, MESSAGES, "https://a.b/x/v1/messages"),
    ("https://a.b/anthropic", ANTHROPIC, MESSAGES, "https://a.b/anthropic/v1/messages"),
    # Gemini, at Google and at others.
    (GOOGLE, GEMINI, GENERATE, f"{GOOGLE}/v1beta/models/m:generateContent"),
    (f"{GOOGLE}/v1", GEMINI, GENERATE, f"{GOOGLE}/v1/models/m:generateContent"),
    (f"{GOOGLE}/v1beta", GEMINI, GENERATE, f"{GOOGLE}/v1beta/models/m:generateContent"),
    (f"{GOOGLE}/v1beta/models/x:generateContent", GEMINI, GENERATE, f"{GOOGLE}/v1beta/models/m:generateContent"),
    ("https://a.b/v1beta", GEMINI, GENERATE, "https://a.b/v1beta/models/m:generateContent"),
    ("https://a.b/x/y/v1beta", GEMINI, GENERATE, "https://a.b/x/y/v1beta/models/m:generateContent"),
    (f"{GOOGLE}/v1beta/openai", OPENAI, CHAT, f"{GOOGLE}/v1beta/openai/chat/completions"),
    (f"{GOOGLE}/v1beta/openai/chat/completions", OPENAI, CHAT, f"{GOOGLE}/v1beta/openai/chat/completions"),
    ("https://a.b/v1beta/openai", OPENAI, CHAT, "https://a.b/v1beta/openai/chat/completions"),
    # Ollama's own.
    ("http://localhost:11434", OLLAMA, "ollama", "http://localhost:11434/api/chat"),
    ("https://ollama.com/api/chat", OLLAMA, "ollama", "https://ollama.com/api/chat"),
    # Azure.
    (
        AZURE_HOST,
        AZURE,
        CHAT,
        f"{AZURE_HOST}/openai/deployments/m/chat/completions?api-version=2025-01-01-preview",
    ),
    (f"{AZURE_HOST}/openai/v1", AZURE, CHAT, f"{AZURE_HOST}/openai/v1/chat/completions"),
    (f"{AZURE_HOST}/openai/v1/responses", AZURE, "openai_responses", f"{AZURE_HOST}/openai/v1/responses"),
    (f"{FOUNDRY}/models", AZURE, CHAT, f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"),
    (f"{FOUNDRY}/anthropic/v1/messages", ANTHROPIC, MESSAGES, f"{FOUNDRY}/anthropic/v1/messages"),
    # Databricks.
    (
        "https://adb-1.2.azuredatabricks.net",
        DATABRICKS,
        CHAT,
        "https://adb-1.2.azuredatabricks.net/serving-endpoints/m/invocations",
    ),
    # Bedrock.
    (
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        BEDROCK,
        "converse",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse",
    ),
    # Cloudflare, and what its gateway leads to.
    (
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1",
        CLOUDFLARE,
        CHAT,
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions",
    ),
    (
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/run",
        CLOUDFLARE,
        "workers_ai",
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/run/m",
    ),
    (f"{GATEWAY}/workers-ai/v1", CLOUDFLARE, CHAT, f"{GATEWAY}/workers-ai/v1/chat/completions"),
    (f"{GATEWAY}/compat", OPENAI, CHAT, f"{GATEWAY}/compat/chat/completions"),
    (f"{GATEWAY}/openai", OPENAI, CHAT, f"{GATEWAY}/openai/chat/completions"),
    (f"{GATEWAY}/anthropic", ANTHROPIC, MESSAGES, f"{GATEWAY}/anthropic/v1/messages"),
    (f"{GATEWAY}/google-ai-studio", GEMINI, GENERATE, f"{GATEWAY}/google-ai-studio/v1beta/models/m:generateContent"),
    (
        f"{GATEWAY}/google-ai-studio/v1beta",
        GEMINI,
        GENERATE,
        f"{GATEWAY}/google-ai-studio/v1beta/models/m:generateContent",
    ),
    (
        f"{GATEWAY}/google-ai-studio/v1beta/openai/chat/completions",
        OPENAI,
        CHAT,
        f"{GATEWAY}/google-ai-studio/v1beta/openai/chat/completions",
    ),
    (
        f"{GATEWAY}/azure-openai/res/dep",
        AZURE,
        CHAT,
        f"{GATEWAY}/azure-openai/res/dep/chat/completions?api-version=2025-01-01-preview",
    ),
)


@pytest.mark.parametrize(("base_url", "provider", "dialect", "url"), FORMS, ids=[form[0] for form in FORMS])
def test_every_form_of_address(base_url: str, provider: Provider, dialect: str, url: str) -> None:
    found = by_address(base_url)
    assert found is provider
    [door] = provider.doors(Given(base_url=base_url, keys=(Secret("k"),)))
    assert provider.dialect(door.site, "m") == dialect
    assert provider.address(door, "m", stream=False).url == url


@pytest.mark.parametrize("model", ["claude-opus-5", "gemini-3-pro", "gpt-5", "grok-4", "meta/llama-4", "x"])
@pytest.mark.parametrize("base_url", ["https://a.b", "https://a.b/v1", "https://a.b/v1/chat/completions"])
def test_the_model_name_tells_nothing(base_url: str, model: str) -> None:
    found = by_address(base_url)
    assert found is OPENAI
    assert found.dialect(Site(base_url=base_url), model) == CHAT


@pytest.mark.parametrize("word", registry.ENGINES)
def test_engines(word: str) -> None:
    assert by_engine(word) is not None
    assert by_engine(word.upper()) is by_engine(word)


def test_unknown_engine() -> None:
    assert by_engine("clade") is None
    assert home("clade") is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Given(account="acc"), CLOUDFLARE),
        (Given(aws_access_key=Secret("a")), BEDROCK),
        (Given(base_url="https://a.b", keys=(Secret("k"),)), None),
    ],
)
def test_keys_of_an_entry_tell_the_provider(given: Given, expected: object) -> None:
    assert by_fields(given) is expected


@pytest.mark.parametrize("word", ["gpt", "openai", "openrouter", "github", "claude", "anthropic", "gemini", "ollama"])
def test_engine_has_a_home_that_speaks_its_format(word: str) -> None:
    base_url = home(word)
    assert base_url is not None
    assert by_address(base_url) is by_engine(word)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_called(name: str) -> None:
    found = by_address(PRESETS[name])
    assert not isinstance(found, Later)
    [door] = found.doors(Given(base_url=PRESETS[name], keys=(Secret("k"),)))
    url = found.address(door, "m", stream=False).url
    assert url.startswith(PRESETS[name])
    assert url.startswith("http://localhost:" if name in ("ollama", "vllm", "lmstudio") else "https://")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (OPENAI, OPENROUTER, True),
        (OPENAI, RESPONSES, True),
        (RESPONSES, OPENAI, True),
        (OPENAI, ANTHROPIC, False),
        (OPENAI, AZURE, False),
        (OPENAI, CLOUDFLARE, False),
    ],
)
def test_whose_address_is_good_for_whom(one: Provider, other: Provider, expected: bool) -> None:
    assert akin(one, other) is expected
