import pytest

from uni_api.canon import Reasoning
from uni_api.providers.base import Door, Given, Hints, Site
from uni_api.providers.databricks import Databricks, invocations_url, lives_at
from uni_api.secret import Secret

PROVIDER = Databricks()
HOST = "https://adb-1.2.azuredatabricks.net"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (HOST, f"{HOST}/serving-endpoints/m/invocations"),
        (f"{HOST}/serving-endpoints", f"{HOST}/serving-endpoints/m/invocations"),
        (f"{HOST}/serving-endpoints/own", f"{HOST}/serving-endpoints/own/invocations"),
        (f"{HOST}/serving-endpoints/own/invocations", f"{HOST}/serving-endpoints/own/invocations"),
        (f"{HOST}/serving-endpoints/chat/completions", f"{HOST}/serving-endpoints/chat/completions"),
        (f"{HOST}/mlflow/v1", f"{HOST}/mlflow/v1/chat/completions"),
        (f"{HOST}/gate?o=1", f"{HOST}/gate/serving-endpoints/m/invocations?o=1"),
    ],
)
def test_address(base_url: str, url: str) -> None:
    assert invocations_url(base_url, "m") == url


def test_the_endpoint_is_one_path_segment() -> None:
    assert invocations_url(HOST, "../a/b") == f"{HOST}/serving-endpoints/%2E%2E%2Fa%2Fb/invocations"


def test_the_token_is_a_bearer_token() -> None:
    [door] = PROVIDER.doors(Given(base_url=HOST, keys=(Secret("dapi"),)))
    address = PROVIDER.address(door, "m", stream=True)
    assert address.scheme == "bearer token"
    assert dict(address.headers)["authorization"] == "Bearer dapi"
    assert dict(address.headers)["accept"] == "text/event-stream"
    assert (PROVIDER.dialect(door.site, "m"), PROVIDER.realm(door.site, "m")) == (
        "openai_chat",
        "openai_chat:adb-1.2.azuredatabricks.net",
    )


def test_the_body_names_the_model_only_in_the_openai_form() -> None:
    assert PROVIDER.quirks(Site(base_url=HOST), "m").edits.drop == {"model", "stream_options"}
    openai = Site(base_url=f"{HOST}/serving-endpoints/chat/completions")
    assert PROVIDER.quirks(openai, "m").edits.drop == {"stream_options"}


def test_hints_are_those_of_the_format() -> None:
    assert PROVIDER.hints("gpt-5-high", "gpt-5") == Hints(reasoning=Reasoning(effort="high"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("adb-1.2.azuredatabricks.net", True),
        ("dbc-1.cloud.databricks.com", True),
        ("1.2.gcp.databricks.com", True),
        ("adb-1.2.databricks.azure.us", True),
        ("docs.databricks.com", False),
        ("azuredatabricks.net.evil.example", False),
    ],
)
def test_where_workspaces_live(host: str, expected: bool) -> None:
    assert lives_at(f"https://{host}/serving-endpoints") is expected


def test_serving_endpoints_are_its_models() -> None:
    [found] = PROVIDER.listings(Door(Site(base_url=f"{HOST}/serving-endpoints"), Secret("k")))
    assert found.address.url == f"{HOST}/api/2.0/serving-endpoints"
    assert dict(found.address.headers)["authorization"] == "Bearer k"
    body = b'{"endpoints":[{"name":"a","task":"llm/v1/chat"},{"name":"b","task":"llm/v1/embeddings"},{"name":"c"}]}'
    assert found.read(body).models == ("a", "c")
