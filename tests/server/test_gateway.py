"""Routes, authentication, limits and errors of the running gateway."""

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import Upstream
from tests.gateway import KEY, Answer, Gateway
from tests.relay.chat import request, says

LIMITED = "sk-limited"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Upstream({"*": says("good")}) as upstream:
        config = running.config(
            running.channel("a", f"{upstream.url}/v1", ["m", "n", {"up": "x/y"}]),
            running.channel("b", f"{upstream.url}/v1", ["m", "only-b"]),
        )
        config["api_keys"].append({"api": LIMITED, "model": ["b/m", "<x/y>", "n"]})
        with running.gateway(config, {"UNI_API_MAX_BODY_MB": "1"}) as gateway:
            yield gateway


def call(gateway: Gateway, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    wire.request(method, path, body, dict(headers))
    got = wire.getresponse()
    answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    wire.close()
    return answer


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": f"Bearer {KEY}"}, ""),
        ({"authorization": f"bearer {KEY}"}, ""),
        ({"x-api-key": KEY}, ""),
        ({"x-goog-api-key": KEY}, ""),
        ({"api-key": KEY}, ""),
        ({}, f"?key={KEY}"),
        ({"Authorization": "Bearer other", "x-api-key": KEY}, ""),
    ],
    ids=["bearer", "lower case", "x-api-key", "x-goog-api-key", "api-key", "query", "any of two"],
)
def test_every_way_to_send_a_key_works(gateway: Gateway, headers: dict[str, str], query: str) -> None:
    assert call(gateway, "POST", f"/v1/chat/completions{query}", headers, request("m")).status == 200
    assert call(gateway, "GET", f"/v1/models{query}", headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong-key-0123"}, {"Authorization": "Basic wrong-key-0123"}, {"x-api-key": ""}],
    ids=["none", "wrong", "basic", "empty"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models")])
def test_a_missing_or_wrong_key_is_refused_and_never_repeated(
    gateway: Gateway, headers: dict[str, str], method: str, path: str
) -> None:
    got = call(gateway, method, path, headers, request("m") if method == "POST" else None)
    error = got.json()["error"]
    assert (got.status, error["code"], error["type"]) == (401, "invalid_api_key", "invalid_request_error")
    assert set(error) == {"message", "type", "param", "code"}
    assert b"0123" not in got.body
    assert got.headers["x-request-id"]


def test_hostile_bytes_in_a_key_are_only_a_wrong_key(gateway: Gateway) -> None:
    for value in ("' OR 1=1 --", "\xff\xfe", "a" * 20_000, KEY + " ", KEY[:-1], KEY + "x"):
        wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        wire.putrequest("GET", "/v1/models")
        wire.putheader("x-api-key", value.encode("latin-1"))
        wire.endheaders()
        expected = 200 if value.strip() == KEY else 401
        assert wire.getresponse().status == expected, value
        wire.close()


def test_a_model_that_the_key_may_not_use_is_403_and_an_unknown_one_404(gateway: Gateway) -> None:
    limited = {"Authorization": f"Bearer {LIMITED}"}
    for headers, model, status, code in (
        (limited, "only-b", 403, "model_not_allowed"),
        (limited, "nobody", 404, "model_not_found"),
        ({"Authorization": f"Bearer {KEY}"}, "up", 404, "model_not_found"),
    ):
        got = call(gateway, "POST", "/v1/chat/completions", headers, request(model))
        assert (got.status, got.json()["error"]["code"]) == (status, code)
        assert model in got.json()["error"]["message"]


def test_models_lists_exactly_what_the_key_may_call(gateway: Gateway) -> None:
    def listed(key: str) -> list[Any]:
        got = call(gateway, "GET", "/v1/models", {"Authorization": f"Bearer {key}"})
        assert got.json()["object"] == "list"
        assert all(set(one) == {"id", "object", "created", "owned_by"} for one in got.json()["data"])
        return [one["id"] for one in got.json()["data"]]

    assert listed(KEY) == ["m", "n", "x/y", "only-b"]
    assert listed(LIMITED) == ["m", "x/y", "n"]
    for model in listed(LIMITED):
        got = call(gateway, "POST", "/v1/chat/completions", {"x-api-key": LIMITED}, request(model))
        assert got.status == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/embeddings", "/v1/chat/completions/", "/%2e%2e/etc", "/healthz/x"])
def test_an_unknown_path_is_a_clear_404(gateway: Gateway, path: str) -> None:
    got = gateway.post(request("m"), path=path)
    assert (got.status, got.json()["error"]["code"]) == (404, "unknown_url")


def test_a_wrong_method_is_told_the_right_one(gateway: Gateway) -> None:
    got = call(gateway, "GET", "/v1/chat/completions", {"x-api-key": KEY})
    assert (got.status, got.headers["allow"]) == (405, "POST")
    assert set(got.json()["error"]) == {"message", "type", "param", "code"}


def test_health_and_readiness_need_no_key(gateway: Gateway) -> None:
    assert call(gateway, "GET", "/healthz", {}).json() == {"status": "ok"}
    assert call(gateway, "GET", "/readyz", {}).json() == {"status": "ready"}
    assert call(gateway, "HEAD", "/healthz", {}).status == 200


def test_a_browser_may_call_from_anywhere(gateway: Gateway) -> None:
    preflight = call(gateway, "OPTIONS", "/v1/chat/completions", {"Origin": "https://app.test"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert gateway.post(request("m"), {"Origin": "https://app.test"}).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"   ", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"null", "invalid_json"),
        (b'"text"', "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"{}", "missing_required_parameter"),
        (b'{"model": null}', "missing_required_parameter"),
        (b'{"model": 4}', "missing_required_parameter"),
        (b'{"model": ""}', "missing_required_parameter"),
        (b'{"model": "m", "stream": "yes"}', "invalid_type"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "invalid_json"),
    ],
)
def test_a_body_that_is_no_request_is_a_clear_400(gateway: Gateway, body: bytes, code: str) -> None:
    got = gateway.post(body)
    assert (got.status, got.json()["error"]["code"]) == (400, code)


def test_a_body_past_the_limit_is_413_whether_announced_or_not(gateway: Gateway) -> None:
    large = request("m", pad="x" * (1024 * 1024))
    assert gateway.post(large).status == 413
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    pieces = iter([large[:700_000], large[700_000:]])
    wire.request("POST", "/v1/chat/completions", pieces, {"x-api-key": KEY}, encode_chunked=True)
    got = wire.getresponse()
    assert got.status == 413
    assert json.loads(got.read())["error"]["code"] == "request_too_large"
    wire.close()


def test_a_compressed_body_is_opened_within_the_limit(gateway: Gateway) -> None:
    bomb = gzip.compress(b"{" + b" " * (30 * 1024 * 1024) + b"}")
    for body, encoding, status in (
        (gzip.compress(request("m")), "gzip", 200),
        (zlib.compress(request("m")), "deflate", 200),
        (request("m"), "identity", 200),
        (bomb, "gzip", 413),
        (gzip.compress(request("m"))[:-12], "gzip", 400),
        (b"no gzip", "gzip", 400),
        (request("m"), "br", 415),
    ):
        assert gateway.post(body, {"Content-Encoding": encoding}).status == status, (encoding, status)
