import pytest

from uni_api.canon import Reasoning
from uni_api.errors import Fault
from uni_api.framing import NdjsonDecoder
from uni_api.providers.base import Door, Given, Hints, Page, Site, Unfit
from uni_api.providers.ollama import Ollama, lives_at, read_tags, server_url
from uni_api.secret import Secret

PROVIDER = Ollama()
LOCAL = "http://localhost:11434"


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        (LOCAL, LOCAL),
        (f"{LOCAL}/", LOCAL),
        (f"{LOCAL}/api", LOCAL),
        (f"{LOCAL}/api/chat", LOCAL),
        (f"{LOCAL}/api/generate", LOCAL),
        (f"{LOCAL}/v1", LOCAL),
        (f"{LOCAL}/v1/chat/completions", LOCAL),
        ("https://ollama.com", "https://ollama.com"),
        ("https://a.example/ollama", "https://a.example/ollama"),
        ("https://a.example/ollama/api/chat", "https://a.example/ollama"),
    ],
)
def test_every_form_of_base_url_leads_to_the_server(base_url: str, root: str) -> None:
    assert server_url(base_url, "/api/chat") == f"{root}/api/chat"


def test_the_query_of_the_base_url_is_kept() -> None:
    assert server_url("https://a.example/api/chat?x=1", "/api/tags") == "https://a.example/api/tags?x=1"


@pytest.mark.parametrize(
    ("base_url", "native"),
    [
        (LOCAL, True),
        ("http://127.0.0.1:11434/", True),
        ("http://gpu.lan:11434/api", True),
        (f"{LOCAL}/v1", False),
        (f"{LOCAL}/v1/chat/completions", False),
        ("http://gpu.lan:8080/api/chat", True),
        ("https://a.example/ollama/api/generate", True),
        ("https://a.example/ollama", False),
        ("https://a.example/api/chat/completions", False),
        ("https://ollama.com", True),
        ("https://ollama.com/api", True),
        ("https://eu.ollama.com", True),
        ("https://ollama.com/v1", False),
        ("https://ollama.com.evil.example", False),
        ("https://notollama.com", False),
    ],
)
def test_which_addresses_are_native(base_url: str, native: bool) -> None:
    assert lives_at(base_url) is native


@pytest.mark.parametrize(("stream", "kind"), [(False, "application/json"), (True, "application/x-ndjson")])
def test_an_address_without_a_key(stream: bool, kind: str) -> None:
    (door,) = PROVIDER.doors(Given(base_url=LOCAL))
    address = PROVIDER.address(door, "qwen3:4b", stream=stream)
    assert address.url == f"{LOCAL}/api/chat"
    assert address.headers == (("content-type", "application/json"), ("accept", kind))
    assert (address.scheme, address.decoder) == ("", NdjsonDecoder)


def test_a_key_is_a_bearer_token() -> None:
    doors = PROVIDER.doors(Given(base_url="https://ollama.com", keys=(Secret("one"), Secret("two"))))
    addresses = [PROVIDER.address(door, "gpt-oss:120b", stream=True) for door in doors]
    assert [dict(address.headers)["authorization"] for address in addresses] == ["Bearer one", "Bearer two"]
    assert addresses[0].scheme == "bearer token"


def test_without_an_address_there_is_no_way_in() -> None:
    with pytest.raises(Unfit, match="base_url"):
        PROVIDER.doors(Given())


def test_dialect_and_realm() -> None:
    site = Site(base_url="http://GPU.lan:11434/api")
    assert PROVIDER.dialect(site, "m") == "ollama"
    assert PROVIDER.realm(site, "m") == "ollama:gpu.lan:11434"


@pytest.mark.parametrize(
    ("alias", "model", "reasoning"),
    [
        ("gpt-oss:20b-high", "gpt-oss:20b", Reasoning(effort="high")),
        ("gpt-oss:20b", "gpt-oss:20b", None),
        ("qwen3-high", "qwen3", None),
    ],
)
def test_an_alias_may_ask_for_an_effort(alias: str, model: str, reasoning: Reasoning | None) -> None:
    assert PROVIDER.hints(alias, model) == Hints(reasoning=reasoning)


def test_models_are_listed() -> None:
    (listing,) = PROVIDER.listings(Door(Site(base_url=f"{LOCAL}/api/chat"), Secret("k")))
    assert listing.address.url == f"{LOCAL}/api/tags"
    assert listing.address.headers == (("accept", "application/json"), ("authorization", "Bearer k"))
    page = listing.read(b'{"models": [{"name": "qwen3:4b", "size": 5}, {"name": "gpt-oss:20b"}]}')
    assert page == Page(("qwen3:4b", "gpt-oss:20b"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"models": [{}]}', b'{"models": {"name": "x"}}', b"\xff"])
def test_what_is_no_list_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_tags(body)
    assert caught.value.kind == "protocol"
