import json
from typing import Any

import pytest

from tests.fakes.vertex import EMAIL, pem
from uni_api.canon import Reasoning
from uni_api.dialects import registry as dialects
from uni_api.dialects.anthropic._models import FAMILIES, family_of
from uni_api.errors import Fault
from uni_api.providers.base import Door, Given, Lacking, Page, Site, Unfit
from uni_api.providers.registry import VERTEX, VERTEX_CLAUDE, VERTEX_GEMINI, by_address, by_engine, by_fields
from uni_api.providers.vertex import HOME, in_region, is_token, lives_at, region_of
from uni_api.secret import Secret

GEMINI, CLAUDE, LLAMA = "gemini-2.5-pro", "claude-sonnet-4-5@20250929", "meta/llama-4-maverick-maas"
ACCOUNT = Given(projects=("p",), client_email=EMAIL, private_key=Secret(pem()))
CLOUDFLARE = "https://gateway.ai.cloudflare.com/v1/acc/gw/google-vertex-ai"


def given(**more: Any) -> Given:
    fields = {"projects": ("p",), "client_email": EMAIL, "private_key": Secret(pem())}
    return Given(**{**fields, **more})


def door(**more: Any) -> Door:
    [found] = VERTEX.doors(given(**more))
    return found


def keyed(*keys: str, **more: Any) -> tuple[Door, ...]:
    return VERTEX.doors(Given(keys=tuple(map(Secret, keys)), **more))


def url(of: Door, model: str = GEMINI, *, stream: bool = False) -> str:
    return VERTEX.address(of, model, stream=stream).url


# --- addresses


