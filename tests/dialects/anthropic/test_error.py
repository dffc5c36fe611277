import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.records import FOLDER, needs_records
from uni_api.dialects.anthropic import read_error
from uni_api.errors import FaultKind


def body(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "type", "message", "kind"),
    [
        (400, "invalid_request_error", "messages: at least one message is required", "bad_request"),
        (400, "invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum", "too_long"),
        (400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2", "too_long"),
        (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", "quota"),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", "quota"),
        (400, "invalid_request_error", "Output blocked by content filtering policy", "filtered"),
        (400, "invalid_request_error", "This organization has been disabled.", "auth"),
        (401, "authentication_error", "invalid x-api-key", "auth"),
        (402, "billing_error", "There's an issue with your billing", "quota"),
        (403, "permission_error", "Your API key does not have permission", "auth"),
        (404, "not_found_error", "model: nope", "not_found"),
        (413, "request_too_large", "Request exceeds the maximum size", "too_long"),
        (429, "rate_limit_error", "This request would exceed your rate limit, see billing", "rate"),
        (500, "api_error", "Internal server error", "overloaded"),
        (504, "timeout_error", "Timed out", "timeout"),
        (529, "overloaded_error", "Overloaded", "overloaded"),
        (200, "overloaded_error", "Overloaded", "overloaded"),
        (418, "novel_error", "teapot", "bad_request"),
        (503, "novel_error", "away", "overloaded"),
    ],
)
def test_every_type_has_a_kind(status: int, type: str, message: str, kind: FaultKind) -> None:
    fault = read_error(status, body(type, message))
    assert (fault.kind, fault.message, fault.type) == (kind, message, type)
    assert fault.status == (529 if status == 200 else status)


@pytest.mark.parametrize(
    ("status", "raw", "kind", "message"),
    [
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", "overloaded", "502 Bad Gateway"),
        (429, b"slow down", "rate", "slow down"),
        (408, b"", "timeout", "The upstream answered with status 408 and no explanation."),
        (403, b'{"message": "not allowed"}', "auth", "not allowed"),
        (400, b'{"detail": "bad"}', "bad_request", "bad"),
        (400, b'{"error": "prompt is too long"}', "too_long", "prompt is too long"),
        (400, b'"words"', "bad_request", "words"),
        (429, b'[{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}]', "rate", "m"),
        (500, b"[1]", "overloaded", "The upstream answered with status 500 and no explanation."),
        (401, b'{"error": null}', "auth", "The upstream answered with status 401 and no explanation."),
    ],
)
def test_other_shapes_go_by_status(status: int, raw: bytes, kind: FaultKind, message: str) -> None:
    fault = read_error(status, raw)
    assert (fault.kind, fault.message, fault.status, fault.raw) == (kind, message, status, raw)


def test_the_code_of_a_spend_limit_is_a_quota() -> None:
    raw = json.dumps(
        {
            "error": {
                "type": "rate_limit_error",
                "message": "No.",
                "details": {"error_code": "contract_spend_limit_reached"},
            }
        }
    ).encode()
    fault = read_error(429, raw)
    assert (fault.kind, fault.code) == ("quota", "contract_spend_limit_reached")


@given(
    st.integers(100, 999),
    st.binary(max_size=80)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "message", "type", "details", "code", "error_code"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
def test_never_raises(status: int, raw: bytes) -> None:
    assert read_error(status, raw).message


@needs_records
def test_recorded_errors() -> None:
    expected = {400: ("bad_request", "too_long"), 401: ("auth",), 404: ("not_found",), 429: ("rate",)}
    with (FOLDER / "errors.jsonl").open(encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    found = 0
    for record in every:
        if record["provider"] != "anthropic":
            continue
        found += 1
        raw = record["response_body"].encode()
        fault = read_error(record["status"], raw)
        assert fault.kind in expected[record["status"]], (record["id"], fault)
        assert fault.message == json.loads(raw)["error"]["message"]
        assert (fault.kind == "too_long") == ("too long" in fault.message)
    assert found
