"""Errors: the type decides, then the words, then the status."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.converse.service import shape
from uni_api.dialects.converse import read_error
from uni_api.dialects.converse.error import _TYPES


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"message":"Input is too long for requested model."}', "too_long"),
        (400, '{"message":"Too many input tokens."}', "too_long"),
        (400, '{"message":"The model returned the following errors: Input Tokens Exceeded: Number of input tokens '
         'exceeds maximum length. Please update the input to try again."}', "too_long"),
        (400, '{"message":"prompt is too long: 210000 tokens > 200000 maximum"}', "too_long"),
        (400, '{"message":"The provided model identifier is invalid."}', "not_found"),
        (400, '{"message":"Invocation of model ID anthropic.x with on-demand throughput isn\'t supported. Retry your '
         'request with the ID or ARN of an inference profile that contains this model."}', "not_found"),
        (400, '{"message":"The maximum tokens you requested exceeds the model limit of 4096."}', "bad_request"),
        (400, '{"message":"Output blocked by content filtering policy"}', "filtered"),
        (400, '{"message":"Malformed input request"}', "bad_request"),
        (403, '{"Message":"User is not authorized to perform: bedrock:InvokeModel"}', "auth"),
        (403, '{"message":"You don\'t have access to the model with the specified model ID."}', "auth"),
        (403, '{"message":"Model access is denied due to INVALID_PAYMENT_INSTRUMENT"}', "quota"),
        (403, '{"message":"The security token included in the request is expired","__type":'
         '"com.amazon.coral.service#ExpiredTokenException"}', "auth"),
        (404, '{"message":"This model version has reached the end of its life."}', "not_found"),
        (404, '{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"}}', "not_found"),
        (408, '{"message":"Model processing time exceeded the limit"}', "timeout"),
        (424, '{"message":"The system encountered an unexpected error","originalStatusCode":500}', "overloaded"),
        (429, '{"message":"Too many tokens, please wait before trying again."}', "rate"),
        (429, '{"message":"Too many tokens per day, please wait before trying again."}', "quota"),
        (429, '{"message":"The model is not ready for inference","__type":"ModelNotReadyException"}', "overloaded"),
        (400, '{"__type":"ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"}', "rate"),
        (500, '{"message":"oh"}', "overloaded"),
        (503, '{"message":"Too many connections, please wait before trying again."}', "overloaded"),
        (503, "<html><head><title>503 Service Temporarily Unavailable</title></head></html>", "overloaded"),
        (413, "Request Entity Too Large", "too_long"),
        (504, "", "timeout"),
    ],
)  # fmt: skip
def test_kinds(status: int, body: str, kind: str) -> None:
    fault = read_error(status, body.encode())
    assert (fault.kind, fault.status, fault.raw) == (kind, status, body.encode())


def test_the_message_is_the_upstreams_own() -> None:
    assert read_error(400, b'{"message":"No."}').message == "No."
    assert read_error(403, b'{"Message":"No."}').message == "No."
    assert read_error(503, b"<html><title> Down </title></html>").message == "Down"
    assert read_error(429, b'{"__type":"a#ThrottlingException"}').message == (
        "The upstream answered with ThrottlingException and no explanation."
    )


def test_the_type_is_bare() -> None:
    fault = read_error(400, b'{"__type":"com.amazon.coral.validate#ValidationException:http://x/","message":"x"}')
    assert fault.type == "ValidationException"


def test_every_error_of_the_service_model_is_known() -> None:
    names = [
        "AccessDeniedException", "InternalServerException", "ModelErrorException", "ModelNotReadyException",
        "ModelStreamErrorException", "ModelTimeoutException", "ResourceNotFoundException",
        "ServiceUnavailableException", "ThrottlingException", "ValidationException",
    ]  # fmt: skip
    for name in names:
        assert _TYPES[name][1] == shape(name).metadata["error"]["httpStatusCode"]


@given(st.integers(400, 599), st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
    lambda value: json.dumps({"message": value, "__type": value, "originalStatusCode": value}).encode()
))  # fmt: skip
def test_nothing_raises(status: int, body: bytes) -> None:
    assert read_error(status, body).message