@pytest.mark.parametrize(
    ("region", "origin"),
    [
        ("global", "https://aiplatform.googleapis.com"),
        ("us-east5", "https://us-east5-aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_region_has_its_host(region: str, origin: str) -> None:
    path = f"/v1/projects/p/locations/{region}/publishers/google/models/{GEMINI}:generateContent"
    assert url(door(regions=(region,))) == origin + path
    assert in_region("https://europe-west4-aiplatform.googleapis.com", region) == origin
    assert region_of(origin) == region
    assert lives_at(origin)


def test_the_default_is_global() -> None:
    assert "https://aiplatform.googleapis.com/v1/projects/p/locations/global/" in url(door())


@pytest.mark.parametrize(
    ("model", "stream", "end"),
    [
        (GEMINI, False, "/publishers/google/models/gemini-2.5-pro:generateContent"),
        (GEMINI, True, "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
        (CLAUDE, False, "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"),
        (CLAUDE, True, "/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"),
        (LLAMA, True, "/endpoints/openapi/chat/completions"),
        ("mistral-small-2503", True, "/publishers/mistralai/models/mistral-small-2503:streamRawPredict"),
        ("publishers/anthropic/models/claude-x", False, "/publishers/anthropic/models/claude-x:rawPredict"),
        ("endpoints/123", False, "/endpoints/123:generateContent"),
        ("a/../b c", False, "/publishers/google/models/a%2F%2E%2E%2Fb%20c:generateContent"),
    ],
)
def test_each_format_has_its_method(model: str, stream: bool, end: str) -> None:
    assert url(door(), model, stream=stream) == f"{HOME}/v1/projects/p/locations/global{end}"


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        (CLOUDFLARE, f"{CLOUDFLARE}/v1"),
        (f"{CLOUDFLARE}/v1/", f"{CLOUDFLARE}/v1"),
        ("http://localhost:1", "http://localhost:1/v1"),
        ("http://localhost:1/v1beta1", "http://localhost:1/v1beta1"),
        ("https://vertex.internal/x/v1/projects/other/locations/us", "https://vertex.internal/x/v1"),
        (f"{HOME}/v1/publishers/google/models", f"{HOME}/v1"),
    ],
)
def test_an_address_of_ones_own_is_the_root(base_url: str, root: str) -> None:
    found = door(base_url=base_url, regions=("us-east5",))
    found_url = url(found).replace("us-east5-aiplatform", "aiplatform")
    assert found_url == f"{root}/projects/p/locations/us-east5/publishers/google/models/{GEMINI}:generateContent"


def test_an_address_may_name_project_and_region() -> None:
    base_url = "https://us-east5-aiplatform.googleapis.com/v1/projects/of-url/locations/us-east5/endpoints/openapi"
    found = door(base_url=base_url, projects=())
    assert "/v1/projects/of-url/locations/us-east5/publishers/" in url(found)


def test_a_query_stays() -> None:
    assert url(door(base_url="http://localhost:1/?a=b"), stream=True).endswith(":streamGenerateContent?a=b&alt=sse")


# --- ways in


def test_each_project_has_a_door_in_each_region() -> None:
    found = VERTEX.doors(given(projects=("p", "q"), regions=("us-east5", "global")))
    assert [(each.site.options["project"], each.site.options["region"]) for each in found] == [
        ("p", "us-east5"),
        ("p", "global"),
        ("q", "us-east5"),
        ("q", "global"),
    ]
    grants = {address.grant.id for each in found if (address := VERTEX.address(each, CLAUDE, stream=True)).grant}
    assert len(grants) == 1


def test_an_account_shows_its_key_to_nobody() -> None:
    found = door()
    address = VERTEX.address(found, GEMINI, stream=False)
    assert address.grant is not None
    assert "authorization" not in dict(address.headers)
    assert found.secrets == (Secret(pem()),)
    assert "BEGIN" not in repr(found) + repr(address) + address.grant.id + address.scheme


def test_tokens_come_from_where_the_file_says() -> None:
    grant = VERTEX.address(door(token_uri="https://t.example/x"), GEMINI, stream=False).grant
    assert grant is not None
    assert grant.call(0).url == "https://t.example/x"


def test_an_api_key_opens_express_mode_and_never_stands_in_the_url() -> None:
    [found] = keyed("AQ.key", projects=("p",))
    address = VERTEX.address(found, GEMINI, stream=True)
    assert address.url == f"{HOME}/v1/publishers/google/models/{GEMINI}:streamGenerateContent?alt=sse"
    assert ("x-goog-api-key", "AQ.key") in address.headers
    assert address.scheme == "x-goog-api-key"
    assert "/v1/projects/p/locations/global/publishers/anthropic/" in url(found, CLAUDE)


def test_without_a_project_there_are_only_models_of_google() -> None:
    [found] = keyed("AQ.key")
    assert "/v1/publishers/anthropic/models/" in url(found, CLAUDE)
    for model in (LLAMA, "endpoints/1"):
        with pytest.raises(Fault) as caught:
            url(found, model)
        assert caught.value.kind == "not_found"


def test_an_access_token_is_a_bearer_token_in_its_project() -> None:
    [first, second] = keyed("ya29.a", "ya29.b", projects=("p", "q"))
    assert "/projects/p/" in url(first)
    assert "/projects/q/" in url(second)
    assert ("authorization", "Bearer ya29.b") in VERTEX.address(second, GEMINI, stream=False).headers
    assert [url(each) for each in keyed("ya29.a", "ya29.b", projects=("p",))] == [url(first)] * 2


@pytest.mark.parametrize(
    ("key", "token"), [("ya29.a0", True), ("eyJhbGciOi.eyJpc3M.x", True), ("AQ.x", False), ("AIzaSy", False)]
)
def test_keys_and_tokens_are_told_apart(key: str, token: bool) -> None:
    assert is_token(Secret(key)) is token


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (given(private_key=Secret("k")), "private_key"),
        (given(client_email=None), "client_email"),
        (given(private_key=None), "private_key"),
        (given(projects=()), "project_id"),
        (given(regions=("us-east5.evil.example/",)), "region"),
        (given(regions=("US",)), "region"),
        (Given(keys=(Secret("ya29.a"),)), "project_id"),
        (Given(keys=(Secret("ya29.a"),), projects=("p", "q")), "project_id"),
        (Given(credentials=Secret("{}")), "credentials"),
    ],
)
def test_what_is_missing_is_named(wrong: Given, field: str) -> None:
    with pytest.raises(Unfit) as caught:
        VERTEX.doors(wrong)
    assert caught.value.field == field


def test_without_credentials_a_file_is_wanted() -> None:
    with pytest.raises(Lacking) as caught:
        VERTEX.doors(Given(projects=("p",)))
    assert (caught.value.variable, caught.value.otherwise) == ("GOOGLE_APPLICATION_CREDENTIALS", ())
    with pytest.raises(Lacking) as caught:
        VERTEX.doors(Given(projects=("p",), base_url="http://localhost:1"))
    assert len(caught.value.otherwise) == 1


# --- models


@pytest.mark.parametrize(
    ("model", "dialect"),
    [
        (GEMINI, "gemini_vertex"),
        ("endpoints/77", "gemini_vertex"),
        (CLAUDE, "anthropic"),
        (LLAMA, "openai_chat"),
        ("codestral-2", "openai_chat"),
        ("google/gemma-3-27b-it-maas", "openai_chat"),
    ],
)
def test_each_publisher_has_its_format(model: str, dialect: str) -> None:
    assert VERTEX.dialect(Site(base_url=HOME), model) == dialect
    assert dialects.back(dialect).name == dialect


def test_an_engine_says_whose_models_they_are() -> None:
    site = Site(base_url=HOME)
    assert VERTEX_CLAUDE.dialect(site, "mine") == "anthropic"
    assert VERTEX_GEMINI.dialect(site, "claude-no-more") == "gemini_vertex"
    assert VERTEX_CLAUDE.dialect(site, "google/gemini-2.5-pro") == "gemini_vertex"


