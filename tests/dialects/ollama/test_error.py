"""Errors: the status and the sentence give the kind; nothing raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.dialects import ollama
from uni_api.errors import FaultKind


@pytest.mark.parametrize(
    ("status", "message", "kind", "shown"),
    [
        (400, "missing request body", "bad_request", 400),
        (400, '"llama3" does not support thinking', "bad_request", 400),
        (400, "registry.ollama.ai/library/gemma3:1b does not support tools", "bad_request", 400),
        (400, "the input length exceeds the context length", "too_long", 400),
        (400, "prompt too long; exceeded max context length by 5 tokens", "too_long", 400),
        (401, "unauthorized", "auth", 401),
        (402, "insufficient balance", "quota", 402),
        (403, "this model requires a subscription, upgrade for access", "quota", 403),
        (404, 'model "qwen9" not found, try pulling it first', "not_found", 404),
        (413, "request body too large", "too_long", 413),
        (429, "too many concurrent requests", "rate", 429),
        (429, "you (someone) have reached your weekly usage limit, upgrade for higher limits", "quota", 429),
        (429, "you've reached your hourly usage limit, please wait or upgrade to continue", "quota", 429),
        (500, "model requires more system memory (8.0 GiB) than is available (2.1 GiB)", "overloaded", 500),
        (500, "llama runner process has terminated", "overloaded", 500),
        (502, "upstream unavailable", "overloaded", 502),
        (503, "server busy, please try again.  maximum pending requests exceeded", "overloaded", 503),
        (504, "timed out", "timeout", 504),
        (418, "short and stout", "bad_request", 418),
        (200, "an error was encountered while running the model", "overloaded", 503),
        (200, "prompt too long; exceeded max context length", "too_long", 413),
    ],
)
def test_status_and_sentence_give_the_kind(status: int, message: str, kind: FaultKind, shown: int) -> None:
    raw = json.dumps({"error": message}).encode()
    fault = ollama.read_error(status, raw)
    assert (fault.kind, fault.status, fault.message, fault.raw) == (kind, shown, message, raw)


def test_an_error_object_of_a_compatible_host_is_read_too() -> None:
    raw = b'{"error": {"message": "No such key.", "type": "authentication_error", "code": "bad_key", "param": null}}'
    fault = ollama.read_error(401, raw)
    assert (fault.kind, fault.message, fault.type, fault.code) == (
        "auth",
        "No such key.",
        "authentication_error",
        "bad_key",
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"Bad Gateway", "Bad Gateway"),
        (b'"in a string"', "in a string"),
        (b'{"message": "beside"}', "beside"),
        (b"<html>502</html>", "The upstream answered with status 502 and no explanation."),
        (b"", "The upstream answered with status 502 and no explanation."),
        (b'{"error": ', "The upstream answered with status 502 and no explanation."),
        (b'{"error": 7}', "The upstream answered with status 502 and no explanation."),
    ],
)
def test_bodies_of_other_forms(raw: bytes, message: str) -> None:
    fault = ollama.read_error(502, raw)
    assert (fault.kind, fault.status, fault.message) == ("overloaded", 502, message)


@given(st.integers(200, 599), st.binary(max_size=60))
def test_no_body_raises(status: int, raw: bytes) -> None:
    assert ollama.read_error(status, raw).message
