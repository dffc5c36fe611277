"""Errors: the status and the sentence give the kind; nothing raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.dialects import cohere
from uni_api.errors import FaultKind


@pytest.mark.parametrize(
    ("status", "message", "kind", "shown"),
    [
        (400, "invalid request: temperature must be between 0 and 1.0 inclusive.", "bad_request", 400),
        (400, "too many tokens: size limit exceeded by 11326 tokens.", "too_long", 400),
        (400, "too many tokens: max tokens must be less than or equal to 4096 - received 8192.", "bad_request", 400),
        (400, "invalid api token", "auth", 401),
        (400, "blocked input: please change it and try again", "filtered", 400),
        (401, "no api key supplied", "auth", 401),
        (402, "please add a payment method", "quota", 402),
        (403, "this key may not call this endpoint", "auth", 403),
        (404, "model 'command-x' not found, make sure the correct model ID was used", "not_found", 404),
        (404, "model 'command-y' was removed on September 15, 2025.", "not_found", 404),
        (408, "took too long", "overloaded", 408),
        (413, "the body is too large", "too_long", 413),
        (422, "could not parse the body", "bad_request", 422),
        (429, "You are using a Trial key, which is limited to 40 API calls / minute.", "rate", 429),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", "quota", 429),
        (429, "trial token rate limit exceeded, limit is 100000 tokens per minute", "rate", 429),
        (498, "invalid token", "auth", 401),
        (499, "the request was cancelled", "overloaded", 499),
        (500, "internal server error, this has been reported to our developers.", "overloaded", 500),
        (503, "try later", "overloaded", 503),
        (504, "timed out", "timeout", 504),
        (200, "your request resulted in an invalid tool generation.", "overloaded", 503),
        (200, "invalid request: all messages must have content", "bad_request", 400),
    ],
)
def test_status_and_sentence_give_the_kind(status: int, message: str, kind: FaultKind, shown: int) -> None:
    raw = json.dumps({"id": "7", "message": message}).encode()
    fault = cohere.read_error(status, raw)
    assert (fault.kind, fault.status, fault.message, fault.raw) == (kind, shown, message, raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"Bad Gateway", "Bad Gateway"),
        (b'"in a string"', "in a string"),
        (b'{"error": "beside"}', "beside"),
        (b'{"detail": "of a proxy"}', "of a proxy"),
        (b'{"error": {"message": "inside", "type": "t", "code": "c", "param": "p"}}', "inside"),
        (b"<html>502</html>", "The upstream answered with status 502 and no explanation."),
        (b"", "The upstream answered with status 502 and no explanation."),
        (b'{"message": ', "The upstream answered with status 502 and no explanation."),
        (b'{"message": 7}', "The upstream answered with status 502 and no explanation."),
    ],
)
def test_bodies_of_other_forms(raw: bytes, message: str) -> None:
    fault = cohere.read_error(502, raw)
    assert (fault.kind, fault.status, fault.message) == ("overloaded", 502, message)


def test_the_words_for_machines_are_kept() -> None:
    fault = cohere.read_error(400, b'{"error": {"message": "inside", "type": "t", "code": "c", "param": "p"}}')
    assert (fault.type, fault.code, fault.param) == ("t", "c", "p")
    assert cohere.read_error(400, b'{"message": "m", "error_type": "E"}').type == "E"


@given(st.integers(200, 599), st.binary(max_size=60))
def test_no_body_raises(status: int, raw: bytes) -> None:
    assert cohere.read_error(status, raw).message
