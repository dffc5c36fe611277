import pytest

from uni_api.canon import Reasoning
from uni_api.providers.azure import Azure, lives_at
from uni_api.providers.base import Door, Given, Hints, Site, Unfit
from uni_api.secret import Secret

PROVIDER = Azure()
HOST = "https://mine.openai.azure.com"
FOUNDRY = "https://mine.services.ai.azure.com"
DEPLOYED = "/openai/deployments/gpt/chat/completions"
DEFAULT = "?api-version=2025-01-01-preview"
TOKEN = "eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0.c2ln"


def at(base_url: str, key: str | None = "k") -> Door:
    return Door(Site(base_url=base_url), Secret(key) if key else None)


@pytest.mark.parametrize(
    ("base_url", "dialect", "url"),
    [
        (HOST, "openai_chat", f"{HOST}{DEPLOYED}{DEFAULT}"),
        (f"{HOST}/", "openai_chat", f"{HOST}{DEPLOYED}{DEFAULT}"),
        (f"{HOST}?api-version=2024-10-21", "openai_chat", f"{HOST}{DEPLOYED}?api-version=2024-10-21"),
        (f"{HOST}/openai", "openai_chat", f"{HOST}{DEPLOYED}{DEFAULT}"),
        (f"{HOST}/openai/deployments/", "openai_chat", f"{HOST}{DEPLOYED}{DEFAULT}"),
        (f"{HOST}//openai/deployments", "openai_chat", f"{HOST}{DEPLOYED}{DEFAULT}"),
        (f"{HOST}/gate", "openai_chat", f"{HOST}/gate{DEPLOYED}{DEFAULT}"),
        (f"{HOST}?x=1", "openai_chat", f"{HOST}{DEPLOYED}?x=1&api-version=2025-01-01-preview"),
        (
            f"{HOST}/openai/deployments/own",
            "openai_chat",
            f"{HOST}/openai/deployments/own/chat/completions{DEFAULT}",
        ),
        (
            f"{HOST}/openai/deployments/own/chat/completions?api-version=2024-02-01",
            "openai_chat",
            f"{HOST}/openai/deployments/own/chat/completions?api-version=2024-02-01",
        ),
        (f"{HOST}/openai/v1", "openai_chat", f"{HOST}/openai/v1/chat/completions"),
        (f"{HOST}/openai/v1/chat/completions", "openai_chat", f"{HOST}/openai/v1/chat/completions"),
        (
            f"{HOST}/openai/v1?api-version=preview",
            "openai_chat",
            f"{HOST}/openai/v1/chat/completions?api-version=preview",
        ),
        (f"{HOST}/openai/v1/responses", "openai_responses", f"{HOST}/openai/v1/responses"),
        (f"{HOST}/openai/responses", "openai_responses", f"{HOST}/openai/responses?api-version=2025-04-01-preview"),
        (
            f"{HOST}/openai/responses?api-version=2025-03-01-preview",
            "openai_responses",
            f"{HOST}/openai/responses?api-version=2025-03-01-preview",
        ),
        (f"{FOUNDRY}/models", "openai_chat", f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"),
        (
            f"{FOUNDRY}/models/chat/completions?api-version=2025-04-01",
            "openai_chat",
            f"{FOUNDRY}/models/chat/completions?api-version=2025-04-01",
        ),
        (
            f"{FOUNDRY}/api/projects/p/openai/v1/responses",
            "openai_responses",
            f"{FOUNDRY}/api/projects/p/openai/v1/responses",
        ),
        (f"{FOUNDRY}/anthropic", "anthropic", f"{FOUNDRY}/anthropic/v1/messages"),
        (f"{FOUNDRY}/anthropic/v1", "anthropic", f"{FOUNDRY}/anthropic/v1/messages"),
        (f"{FOUNDRY}/anthropic/v1/messages", "anthropic", f"{FOUNDRY}/anthropic/v1/messages"),
        (
            "https://proxy.example/x/chat/completions",
            "openai_chat",
            f"https://proxy.example/x/chat/completions{DEFAULT}",
        ),
    ],
)
def test_address(base_url: str, dialect: str, url: str) -> None:
    door = at(base_url)
    assert PROVIDER.dialect(door.site, "gpt") == dialect
    assert PROVIDER.address(door, "gpt", stream=False).url == url
    assert PROVIDER.realm(door.site, "gpt") == f"{dialect}:{url.split('/')[2]}"


def test_a_deployment_is_one_path_segment() -> None:
    url = PROVIDER.address(at(HOST), "../a b/c?d#e", stream=False).url
    assert url == f"{HOST}/openai/deployments/%2E%2E%2Fa%20b%2Fc%3Fd%23e/chat/completions{DEFAULT}"


def test_braces_in_names_are_only_characters() -> None:
    url = PROVIDER.address(at(f"{HOST}/{{model}}"), "{root}", stream=False).url
    assert url == f"{HOST}/{{model}}/openai/deployments/%7Broot%7D/chat/completions{DEFAULT}"


@pytest.mark.parametrize(
    ("base_url", "key", "header", "value", "scheme"),
    [
        (HOST, "k", "api-key", "k", "api-key"),
        (HOST, TOKEN, "authorization", f"Bearer {TOKEN}", "Entra bearer token"),
        (f"{FOUNDRY}/models", "k", "api-key", "k", "api-key"),
        (f"{FOUNDRY}/anthropic", "k", "x-api-key", "k", "x-api-key"),
        (f"{FOUNDRY}/anthropic", TOKEN, "authorization", f"Bearer {TOKEN}", "bearer token"),
    ],
)
def test_how_the_key_is_shown(base_url: str, key: str, header: str, value: str, scheme: str) -> None:
    address = PROVIDER.address(at(base_url, key), "m", stream=True)
    headers = dict(address.headers)
    assert address.scheme == scheme
    assert headers.pop(header) == value
    assert headers["accept"] == "text/event-stream"
    assert not headers.keys() & {"api-key", "x-api-key", "authorization"}


def test_without_a_key() -> None:
    address = PROVIDER.address(at(HOST, None), "m", stream=False)
    assert address.scheme == ""
    assert dict(address.headers).keys() == {"content-type", "accept"}


def test_a_resource_needs_an_address() -> None:
    with pytest.raises(Unfit, match="base_url"):
        PROVIDER.doors(Given(keys=(Secret("k"),)))


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (HOST, True),
        ("https://mine.cognitiveservices.azure.com", True),
        (f"{FOUNDRY}/models", True),
        ("https://mine.openai.azure.us", True),
        ("https://gateway.ai.cloudflare.com/v1/a/g/azure-openai/r/d", True),
        ("https://gateway.ai.cloudflare.com/v1/a/g/openai", False),
        (f"{FOUNDRY}/anthropic/v1/messages", False),
        ("https://models.inference.ai.azure.com", False),
        ("https://name.eastus2.models.ai.azure.com", False),
        ("https://evilazure.com", False),
        ("https://azure.com.evil.example", False),
    ],
)
def test_where_resources_live(base_url: str, expected: bool) -> None:
    assert lives_at(base_url) is expected


