"""Errors: hand-written ones by rule, recorded ones never raise and get a fitting kind."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.gemini.records import load
from uni_api.dialects import gemini
from uni_api.errors import FaultKind


def body(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


@pytest.mark.parametrize(
    ("code", "status", "message", "kind", "shown"),
    [
        (400, "INVALID_ARGUMENT", "Bad field.", "bad_request", 400),
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "auth", 401),
        (400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "auth", 401),
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "auth", 403),
        (400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8).",
         "too_long", 400),
        (403, "PERMISSION_DENIED", "Your API key was reported as leaked.", "auth", 403),
        (401, "UNAUTHENTICATED", "Request had invalid credentials.", "auth", 401),
        (404, "NOT_FOUND", "models/x is not found.", "not_found", 404),
        (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.", "rate", 429),
        (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", "quota", 429),
        (500, "INTERNAL", "An internal error has occurred.", "overloaded", 500),
        (503, "UNAVAILABLE", "The model is overloaded.", "overloaded", 503),
        (504, "DEADLINE_EXCEEDED", "Deadline expired.", "timeout", 504),
        (499, "CANCELLED", "The operation was cancelled.", "overloaded", 499),
        (418, "TEAPOT", "Short and stout.", "bad_request", 418),
    ],
)  # fmt: skip
def test_status_and_sentence_give_the_kind(code: int, status: str, message: str, kind: FaultKind, shown: int) -> None:
    raw = body(code, status, message)
    fault = gemini.read_error(code, raw)
    assert (fault.kind, fault.status, fault.message, fault.type) == (kind, shown, message, status)
    assert fault.raw == raw
    assert fault.retry_after is None


@pytest.mark.parametrize(("delay", "seconds"), [("17s", 17.0), ("0.5s", 0.5), ("48.939935699s", 48.939935699)])
def test_the_delay_to_wait_is_read(delay: str, seconds: float) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    fault = gemini.read_error(429, body(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", info))
    assert (fault.kind, fault.retry_after) == ("rate", seconds)


def test_the_delay_may_stand_in_the_sentence_only() -> None:
    assert gemini.read_error(429, body(429, "RESOURCE_EXHAUSTED", "Please retry in 2.5s.")).retry_after == 2.5
    assert gemini.read_error(429, body(429, "RESOURCE_EXHAUSTED", "Please retry in 250ms.")).retry_after == 0.25


def test_a_daily_quota_is_no_passing_limit() -> None:
    failure = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
    }
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}
    fault = gemini.read_error(429, body(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", failure, info))
    assert (fault.kind, fault.retry_after) == ("quota", 30.0)


def test_the_delay_may_be_an_object() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": {"seconds": 3}}
    assert gemini.read_error(429, body(429, "RESOURCE_EXHAUSTED", "No.", info)).retry_after == 3.0


def test_the_reason_is_the_code() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    fault = gemini.read_error(400, body(400, "INVALID_ARGUMENT", "No.", info))
    assert (fault.kind, fault.status, fault.code) == ("auth", 401, "API_KEY_INVALID")


def test_an_error_may_stand_in_a_list() -> None:
    raw = b"[" + body(503, "UNAVAILABLE", "Busy.") + b"]"
    assert gemini.read_error(503, raw).kind == "overloaded"


@pytest.mark.parametrize(
    ("status", "raw", "kind", "message"),
    [
        (502, b"<html>Bad gateway</html>", "overloaded", "The upstream answered 502."),
        (500, b"", "overloaded", "The upstream answered 500."),
        (429, b"slow down", "rate", "slow down"),
        (404, b"[]", "not_found", "[]"),
        (400, b'{"error": "plain words"}', "bad_request", "plain words"),
        (400, b'{"error": {}}', "bad_request", "The upstream answered 400."),
    ],
)
def test_what_is_no_status_object_goes_by_the_http_status(
    status: int, raw: bytes, kind: FaultKind, message: str
) -> None:
    fault = gemini.read_error(status, raw)
    assert (fault.kind, fault.message, fault.status) == (kind, message, status)


@given(st.integers(100, 599), st.binary(max_size=60))
def test_no_body_raises(status: int, raw: bytes) -> None:
    gemini.read_error(status, raw)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["code", "message", "status", "details", "@type", "retryDelay", "violations"]), inner
            )
        ),
        max_leaves=15,
    )
)
def test_no_shape_raises(error: object) -> None:
    gemini.read_error(400, json.dumps({"error": error}).encode())


def test_recorded_errors_get_a_fitting_kind() -> None:
    kinds: dict[int, set[str]] = {
        400: {"bad_request", "auth", "too_long"},
        401: {"auth"},
        404: {"not_found"},
        429: {"rate", "quota"},
    }
    seen = 0
    for record in load("errors"):
        if record["provider"] not in ("gemini", "vertex"):
            continue
        text = record["response_body"].removeprefix("data: ")
        said = json.loads(text)["error"]
        fault = gemini.read_error(record["status"], text.encode())
        assert fault.message == said["message"]
        assert fault.kind in kinds[record["status"]]
        seen += 1
    assert seen >= 20


def test_an_error_framed_as_an_event_is_read() -> None:
    found = gemini.read_error(
        404, b'data: {"error": {"code": 404, "message": "no such model", "status": "NOT_FOUND"}}\r\n\r\n'
    )
    assert (found.kind, found.status, found.message) == ("not_found", 404, "no such model")
