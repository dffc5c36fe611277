import pytest

from uni_api.canon import Reasoning
from uni_api.providers.base import NO_QUIRKS, Door, Given, Hints, Site, Unfit
from uni_api.providers.openai import OpenAI
from uni_api.providers.openai_responses import OpenAIResponses, lives_at
from uni_api.providers.registry import RESPONSES, by_address, by_engine, home
from uni_api.secret import Secret

PROVIDER = OpenAIResponses()
HOME = "https://api.openai.com/v1/responses"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (HOME, HOME),
        (f"{HOME}/", HOME),
        ("https://a.b", "https://a.b/v1/responses"),
        ("https://a.b/v1", "https://a.b/v1/responses"),
        ("https://a.b/v1/chat/completions", "https://a.b/v1/responses"),
        ("https://a.b/api/v3/responses", "https://a.b/api/v3/responses"),
        (
            "https://mine.openai.azure.com/openai/v1/responses?api-version=preview",
            "https://mine.openai.azure.com/openai/v1/responses?api-version=preview",
        ),
    ],
)
def test_address(base_url: str, url: str) -> None:
    assert PROVIDER.address(Door(Site(base_url=base_url)), "m", stream=False).url == url


def test_headers() -> None:
    site = Site(base_url=HOME)
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


@pytest.mark.parametrize(
    ("base_url", "found"),
    [
        (HOME, True),
        (f"{HOME}/", True),
        ("https://mine.example/openai/v1/responses", True),
        ("https://openrouter.ai/api/v1/responses", True),
        ("https://api.x.ai/v1/responses?a=b", True),
        ("https://a.b/v1", False),
        ("https://a.b/responses/v1", False),
        ("https://a.b/v1/chat/completions", False),
    ],
)
def test_the_address_tells_the_format(base_url: str, found: bool) -> None:
    assert lives_at(base_url) is found
    assert (by_address(base_url) is RESPONSES) is found


def test_the_engine_tells_the_format() -> None:
    assert by_engine("responses") is RESPONSES
    assert home("responses") == "https://api.openai.com/v1"


def test_doors_are_one_a_key() -> None:
    keys = (Secret("a"), Secret("b"))
    doors = PROVIDER.doors(Given(base_url=HOME, keys=keys))
    assert [door.key for door in doors] == list(keys)
    with pytest.raises(Unfit, match="base_url"):
        PROVIDER.doors(Given())


def test_what_it_says_of_itself() -> None:
    site = Site(base_url="https://Mine.example:8443/v1/responses")
    assert PROVIDER.dialect(site, "m") == "openai_responses"
    assert PROVIDER.realm(site, "m") == "openai_responses:mine.example:8443"
    assert PROVIDER.quirks(site, "m") == NO_QUIRKS
    assert PROVIDER.quirks(site, "o3").edits.refuse == {"temperature", "top_p", "top_logprobs"}


def test_hints_and_lists_are_those_of_the_chat_format() -> None:
    assert PROVIDER.hints("gpt-5-high", "gpt-5") == Hints(reasoning=Reasoning(effort="high"))
    assert PROVIDER.hints("gpt-5", "gpt-5") == Hints()
    door = Door(Site(base_url=HOME), Secret("k"))
    there, here = OpenAI().listings(door), PROVIDER.listings(door)
    assert [one.address.url for one in here] == [one.address.url for one in there]
