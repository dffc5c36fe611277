import pytest

from uni_api.canon import Reasoning
from uni_api.errors import Fault
from uni_api.framing import SseDecoder
from uni_api.providers.base import Address, Door, Given, Hints, Page, Site, Unfit
from uni_api.providers.cohere import Cohere, lives_at, read_models, server_url
from uni_api.providers.registry import COHERE, OPENAI, by_address, by_engine, home
from uni_api.secret import Secret

PROVIDER = Cohere()
HOME = "https://api.cohere.com"


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        (HOME, HOME),
        (f"{HOME}/", HOME),
        (f"{HOME}/v1", HOME),
        (f"{HOME}/v1/chat", HOME),
        (f"{HOME}/v2", HOME),
        (f"{HOME}/v2/", HOME),
        (f"{HOME}/v2/chat", HOME),
        (f"{HOME}/v1/chat/completions", HOME),
        (f"{HOME}/compatibility/v1", HOME),
        (f"{HOME}/compatibility/v1/chat/completions", HOME),
        ("https://api.cohere.ai/v1/chat", "https://api.cohere.ai"),
        ("http://127.0.0.1:8123/v1/chat", "http://127.0.0.1:8123"),
        ("https://a.example/cohere", "https://a.example/cohere"),
        ("https://a.example/cohere/v2/chat", "https://a.example/cohere"),
    ],
)
def test_every_form_of_base_url_leads_to_the_server(base_url: str, root: str) -> None:
    assert server_url(base_url, "/v2/chat") == f"{root}/v2/chat"


def test_the_query_of_the_base_url_is_kept() -> None:
    assert server_url("https://a.example/v1/chat?x=1", "/v2/chat") == "https://a.example/v2/chat?x=1"


@pytest.mark.parametrize(
    ("base_url", "native"),
    [
        (HOME, True),
        (f"{HOME}/v1/chat", True),
        (f"{HOME}/v2", True),
        ("https://api.cohere.ai/v1", True),
        ("https://API.Cohere.com/v2/chat", True),
        ("https://eu.api.cohere.com/v2", True),
        ("http://127.0.0.1:8123/v2/chat", True),
        (f"{HOME}/compatibility/v1", False),
        (f"{HOME}/compatibility", False),
        (f"{HOME}/compatibility/v1/chat/completions", False),
        ("https://api.cohere.ai/compatibility/v1", False),
        ("http://127.0.0.1:8123/v1/chat", False),
        ("https://api.cohere.com.evil.example/v1", False),
        ("https://notapi.cohere.community/v1", False),
    ],
)
def test_which_addresses_are_native(base_url: str, native: bool) -> None:
    assert lives_at(base_url) is native


@pytest.mark.parametrize("base_url", [HOME, f"{HOME}/v1/chat", "https://api.cohere.ai/v2", "http://a.example/v2/chat"])
def test_existing_addresses_are_served(base_url: str) -> None:
    assert by_address(base_url) is COHERE
    assert COHERE.address(Door(Site(base_url=base_url)), "m", stream=False).url.endswith("/v2/chat")


def test_the_compatible_api_is_of_the_openai_format() -> None:
    assert by_address(f"{HOME}/compatibility/v1") is OPENAI


def test_the_engine_needs_no_address() -> None:
    assert by_engine("cohere") is COHERE
    assert home("cohere") == f"{HOME}/v2"
    assert server_url(f"{HOME}/v2", "/v2/chat") == f"{HOME}/v2/chat"


@pytest.mark.parametrize(("stream", "kind"), [(False, "application/json"), (True, "text/event-stream")])
def test_an_address_shows_the_key_as_a_bearer_token(stream: bool, kind: str) -> None:
    doors = PROVIDER.doors(Given(base_url=f"{HOME}/v1/chat", keys=(Secret("one"), Secret("two"))))
    addresses = [PROVIDER.address(door, "command-a-03-2025", stream=stream) for door in doors]
    assert {address.url for address in addresses} == {f"{HOME}/v2/chat"}
    assert addresses[1].headers == (
        ("content-type", "application/json"),
        ("accept", kind),
        ("authorization", "Bearer two"),
    )
    assert (addresses[0].scheme, addresses[0].decoder) == ("bearer token", SseDecoder)


def test_an_address_without_a_key() -> None:
    (door,) = PROVIDER.doors(Given(base_url="http://127.0.0.1:8123"))
    address = PROVIDER.address(door, "m", stream=False)
    assert "authorization" not in dict(address.headers)
    assert address.scheme == ""


def test_without_an_address_there_is_no_way_in() -> None:
    with pytest.raises(Unfit, match="base_url"):
        PROVIDER.doors(Given())


@pytest.mark.parametrize(
    ("base_url", "realm"),
    [(HOME, "cohere"), ("https://api.cohere.ai/v1", "cohere"), ("http://Stub:81/v1/chat", "cohere:stub:81")],
)
def test_dialect_and_realm(base_url: str, realm: str) -> None:
    site = Site(base_url=base_url)
    assert (PROVIDER.dialect(site, "m"), PROVIDER.realm(site, "m")) == ("cohere", realm)


def test_an_alias_may_ask_for_an_effort() -> None:
    model = "command-a-reasoning-08-2025"
    assert PROVIDER.hints(model, model) == Hints()
    assert PROVIDER.hints("gpt-oss-high", "gpt-oss") == Hints(reasoning=Reasoning(effort="high"))


def listed(base_url: str = HOME) -> Address:
    (listing,) = PROVIDER.listings(Door(Site(base_url=base_url), Secret("k")))
    return listing.address


def test_models_for_chat_are_listed_page_by_page() -> None:
    (listing,) = PROVIDER.listings(Door(Site(base_url=f"{HOME}/v1/chat"), Secret("k")))
    assert listing.address.url == f"{HOME}/v1/models?endpoint=chat&page_size=1000"
    assert listing.address.headers == (("accept", "application/json"), ("authorization", "Bearer k"))
    first = listing.read(
        b'{"models": [{"name": "command-a-03-2025", "endpoints": ["generate", "chat"]}, {"name": "old"},'
        b' {"name": "embed-v4.0", "endpoints": ["embed"]}, {}], "next_page_token": "t/2"}'
    )
    assert first.models == ("command-a-03-2025", "old")
    assert first.next is not None
    assert first.next.url == f"{HOME}/v1/models?endpoint=chat&page_size=1000&page_token=t%2F2"
    assert first.next.headers == listing.address.headers
    assert listing.read(b'{"models": [], "next_page_token": ""}') == Page(())


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"models": {"name": "x"}}', b'{"models": [1]}', b"\xff"])
def test_what_is_no_list_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_models(listed(), body)
    assert caught.value.kind == "protocol"
