from collections.abc import Callable

import pytest

from uni_api.errors import Fault
from uni_api.providers import listings
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.base import Address, Door, Page, Provider, Site
from uni_api.providers.gemini import Gemini
from uni_api.providers.openai import OpenAI
from uni_api.providers.registry import GITHUB, OPENAI
from uni_api.secret import Secret

ADDRESS = Address(url="https://a.b/models?limit=5", headers=(("accept", "application/json"),))
READERS = [
    listings.read_models,
    listings.read_anthropic,
    listings.read_gemini,
    listings.read_deployments,
    listings.read_search,
    listings.read_endpoints,
]


def models(body: str, read: Callable[[Address, bytes], Page] = listings.read_models) -> tuple[str, ...]:
    return read(ADDRESS, body.encode()).models


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('{"object":"list","data":[{"id":"a"},{"id":"b","created":1}]}', ("a", "b")),
        ('[{"id":"a"},{"id":"b"}]', ("a", "b")),
        (' [{"name":"a"}]', ("a",)),
        ('{"models":[{"name":"a"}]}', ("a",)),
        ('{"data":[{"id":"azureml://registries/x/models/gpt-4o/versions/1","name":"gpt-4o"}]}', ("gpt-4o",)),
        ('{"data":[{"id":"openai/gpt-4.1","name":"OpenAI GPT-4.1"}]}', ("openai/gpt-4.1",)),
        ('{"data":[{"id":"a"},{"id":""}]}', ("a",)),
        ('{"data":[]}', ()),
    ],
)
def test_the_openai_form_and_its_relatives(body: str, names: tuple[str, ...]) -> None:
    assert models(body) == names


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b'{"error":{}}x', b"[" * 5000, b'"\xff"', b"7"])
def test_anything_else_is_a_fault(read: Callable[[Address, bytes], Page], body: bytes) -> None:
    with pytest.raises(Fault) as raised:
        read(ADDRESS, body)
    assert raised.value.kind == "protocol"


@pytest.mark.parametrize("body", ["{}", '{"data":3}', '{"data":[3]}', '{"data":[{"id":1}]}'])
def test_an_object_without_a_list_is_a_fault(body: str) -> None:
    with pytest.raises(Fault):
        models(body)


def test_anthropic_pages_follow_the_last_id() -> None:
    page = listings.read_anthropic(ADDRESS, b'{"data":[{"id":"a"},{"id":"b"}],"has_more":true,"last_id":"b"}')
    assert page.models == ("a", "b")
    assert page.next is not None
    assert page.next.url == "https://a.b/models?limit=5&after_id=b"
    last = listings.read_anthropic(ADDRESS, b'{"data":[{"id":"c"}],"has_more":false,"last_id":"c"}')
    assert last.next is None


def test_gemini_pages_follow_their_token() -> None:
    page = listings.read_gemini(
        ADDRESS,
        b'{"models":[{"name":"models/a","supportedGenerationMethods":["generateContent"]},'
        b'{"name":"models/e","supportedGenerationMethods":["embedContent"]},{"name":"b"}],"nextPageToken":"t/1"}',
    )
    assert page.models == ("a", "b")
    assert page.next is not None
    assert page.next.url == "https://a.b/models?limit=5&pageToken=t%2F1"
    assert listings.read_gemini(ADDRESS, b"{}").models == ()


def test_the_last_page_of_a_search() -> None:
    body = b'{"result":[{"name":"a"}],"result_info":{"page":2,"per_page":100,"total_count":101}}'
    assert listings.read_search(ADDRESS, body) == Page(("a",))
    assert listings.read_search(ADDRESS, b'{"result":[]}') == Page(())


def test_a_host_that_repeats_itself_is_not_asked_again() -> None:
    address = listings.with_query(ADDRESS, after_id="b")
    page = listings.read_anthropic(address, b'{"data":[{"id":"b"}],"has_more":true,"last_id":"b"}')
    assert page.next is None


def test_a_parameter_takes_the_place_of_the_old() -> None:
    assert listings.with_query(ADDRESS, limit="7").url == "https://a.b/models?limit=7"
    bare = Address(url="https://a.b/models", headers=())
    assert listings.with_query(bare, a="b c").url == "https://a.b/models?a=b+c"


@pytest.mark.parametrize(
    ("provider", "base_url", "url", "header"),
    [
        (OPENAI, "https://a.b", "https://a.b/v1/models", "authorization"),
        (OPENAI, "https://a.b/v1/chat/completions", "https://a.b/v1/models", "authorization"),
        (OPENAI, "https://a.b/chat/completions", "https://a.b/models", "authorization"),
        (OPENAI, "https://a.b/v1?x=1", "https://a.b/v1/models?x=1", "authorization"),
        (OPENAI, "https://a.b/api/paas/v4", "https://a.b/api/paas/v4/models", "authorization"),
        (OpenAI("openrouter"), "https://openrouter.ai", "https://openrouter.ai/api/v1/models", "authorization"),
        (GITHUB, "https://models.github.ai/inference", "https://models.github.ai/catalog/models", "authorization"),
        (Anthropic(), "https://a.b/v1/messages", "https://a.b/v1/models?limit=1000", "x-api-key"),
        (Anthropic(), "https://a.b", "https://a.b/v1/models?limit=1000", "x-api-key"),
        (Gemini(), "https://a.b", "https://a.b/v1beta/models?pageSize=1000", "x-goog-api-key"),
        (Gemini(), "https://a.b/x/v1beta/models/m:y", "https://a.b/x/v1beta/models?pageSize=1000", "x-goog-api-key"),
    ],
)
def test_where_a_host_lists_its_models(provider: Provider, base_url: str, url: str, header: str) -> None:
    [found] = provider.listings(Door(Site(base_url=base_url), Secret("k")))
    assert found.address.url == url
    assert header in dict(found.address.headers)
    [open_] = provider.listings(Door(Site(base_url=base_url)))
    assert header not in dict(open_.address.headers)
    assert open_.address.scheme == ""
