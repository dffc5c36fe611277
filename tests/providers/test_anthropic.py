import pytest

from uni_api.canon import Reasoning
from uni_api.providers.anthropic import Anthropic, messages_url
from uni_api.providers.base import Door, Hints, Site
from uni_api.secret import Secret

PROVIDER = Anthropic()


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/messages/", "https://api.anthropic.com/v1/messages"),
        ("https://a.b/anthropic", "https://a.b/anthropic/v1/messages"),
        ("https://a.b/v1/chat/completions", "https://a.b/v1/messages"),
        ("https://a.b/api/v1/messages?beta=true", "https://a.b/api/v1/messages?beta=true"),
    ],
)
def test_messages_url(base_url: str, url: str) -> None:
    assert messages_url(base_url) == url
    assert PROVIDER.address(Door(Site(base_url=base_url)), "../x", stream=True).url == url


def test_headers() -> None:
    address = PROVIDER.address(Door(Site(base_url="https://a.b"), Secret("k")), "m", stream=True)
    assert dict(address.headers) == {
        "x-api-key": "k",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "accept": "text/event-stream",
    }


@pytest.mark.parametrize(
    ("alias", "budget"),
    [
        ("claude-think", 4096),
        ("claude-THINKING", 4096),
        ("claude-sonnet-think-16000", 16000),
        ("claude-thinking:2048", 2048),
        ("claude-think-0", 0),
        ("think-claude-sonnet-8000", 8000),
        ("claude-think-20250219", 4096),
        ("think-claude-3-5", 4096),
    ],
)
def test_thinking_of_an_alias(alias: str, budget: int) -> None:
    assert PROVIDER.hints(alias, "claude-sonnet-4-5") == Hints(reasoning=Reasoning(budget=budget))


@pytest.mark.parametrize(("alias", "model"), [("kimi-k2-thinking", "kimi-k2-thinking"), ("claude-16000", "claude")])
def test_alias_without_thinking(alias: str, model: str) -> None:
    assert PROVIDER.hints(alias, model) == Hints()


def test_realm() -> None:
    assert PROVIDER.realm(Site(base_url="https://api.anthropic.com/v1"), "m") == "anthropic"
    assert PROVIDER.realm(Site(base_url="https://relay.b/v1/messages"), "m") == "anthropic:relay.b"
