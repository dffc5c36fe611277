import pytest

from uni_api.providers import registry
from uni_api.providers.base import Door, Given, Provider, Site
from uni_api.providers.presets import PRESETS
from uni_api.providers.registry import (
    ANTHROPIC,
    BEDROCK,
    BEDROCK_CLAUDE,
    GEMINI,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    Later,
    by_address,
    by_engine,
    by_fields,
    home,
)
from uni_api.secret import Secret


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", OPENAI),
        ("https://anything.example/v1", OPENAI),
        ("http://localhost:11434", OLLAMA),
        ("http://localhost:11434/v1", OPENAI),
        ("https://ollama.com/api/chat", OLLAMA),
        ("https://ollama.com/v1", OPENAI),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", BEDROCK),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/", BEDROCK),
        ("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", OPENAI),
        ("https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages", ANTHROPIC),
        ("https://gateway.us-east-1.elb.amazonaws.com/api/v1", OPENAI),
        ("https://openrouter.ai/api/v1", OPENROUTER),
        ("https://api.anthropic.com", ANTHROPIC),
        ("https://api.anthropic.com/v1/messages", ANTHROPIC),
        ("https://relay.example/v1/messages/", ANTHROPIC),
        ("https://relay.example/claude/v1", OPENAI),
        ("https://generativelanguage.googleapis.com", GEMINI),
        ("https://generativelanguage.googleapis.com/v1", GEMINI),
        ("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", OPENAI),
        ("https://relay.example/v1beta", GEMINI),
        ("https://relay.example/v1beta/openai", OPENAI),
        ("https://gateway.ai.cloudflare.com/v1/acc/gw/google-ai-studio/v1beta/openai/chat/completions", OPENAI),
        ("https://models.inference.ai.azure.com/chat/completions", OPENAI),
        ("https://api.cohere.com/compatibility/v1", OPENAI),
        ("https://generativelanguage.googleapis.com.evil.example/v1", OPENAI),
        ("https://notazure.com/v1", OPENAI),
    ],
)
def test_address_tells_the_provider(base_url: str, expected: Provider) -> None:
    assert by_address(base_url) is expected


@pytest.mark.parametrize(
    ("base_url", "what"),
    [
        ("https://aiplatform.googleapis.com", "Vertex AI"),
        ("https://us-central1-aiplatform.googleapis.com/v1", "Vertex AI"),
        ("https://gateway.ai.cloudflare.com/v1/acc/gw/google-vertex-ai", "Vertex AI"),
        ("https://mine.openai.azure.com/openai/deployments/x", "Azure"),
        ("https://mine.services.ai.azure.com/models/chat/completions", "Azure"),
        ("https://api.cloudflare.com/client/v4", "Cloudflare Workers AI"),
        ("https://api.cohere.com/v1/chat", "Cohere"),
        ("https://adb-1.2.azuredatabricks.net", "Azure Databricks"),
    ],
)
def test_address_of_a_provider_of_later(base_url: str, what: str) -> None:
    assert by_address(base_url) == Later(what)


@pytest.mark.parametrize("word", registry.ENGINES)
def test_engines(word: str) -> None:
    assert by_engine(word) is not None
    assert by_engine(word.upper()) is by_engine(word)


def test_unknown_engine() -> None:
    assert by_engine("clade") is None
    assert home("clade") is None


@pytest.mark.parametrize(
    "word", ["gpt", "openai", "openrouter", "claude", "anthropic", "gemini", "ollama", "aws", "bedrock"]
)
def test_engine_has_a_home_that_speaks_its_format(word: str) -> None:
    base_url = home(word)
    assert base_url is not None
    assert by_address(base_url) is by_engine(word)


def test_engine_for_claude_behind_ids_that_hide_it() -> None:
    assert by_engine("bedrock-claude") is BEDROCK_CLAUDE
    assert home("bedrock-claude") == home("aws")


@pytest.mark.parametrize("given", [Given(aws_access_key=Secret("a")), Given(aws_secret_key=Secret("b"))])
def test_half_an_access_key_already_tells_the_provider(given: Given) -> None:
    assert by_fields(given) is BEDROCK


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_called(name: str) -> None:
    found = by_address(PRESETS[name])
    assert not isinstance(found, Later)
    url = found.address(Door(Site(base_url=PRESETS[name])), "m", stream=False).url
    assert url.startswith("https://" if name != "ollama" else "http://localhost:")
    assert url.endswith(("/chat/completions", "/v1/messages", ":generateContent", "/api/chat", "/model/m/converse"))
