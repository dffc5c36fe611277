import pytest

from uni_api.canon import Reasoning
from uni_api.providers.base import Door, Hints, Provider, Site
from uni_api.providers.openai import OpenAI, chat_url
from uni_api.providers.openai_responses import OpenAIResponses
from uni_api.secret import Secret

PROVIDER = OpenAI()


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://a.b", "https://a.b/v1/chat/completions"),
        ("https://a.b/", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/chat/completions", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/chat/completions/", "https://a.b/v1/chat/completions"),
        ("https://a.b/chat/completions", "https://a.b/chat/completions"),
        ("https://a.b/v1/responses", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/embeddings", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/images/generations", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/audio/speech", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/models", "https://a.b/v1/chat/completions"),
        ("https://a.b/v1/completions", "https://a.b/v1/chat/completions"),
        ("https://a.b/openai/v1", "https://a.b/openai/v1/chat/completions"),
        ("https://a.b/api/paas/v4", "https://a.b/api/paas/v4/chat/completions"),
        ("https://a.b/api/v3/", "https://a.b/api/v3/chat/completions"),
        ("https://a.b/v1beta/openai", "https://a.b/v1beta/openai/chat/completions"),
        ("https://a.b/v1beta/openai/chat/completions", "https://a.b/v1beta/openai/chat/completions"),
        ("https://a.b/inference", "https://a.b/inference/chat/completions"),
        ("https://a.b/v1?api-version=1", "https://a.b/v1/chat/completions?api-version=1"),
        ("https://a.b/v1#part", "https://a.b/v1/chat/completions"),
        ("HTTP://LocalHost:8080", "http://localhost:8080/v1/chat/completions"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions"),
    ],
)
def test_chat_url(base_url: str, url: str) -> None:
    assert chat_url(base_url) == url
    assert PROVIDER.address(Door(Site(base_url=base_url)), "m", stream=False).url == url


@pytest.mark.parametrize(
    "base_url",
    ["https://a.b", "https://a.b/v1/", "https://a.b/v1/chat/completions", "https://a.b/v1/moderations"],
)
@pytest.mark.parametrize("provider", [PROVIDER, OpenAIResponses()])
def test_other_work_has_its_place_beside_chat(base_url: str, provider: Provider) -> None:
    address = provider.endpoint(Door(Site(base_url=base_url), Secret("k")), "moderations", "m")
    assert address is not None
    assert (address.url, dict(address.headers)["authorization"]) == ("https://a.b/v1/moderations", "Bearer k")


def test_headers() -> None:
    site = Site(base_url="https://a.b")
    address = PROVIDER.address(Door(site, Secret("k")), "m", stream=True)
    assert address.scheme == "bearer token"
    assert dict(address.headers) == {
        "authorization": "Bearer k",
        "content-type": "application/json",
        "accept": "text/event-stream",
    }
    assert dict(PROVIDER.address(Door(site), "m", stream=False).headers) == {
        "content-type": "application/json",
        "accept": "application/json",
    }


def test_model_has_no_say_in_the_address() -> None:
    site = Site(base_url="https://a.b/v1")
    assert PROVIDER.address(Door(site), "../../x?y#z", stream=False) == PROVIDER.address(Door(site), "m", stream=False)


@pytest.mark.parametrize(
    ("alias", "model", "effort"),
    [
        ("gpt-5.1-high", "gpt-5.1", "high"),
        ("mine-low", "gpt-5", "low"),
        ("mine-minimal", "gpt-5-mini", "minimal"),
        ("mine-none", "gpt-5.1", "none"),
        ("mine-xhigh", "gpt-5.2", "xhigh"),
        ("oss-medium", "openai/gpt-oss-120b", "medium"),
        ("grok-low", "grok-3-mini", "low"),
        ("grok-high", "grok-4.3", "high"),
        ("o3-high", "o3", "high"),
        ("o4-low", "o4-mini", "low"),
    ],
)
def test_effort_of_an_alias(alias: str, model: str, effort: object) -> None:
    found = PROVIDER.hints(alias, model).reasoning
    assert found is not None
    assert found.effort == effort


@pytest.mark.parametrize(
    ("alias", "model"),
    [
        ("gpt-5.1", "gpt-5.1"),
        ("gpt-5-high", "gpt-5-high"),
        ("o3-mini-high", "o3-mini-high"),
        ("mine-low", "o3-mini-high"),
        ("cheap-low", "llama-3.3-70b"),
        ("gpt-4o-high", "gpt-4o"),
        ("grok-4-high", "grok-4"),
        ("grok-4-high", "grok-4.20-reasoning"),
        ("gpt-5-highest", "gpt-5"),
        ("high", "gpt-5"),
    ],
)
def test_alias_without_effort(alias: str, model: str) -> None:
    assert PROVIDER.hints(alias, model) == Hints()


def test_effort_is_all_that_is_asked() -> None:
    assert PROVIDER.hints("x-high", "gpt-5") == Hints(reasoning=Reasoning(effort="high"))


def test_realm_is_the_host() -> None:
    assert PROVIDER.realm(Site(base_url="https://user@Api.OpenAI.com/v1"), "m") == "openai_chat:api.openai.com"
    assert PROVIDER.realm(Site(base_url="http://a.b:81/v1"), "m") == "openai_chat:a.b:81"


def test_a_host_that_takes_efforts_for_every_model() -> None:
    openrouter = OpenAI("openrouter", efforts=True)
    assert openrouter.hints("thinker-high", "anthropic/claude-sonnet-5") == Hints(reasoning=Reasoning(effort="high"))
    assert openrouter.hints("anthropic/x-high", "anthropic/x-high") == Hints()
    assert openrouter.hints("x-low", "openai/o3-mini-high") == Hints()
