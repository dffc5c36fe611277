"""Errors, read from every host's spelling and written in OpenAI's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.records import FOLDER, needs_records
from tests.dialects import laws
from uni_api.dialects.openai_chat import read_error, write_error, write_stream_error
from uni_api.errors import DEFAULT_STATUS, Denied, Fault


def fault(status: int, value: Any) -> Fault:
    return read_error(status, value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"error": {"message": "no", "type": "invalid_request_error"}}, "bad_request", "no"),
        (400, {"error": {"message": "long", "code": "context_length_exceeded"}}, "too_long", "long"),
        (400, {"error": {"message": "This model's maximum context length is 8"}}, "too_long", None),
        (400, {"error": {"message": "x", "code": "content_filter"}}, "filtered", "x"),
        (400, {"error": "Incorrect API key provided: sk", "code": "x"}, "auth", None),
        (400, {"error": {"message": "m", "code": "model_not_found"}}, "not_found", "m"),
        (401, {"error": {"message": "key", "code": "invalid_api_key"}}, "auth", "key"),
        (402, {"error": {"message": "pay", "code": 402}}, "quota", "pay"),
        (403, {"error": {"message": "where"}}, "auth", "where"),
        (404, {"error": {"message": "gone"}}, "not_found", "gone"),
        (408, {"detail": "slow"}, "overloaded", "slow"),
        (413, {"message": "big"}, "too_long", "big"),
        (422, {"detail": [{"loc": ["n"], "msg": "bad"}]}, "bad_request", '[{"loc":["n"],"msg":"bad"}]'),
        (429, {"error": {"message": "wait", "code": "rate_limit_exceeded"}}, "rate", "wait"),
        (429, {"error": {"message": "m", "type": "insufficient_quota"}}, "quota", "m"),
        (429, {"error": {"message": "invalid request of a kind"}}, "rate", None),
        (500, {"error": {"message": "oops", "type": "server_error"}}, "overloaded", "oops"),
        (503, b"<html>Bad gateway</html>", "overloaded", "The upstream answered with status 503."),
        (400, b"plain words", "bad_request", "plain words"),
        (400, {"error": {"message": "m", "code": "bad_response_status_code"}}, "overloaded", "m"),
        (400, {"error": {"message": "bad response status code 400"}}, "overloaded", None),
        (502, b"", "overloaded", "The upstream answered with status 502."),
        (500, b"plain words", "overloaded", "plain words"),
        (400, [{"error": {"message": "listed", "status": "INVALID_ARGUMENT", "code": 400}}], "bad_request", "listed"),
        (200, {"error": {"message": "in band", "code": 502}}, "overloaded", "in band"),
        (200, {"error": {"message": "in band", "code": "429"}}, "rate", "in band"),
        (200, {"error": {"message": "in band", "type": "invalid_request_error"}}, "bad_request", "in band"),
        (200, {"error": {"message": "in band"}}, "overloaded", "in band"),
        (200, {"object": "error", "message": "vllm", "code": 400}, "bad_request", "vllm"),
        (400, "just a string", "bad_request", "just a string"),
        (404, b'data: {"error": {"message": "framed"}}\n\n', "not_found", "framed"),
        (400, {"code": "Invalid argument", "error": "Model not found: m"}, "not_found", "Model not found: m"),
        (400, {"error": {"message": "Model `m` was retired", "code": "model_decommissioned"}}, "not_found", None),
        (400, {"code": "1500", "message": "Invalid model: m", "type": "invalid_model"}, "not_found", None),
        (400, {"detail": "Model m is not supported. Supported models are a, b"}, "not_found", None),
        (400, {"error": {"message": "m is not a valid model ID", "code": 400}}, "not_found", None),
        (400, {"error": {"message": "Unknown model: m", "code": "unknown_model"}}, "not_found", None),
        (403, {"error": {"message": "M", "metadata": {"raw": "Content violates usage guidelines."}}}, "filtered", "M"),
        (403, {"error": "The team has no more credits", "code": "x"}, "quota", None),
        (403, {"error": {"code": "AccountOverdueError", "message": "m"}}, "quota", None),
        (429, {"error": {"message": "m", "type": "engine_overloaded_error"}}, "overloaded", "m"),
        (400, {"error": {"message": "9 tokens exceed the context size", "type": "x"}}, "too_long", None),
        (500, {"error": {"message": "input (9 tokens) is too large to process"}}, "too_long", None),
        (400, {"error": "This model's maximum prompt length is 9", "code": "x"}, "too_long", None),
        (400, {"success": False, "errors": [{"code": 7003, "message": "no route"}]}, "bad_request", "no route"),
        (429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "m"}, "rate", "m"),
        (400, None, "bad_request", "The upstream answered with status 400."),
    ],
)
def test_what_an_error_means(status: int, body: Any, kind: str, message: str | None) -> None:
    found = fault(status, body)
    assert found.kind == kind
    assert message is None or found.message == message
    assert 400 <= found.status <= 599


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 20s.", 20.0),
        ("Please try again in 1.5s", 1.5),
        ("Please try again in 250ms.", 0.25),
        ("Please try again in 7m12s.", 432.0),
        ("Please try again in 1h0m1s.", 3601.0),
        ("Please retry after 3 seconds.", 3.0),
        ("Please try again later", None),
        ("try again in ...s", None),
    ],
)
def test_how_long_to_wait(message: str, seconds: float | None) -> None:
    assert fault(429, {"error": {"message": message}}).retry_after == seconds


def test_machine_readable_words_are_kept() -> None:
    found = fault(400, {"error": {"message": "m", "type": "t", "code": 7, "param": "messages"}})
    assert (found.type, found.code, found.param) == ("t", "7", "messages")
    assert json.loads(found.raw)["error"]["message"] == "m"


def test_a_sentence_is_no_type() -> None:
    found = fault(400, {"code": "Invalid argument", "error": "the field x is wrong"})
    assert (found.message, found.type, found.code) == ("the field x is wrong", None, "Invalid argument")
    named = fault(401, {"error": "Unauthorized", "message": "who are you"})
    assert (named.message, named.type) == ("who are you", "Unauthorized")


def test_a_refused_key_is_401_whatever_its_host_says() -> None:
    found = fault(400, {"code": "x", "error": "Incorrect API key provided."})
    assert (found.kind, found.status) == ("auth", 401)


@pytest.mark.parametrize("kind", DEFAULT_STATUS)
def test_every_fault_is_an_error_object(kind: Any) -> None:
    status, body = write_error(Fault(kind, "why"))
    assert status == DEFAULT_STATUS[kind]
    assert set(body) == {"error"} and set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"] == "why" and body["error"]["type"] and body["error"]["code"]
    assert body["error"]["type"] == ("server_error" if status >= 500 else body["error"]["type"])


@pytest.mark.parametrize(
    ("denied", "type", "code"),
    [
        (Denied(400, "m", code="invalid_type", param="n"), "invalid_request_error", "invalid_type"),
        (Denied(401, "m"), "invalid_request_error", "invalid_api_key"),
        (Denied(403, "m"), "permission_error", None),
        (Denied(404, "m"), "invalid_request_error", "model_not_found"),
        (Denied(429, "m"), "rate_limit_error", "rate_limit_exceeded"),
        (Denied(503, "m"), "server_error", None),
    ],
)
def test_what_the_gateway_denies(denied: Denied, type: str, code: str | None) -> None:
    status, body = write_error(denied)
    assert status == denied.status
    assert body["error"] == {"message": "m", "type": type, "param": denied.param, "code": code}


def test_an_upstreams_own_words_are_passed_on() -> None:
    _, body = write_error(Fault("quota", "m", type="insufficient_quota", code="insufficient_quota", param="p"))
    assert body["error"] == {"message": "m", "type": "insufficient_quota", "param": "p", "code": "insufficient_quota"}


def test_an_error_in_a_stream_is_one_event() -> None:
    data = write_stream_error(Fault("overloaded", "gone\nmad"))
    assert data.startswith(b'data: {"error":{') and data.endswith(b"}}\n\n") and data.count(b"\n") == 2


@given(
    st.sampled_from([200, 400, 401, 404, 429, 500, 599]),
    st.binary() | laws.json_values.map(lambda v: json.dumps(v).encode()),
)
def test_nothing_raises(status: int, body: bytes) -> None:
    found = read_error(status, body)
    assert found.message
    assert write_error(found)[1]["error"]["message"] == found.message


@given(laws.json_values)
def test_no_error_object_raises(value: Any) -> None:
    assert read_error(200, json.dumps({"error": value}).encode()).message


@needs_records
def test_every_recorded_error_has_a_meaning() -> None:
    with (FOLDER / "errors.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    chat = [record for record in records if record["endpoint"] == "chat.completions" and not record["stream"]]
    assert chat
    for record in chat:
        found = read_error(record["status"], record["response_body"].encode())
        assert not found.message.startswith(("{", "[", "The upstream answered")), (record["id"], found.message)


def google(message: str, quota: str = "GenerateRequestsPerMinutePerProjectPerModel", **more: Any) -> dict[str, Any]:
    """As Google's endpoint for the OpenAI format refuses what is too much, for a minute or for a day."""
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]}
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": more.pop("delay", "27s")}
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [failure, wait]}}