@pytest.mark.parametrize(
    ("base_url", "dropped"),
    [
        (f"{HOST}?api-version=2023-05-15", True),
        (f"{HOST}?api-version=2024-06-01", True),
        (f"{HOST}?api-version=2024-08-01-preview", False),
        (f"{HOST}?api-version=2024-10-21", False),
        (HOST, False),
        (f"{HOST}/openai/v1", False),
        (f"{FOUNDRY}/models", False),
    ],
)
def test_usage_of_streams_is_not_asked_of_old_versions(base_url: str, dropped: bool) -> None:
    drop = PROVIDER.quirks(Site(base_url=base_url), "gpt-4o").edits.drop
    assert ("stream_options" in drop) is dropped


def test_a_family_is_known_by_the_name_of_its_deployment() -> None:
    edits = PROVIDER.quirks(Site(base_url=HOST), "prod-o3-mini").edits
    assert edits.rename == {"max_tokens": "max_completion_tokens"}
    assert "temperature" in edits.refuse
    assert PROVIDER.quirks(Site(base_url=HOST), "prod-gpt-4o-mini").edits.rename == {}


def test_hints_are_those_of_the_format() -> None:
    assert PROVIDER.hints("gpt-5-high", "gpt-5") == Hints(reasoning=Reasoning(effort="high"))


@pytest.mark.parametrize("base_url", [HOST, f"{HOST}/openai/v1", f"{HOST}{DEPLOYED}"])
def test_its_deployments_are_its_models(base_url: str) -> None:
    [found] = PROVIDER.listings(at(base_url))
    assert found.address.url == f"{HOST}/openai/deployments?api-version=2023-03-15-preview"
    assert dict(found.address.headers) == {"accept": "application/json", "api-key": "k"}
    page = found.read(b'{"data":[{"id":"a","model":"gpt-4o","status":"succeeded"},{"id":"b","status":"failed"}]}')
    assert page.models == ("a",)


def test_a_gateway_lists_no_deployments() -> None:
    assert PROVIDER.listings(at("https://gateway.ai.cloudflare.com/v1/a/g/azure-openai/r/d")) == ()
