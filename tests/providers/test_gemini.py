from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.canon import Reasoning
from uni_api.providers.base import Door, Hints, Site
from uni_api.providers.gemini import Gemini, generate_url
from uni_api.secret import Secret

PROVIDER = Gemini()
HOME = "https://generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        (HOME, f"{HOME}/v1beta"),
        (f"{HOME}/", f"{HOME}/v1beta"),
        (f"{HOME}/v1beta", f"{HOME}/v1beta"),
        (f"{HOME}/v1", f"{HOME}/v1"),
        (f"{HOME}/v1beta/models", f"{HOME}/v1beta"),
        (f"{HOME}/v1beta/models/gemini-2.5-pro:generateContent", f"{HOME}/v1beta"),
        (f"{HOME}/v1beta/openai/chat/completions", f"{HOME}/v1beta"),
        ("https://a.b/gemini/v1beta/", "https://a.b/gemini/v1beta"),
        ("https://a.b/gemini", "https://a.b/gemini/v1beta"),
    ],
)
def test_generate_url(base_url: str, root: str) -> None:
    assert generate_url(base_url, "m", stream=False) == f"{root}/models/m:generateContent"
    assert generate_url(base_url, "m", stream=True) == f"{root}/models/m:streamGenerateContent?alt=sse"


def test_query_of_the_base_url_is_kept() -> None:
    assert generate_url("https://a.b/v1?x=1", "m", stream=False) == "https://a.b/v1/models/m:generateContent?x=1"
    assert generate_url("https://a.b/v1?x=1", "m", stream=True).endswith(":streamGenerateContent?x=1&alt=sse")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("models/gemini-2.5-pro", "models/gemini-2.5-pro"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("a/b", "models/a%2Fb"),
        ("../../evil", "models/%2E%2E%2F%2E%2E%2Fevil"),
        ("a?key=x#y", "models/a%3Fkey%3Dx%23y"),
        ("models/../x", "models/%2E%2E%2Fx"),
        ("@evil.com:80", "models/%40evil.com%3A80"),
        ("r\u00e9sum\u00e9", "models/r%C3%A9sum%C3%A9"),
        ("a\r\nb", "models/a%0D%0Ab"),
    ],
)
def test_model_is_one_segment(model: str, path: str) -> None:
    assert generate_url(HOME, model, stream=False) == f"{HOME}/v1beta/{path}:generateContent"


@given(st.text(min_size=1), st.booleans())
def test_no_model_name_leads_elsewhere(model: str, stream: bool) -> None:
    parts = urlsplit(generate_url(HOME, "x" + model, stream=stream))
    assert f"{parts.scheme}://{parts.netloc}" == HOME
    assert parts.path.count("/") == 3
    assert parts.query == ("alt=sse" if stream else "")
    assert not parts.fragment
    assert unquote(parts.path).startswith(f"/v1beta/models/x{model}:")


def test_key_travels_in_a_header() -> None:
    address = PROVIDER.address(Door(Site(base_url=HOME), Secret("k1")), "m", stream=True)
    assert dict(address.headers)["x-goog-api-key"] == "k1"
    assert "k1" not in address.url
    assert "k1" not in repr(address)


@pytest.mark.parametrize(
    ("alias", "model", "reasoning"),
    [
        ("flash-think-0", "gemini-2.5-flash", Reasoning(budget=0)),
        ("flash-think-24576-search", "gemini-2.5-flash", Reasoning(budget=24576)),
        ("flash-think--1", "gemini-2.5-flash", Reasoning(budget=-1)),
        ("flash-think--9", "gemini-2.5-flash", Reasoning(budget=-1)),
        ("pro-high", "gemini-3-pro-preview", Reasoning(effort="high")),
        ("pro-minimal", "gemini-3-pro", Reasoning(effort="minimal")),
        ("pro-low-search", "google/gemini-3-pro", Reasoning(effort="low")),
        ("gemini-3-pro-think-512", "gemini-3-pro", Reasoning(budget=512)),
    ],
)
def test_reasoning_of_an_alias(alias: str, model: str, reasoning: Reasoning) -> None:
    assert PROVIDER.hints(alias, model).reasoning == reasoning


@pytest.mark.parametrize(
    ("alias", "model"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-3-pro-high", "gemini-3-pro-high"),
        ("flash-high", "gemini-2.5-flash"),
        ("mine-low", "gemini-3-pro-high"),
        ("flash-think", "gemini-2.5-flash"),
        ("flash-think-20250219", "gemini-2.5-flash"),
    ],
)
def test_alias_without_reasoning(alias: str, model: str) -> None:
    assert PROVIDER.hints(alias, model) == Hints()


def test_realm() -> None:
    assert PROVIDER.realm(Site(base_url=HOME), "m") == "gemini"
    assert PROVIDER.realm(Site(base_url="https://relay.b/v1beta"), "m") == "gemini:relay.b"


@pytest.mark.parametrize(
    ("alias", "model", "searches"),
    [
        ("g-search", "gemini-2.5-flash", True),
        ("g-think-1024-search", "gemini-2.5-flash", True),
        ("g-high-search", "gemini-3-pro-preview", True),
        ("g-search-x", "gemini-2.5-flash", False),
        ("gemini-2.5-flash-search", "gemini-2.5-flash-search", False),
        ("g", "gemini-2.5-flash", False),
    ],
)
def test_an_alias_may_ask_for_search(alias: str, model: str, searches: bool) -> None:
    assert [tool.block for tool in PROVIDER.hints(alias, model).tools] == ([{"googleSearch": {}}] if searches else [])


def test_search_does_not_take_the_place_of_thinking() -> None:
    assert PROVIDER.hints("g-think-1024-search", "gemini-2.5-flash").reasoning == Reasoning(budget=1024)