EXCEEDED = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("body", "kind", "wait"),
    [
        (google(EXCEEDED), "rate", 27.0),
        ([google(EXCEEDED, delay="1.5s")], "rate", 1.5),
        (google(f"{EXCEEDED} Please retry in 3.25s.", delay="3s"), "rate", 3.0),
        (google(f"{EXCEEDED} Please retry in 3.25s.", delay=["3s"]), "rate", 3.25),
        (google(EXCEEDED, delay="soon"), "rate", None),
        (google(EXCEEDED, "GenerateRequestsPerDayPerProjectPerModel-FreeTier"), "quota", 27.0),
        (google(f"{EXCEEDED} * Quota exceeded for metric: m, limit: 0, model: x"), "quota", 27.0),
        (google("Your prepayment credits are depleted, no more credits."), "quota", 27.0),
        (
            {"error": {"message": EXCEEDED, "status": "RESOURCE_EXHAUSTED", "details": {"retryDelay": "9s"}}},
            "rate",
            None,
        ),
        ({"error": {"message": EXCEEDED, "code": "insufficient_quota"}}, "quota", None),
    ],
)
def test_googles_limit_of_a_minute_is_none_of_the_account(body: Any, kind: str, wait: float | None) -> None:
    got = fault(429, body)
    assert (got.kind, got.retry_after, got.status) == (kind, wait, 429)