def test_names_of_claude_with_a_version_are_of_their_family() -> None:
    assert family_of(CLAUDE) is FAMILIES["claude-sonnet-4-5"]
    assert family_of("claude-3-5-sonnet-v2@20241022") is FAMILIES["claude-3-5"]


def test_what_bodies_say_of_the_model() -> None:
    site = Site(base_url=HOME)
    claude = {"model": CLAUDE, "stream": True, "max_tokens": 1}
    VERTEX.quirks(site, CLAUDE).edits.apply(claude)
    assert claude == {"stream": True, "max_tokens": 1, "anthropic_version": "vertex-2023-10-16"}
    for model, said in (
        ("publishers/meta/models/llama-4-maverick-maas", LLAMA),
        ("mistralai/codestral-2", "codestral-2"),
        ("qwen3-coder-maas", "qwen/qwen3-coder-maas"),
    ):
        body = {"model": model}
        VERTEX.quirks(site, model).edits.apply(body)
        assert body == {"model": said}
    assert not VERTEX.quirks(site, CLAUDE).links
    assert VERTEX.quirks(site, GEMINI).links


def test_blobs_are_opened_where_they_come_from() -> None:
    here = {
        VERTEX.realm(each.site, GEMINI) for each in VERTEX.doors(given(regions=("us-east5", "eu"), projects=("a", "b")))
    }
    assert here == {"vertex/google"}
    assert VERTEX.realm(Site(base_url=CLOUDFLARE), GEMINI) == "vertex/google"
    assert VERTEX.realm(Site(base_url=HOME), CLAUDE) == "vertex/anthropic"
    assert VERTEX.realm(Site(base_url="http://localhost:1"), GEMINI) == "vertex/google:localhost:1"


def test_hints_are_those_of_the_maker() -> None:
    assert VERTEX.hints("c-think", CLAUDE).reasoning == Reasoning(budget=4096)
    assert VERTEX.hints("g-think-0", GEMINI).reasoning == Reasoning(budget=0)
    assert VERTEX.hints("l", LLAMA).reasoning is None


# --- errors


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (429, {"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}, "rate", "m"),
        (429, [{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}], "rate", "m"),
        (401, {"error": {"code": 401, "message": "m", "status": "UNAUTHENTICATED"}}, "auth", "m"),
        (403, {"error": {"code": 403, "message": "m", "status": "PERMISSION_DENIED"}}, "auth", "m"),
        (404, {"error": {"code": 404, "message": "m", "status": "NOT_FOUND"}}, "not_found", "m"),
        (503, {"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, "overloaded", "m"),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "overloaded", "m"),
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
            "too_long",
            "prompt is too long: 9 > 8",
        ),
    ],
)
def test_claude_fails_in_googles_words_or_in_its_own(status: int, body: Any, kind: str, message: str) -> None:
    back = dialects.back(VERTEX.dialect(Site(base_url=HOME), CLAUDE))
    fault = back.read_error(status, json.dumps(body).encode())
    assert (fault.kind, fault.status, fault.message) == (kind, status, message)


# --- which channels it serves


def test_it_is_found_by_engine_address_and_fields() -> None:
    assert by_engine("vertex") is VERTEX
    assert by_engine("vertex-claude") is VERTEX_CLAUDE
    assert by_engine("vertex-gemini") is VERTEX_GEMINI
    for base_url in (HOME, CLOUDFLARE, "https://us-east5-aiplatform.googleapis.com/v1", in_region(HOME, "eu")):
        assert by_address(base_url) is VERTEX
    assert by_address("https://aiplatform.googleapis.com.evil.example") is not VERTEX
    assert by_fields(Given(projects=("p",))) is VERTEX
    assert by_fields(ACCOUNT) is VERTEX
    assert by_fields(Given()) is None


# --- lists of models


def test_models_are_listed_by_publisher() -> None:
    google, anthropic = VERTEX.listings(door())
    assert google.address.url == f"{HOME}/v1beta1/publishers/google/models?pageSize=100"
    assert google.address.grant is not None
    names = ["gemini-2.5-pro", "imagen-4", "claude-x"]
    models = [{"name": f"publishers/google/models/{name}", "versionId": "001"} for name in names]
    page = google.read(json.dumps({"publisherModels": models, "nextPageToken": "n/2"}).encode())
    assert page.models == ("gemini-2.5-pro",)
    assert page.next is not None
    assert page.next.url.endswith("pageSize=100&pageToken=n%2F2")
    claude = {"publisherModels": [{"name": "publishers/anthropic/models/claude-opus-4-1"}]}
    assert anthropic.read(json.dumps(claude).encode()) == Page(("claude-opus-4-1",))
    assert len(VERTEX_CLAUDE.listings(door())) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"publisherModels": 1}', b"\xff", b"[" * 100_000])
def test_no_list_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        VERTEX.listings(door())[0].read(body)
    assert caught.value.kind == "protocol"
