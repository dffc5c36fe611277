"""Errors: the API's own code comes before the status; nothing raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.dialects import workers_ai
from uni_api.errors import FaultKind


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, 5007, "No such model @cf/x or task", "not_found"),
        (400, 5004, "Invalid data type for base64 input: x", "bad_request"),
        (400, 5006, "Error: oneOf at '/' not met", "bad_request"),
        (400, 8007, "The prompt exceeds this model's context window", "too_long"),
        (413, 3006, "Request is too large", "too_long"),
        (403, 5018, "The account is not allowed to access this model", "auth"),
        (401, 10000, "Authentication error", "auth"),
        (400, 9106, "Missing X-Auth-Key", "auth"),
        (404, 7003, "Could not route to /accounts/x", "not_found"),
        (408, 3007, "Request timeout", "timeout"),
        (429, 3036, "You have used up your daily free allocation", "quota"),
        (429, 3040, "No more data centers to forward the request to", "overloaded"),
        (429, 2003, "Rate limited", "rate"),
        (500, 1, "Internal error", "overloaded"),
    ],
)
def test_code_and_status_give_the_kind(status: int, code: int, message: str, kind: FaultKind) -> None:
    raw = json.dumps({"result": None, "success": False, "errors": [{"code": code, "message": message}]}).encode()
    fault = workers_ai.read_error(status, raw)
    assert (fault.kind, fault.status, fault.code, fault.message) == (kind, status, str(code), message)
    assert fault.raw == raw


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"success": false, "error": [{"code": 2009, "message": "Unauthorized"}]}', "Unauthorized"),
        (b'{"error": "in a string"}', "in a string"),
        (b'{"error": {"message": "in an object"}}', "in an object"),
        (b"error code: 1015", "error code: 1015"),
        (b"<html>", "The upstream answered with status 502 and no explanation."),
        (b'{"errors": []}', "The upstream answered with status 502 and no explanation."),
        (b'{"errors": [7]}', "The upstream answered with status 502 and no explanation."),
    ],
)
def test_bodies_of_other_forms(raw: bytes, message: str) -> None:
    fault = workers_ai.read_error(502, raw)
    assert (fault.kind, fault.message) == ("overloaded", message)


@given(st.integers(200, 599), st.binary(max_size=60))
def test_no_body_raises(status: int, raw: bytes) -> None:
    assert workers_ai.read_error(status, raw).status >= 400
