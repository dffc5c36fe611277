"""Errors: machine-readable words first, then the status, then the sentence; nothing raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.records import FOLDER, needs_records
from uni_api.dialects import openai_responses
from uni_api.dialects.openai_responses.error import fault_of
from uni_api.errors import FaultKind


def body(message: str, code: str | None = None, type: str = "invalid_request_error", param: Any = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": type, "code": code, "param": param}}).encode()


@pytest.mark.parametrize(
    ("status", "raw", "kind"),
    [
        (400, body("Unsupported parameter.", "unsupported_parameter"), "bad_request"),
        (400, body("Too much.", "context_length_exceeded"), "too_long"),
        (400, body("There is no such model.", "model_not_found"), "not_found"),
        (400, body("The model 'x' does not exist."), "not_found"),
        (400, body("No.", "content_policy_violation"), "filtered"),
        (400, body("Your input exceeds the context window of this model."), "too_long"),
        (400, b'{"code": "invalid-argument", "error": "Model not found: grok-0"}', "not_found"),
        (401, body("Bad key.", "invalid_api_key"), "auth"),
        (401, b'{"detail": "Please sign in again."}', "auth"),
        (403, body("Country not supported.", "unsupported_country"), "auth"),
        (403, body("You have insufficient credit."), "quota"),
        (404, body("Not here."), "not_found"),
        (404, b'{"error": {"code": "DeploymentNotFound", "message": "Create it first."}}', "not_found"),
        (413, b"<html><h1>Too large</h1></html>", "too_long"),
        (429, body("Slow down.", "rate_limit_exceeded", "requests"), "rate"),
        (429, body("You exceeded your current quota.", "insufficient_quota", "insufficient_quota"), "quota"),
        (429, b"", "rate"),
        (500, body("Oh.", "server_error", "server_error"), "overloaded"),
        (500, body("rate limit of an inner service"), "overloaded"),
        (503, b"upstream unavailable", "overloaded"),
        (529, b"", "overloaded"),
    ],
)
def test_kinds(status: int, raw: bytes, kind: FaultKind) -> None:
    fault = openai_responses.read_error(status, raw)
    assert (fault.kind, fault.status) == (kind, status)
    assert fault.message
    assert fault.raw == raw


def test_a_refused_key_is_401_whatever_its_host_says() -> None:
    fault = openai_responses.read_error(400, b'{"code": "invalid-argument", "error": "Incorrect API key provided."}')
    assert (fault.kind, fault.status) == ("auth", 401)


def test_the_words_of_the_upstream_are_kept() -> None:
    fault = openai_responses.read_error(400, body("Bad value.", "invalid_value", param="input[0]"))
    assert (fault.message, fault.code, fault.type, fault.param) == (
        "Bad value.",
        "invalid_value",
        "invalid_request_error",
        "input[0]",
    )


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Slow."}, "rate", "Slow."),
        ({"type": "error", "error": {"type": "server_error", "message": "Oh."}}, "overloaded", "Oh."),
        ({"type": "error", "message": "Something went wrong."}, "overloaded", "Something went wrong."),
        ({"error": {"code": "invalid_prompt", "message": "No."}, "id": "resp_1"}, "bad_request", "No."),
        ({"error": {"code": "invalid_image_url", "message": "No."}}, "bad_request", "No."),
    ],
)
def test_errors_inside_an_answer(value: Any, kind: FaultKind, message: str) -> None:
    fault = fault_of(value)
    assert (fault.kind, fault.message) == (kind, message)
    assert fault.type != "error"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 1.5s.", 1.5),
        ("Rate limit reached. Please try again in 20ms.", 0.02),
        ("Rate limit reached. Please try again in 1h2m3s.", 3723.0),
        ("Rate limit reached.", None),
        ("Rate limit reached. Please try again in 1.2.3s", None),
    ],
)
def test_how_long_to_wait(words: str, seconds: float | None) -> None:
    assert openai_responses.read_error(429, body(words)).retry_after == seconds


def test_a_page_is_not_shown() -> None:
    assert "<" not in openai_responses.read_error(502, b"<html><body>secret host</body></html>").message


@given(st.integers(400, 599), st.binary(max_size=60))
def test_never_raises(status: int, raw: bytes) -> None:
    assert openai_responses.read_error(status, raw).message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda i: (
            st.lists(i) | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "param", "detail"]), i)
        ),
    )
)
def test_no_value_raises(value: Any) -> None:
    assert openai_responses.read_error(400, json.dumps(value).encode()).message


@needs_records
def test_recorded_errors() -> None:
    with (FOLDER / "errors.jsonl").open(encoding="utf-8") as lines:
        found = [one for one in map(json.loads, lines) if one["path"].endswith("/responses")]
    assert len(found) >= 15
    for record in found:
        fault = openai_responses.read_error(record["status"], record["response_body"].encode())
        assert fault.kind in ("bad_request", "auth", "not_found", "too_long"), record["id"]
        assert fault.message in json.dumps(json.loads(record["response_body"]), ensure_ascii=False).replace('\\"', '"')
