"""Bedrock behind the running gateway: who is let in, what a failure leads to, and which models there are."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.fakes.bedrock import Account, refusal
from tests.fakes.wire import Connection, Received, WireServer, chunk, head, wait_until
from tests.gateway import KEY, Gateway, config, gateway
from tests.providers.test_bedrock_frames import chunk as event
from tests.providers.test_bedrock_frames import exception

EAST, WEST = Account(region="us-east-1"), Account(region="us-west-2")
CLAUDE, NOVA = "us.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0"

STARTED = event(b'{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{}}}')
OPENED = event(b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}')
SAID = event(b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi."}}')
ENDED = event(b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}') + event(
    b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{"outputTokenCount":2}}'
)
STREAM = STARTED + OPENED + SAID + ENDED
THROTTLED = exception("throttlingException", b'{"message":"Too many tokens, please wait before trying again."}')

MESSAGE: dict[str, Any] = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
CONVERSED: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
}

Answer = tuple[int, bytes]
"""A status, and a body: JSON, or a stream where the request asks for one."""


class Service(WireServer):
    """Answers by `answer`, which is told the region that a request is signed for (empty for one with a key)."""

    def __init__(self, answer: Callable[[str, Received], Answer]) -> None:
        super().__init__(self._serve)
        self._answer = answer
        self.regions: list[str] = []

    async def _serve(self, request: Received, connection: Connection) -> bool:
        region = next((one.region for one in (EAST, WEST) if refusal(request, one) is None), "")
        self.regions.append(region)
        status, body = self._answer(region, request)
        streamed = status == 200 and request.path.endswith("-stream")
        kind = "application/vnd.amazon.eventstream" if streamed else "application/json"
        fields = (("Content-Type", kind), ("Transfer-Encoding", "chunked"))
        await connection.send(head(status, fields) + chunk(body) + chunk(b""))
        return True


@contextmanager
def serving(answer: Callable[[str, Received], Answer], **entry: Any) -> Iterator[tuple[Gateway, Service]]:
    account = {"aws_access_key": EAST.access_key, "aws_secret_key": EAST.secret_key}
    models = [{CLAUDE: "claude"}, {NOVA: "nova"}]
    with Service(answer) as service:
        plan = config({"provider": "bedrock", "base_url": service.url, "model": models, **account, **entry})
        with gateway(plan) as running:
            yield running, service


def client(running: Gateway) -> OpenAI:
    return OpenAI(base_url=running.base_url, api_key=KEY, max_retries=0, timeout=20)


def ask(running: Gateway, model: str = "claude") -> str | None:
    with client(running) as sdk:
        answer = sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    return answer.choices[0].message.content


def hear(running: Gateway, model: str = "claude") -> str:
    with client(running) as sdk:
        stream = sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}], stream=True)
        return "".join(piece.choices[0].delta.content or "" for piece in stream if piece.choices)


def well(region: str, request: Received) -> Answer:
    """An answer for who is let in."""
    if not region and request.header("authorization") != "Bearer bedrock-api-key":
        return 403, b'{"message":"The security token included in the request is invalid."}'
    if request.path.endswith("/invoke-with-response-stream"):
        return 200, STREAM
    return 200, json.dumps(MESSAGE if request.path.endswith("/invoke") else CONVERSED).encode()


def throttled_in_the_east(status: int, body: bytes) -> Callable[[str, Received], Answer]:
    return lambda region, request: (status, body) if region == EAST.region else well(region, request)


def test_a_signature_lets_in() -> None:
    with serving(well) as (running, service):
        assert ask(running) == "Hi."
        assert hear(running) == "Hi."
        assert ask(running, "nova") == "Hi."
    assert service.regions == ["us-east-1"] * 3


def test_a_bedrock_key_lets_in() -> None:
    nobody = {"aws_access_key": None, "aws_secret_key": None}
    with serving(well, api="bedrock-api-key", engine="bedrock", **nobody) as (running, service):
        assert ask(running) == "Hi."
    assert [request.header("x-amz-date") for request in service.received] == [None]


def test_a_wrong_secret_is_told_and_not_shown() -> None:
    with (
        serving(well, aws_secret_key="wrong-secret-key") as (running, _),
        pytest.raises(openai.APIStatusError) as caught,
    ):
        ask(running)
    assert "security token included in the request is invalid" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b'{"message":"Too many requests, please wait before trying again."}'),
        (403, b'{"message":"You don\'t have access to the model with the specified model ID."}'),
        (200, THROTTLED),
        (200, STARTED + THROTTLED),
    ],
)
def test_another_region_is_tried(status: int, body: bytes) -> None:
    with serving(throttled_in_the_east(status, body), region=["us-east-1", "us-west-2"]) as (running, service):
        assert hear(running) == "Hi."
    assert service.regions == ["us-east-1", "us-west-2"]


def test_an_exception_within_an_answer_is_told() -> None:
    with (
        serving(lambda region, request: (200, STARTED + OPENED + SAID + THROTTLED)) as (running, _),
        pytest.raises(openai.APIError, match="Too many tokens") as caught,
    ):
        hear(running)
    assert caught.value.type == "rate_limit_error" or caught.value.code


def test_a_damaged_message_is_a_failure() -> None:
    damaged = STARTED[:-1] + bytes([STARTED[-1] ^ 1])
    with (
        serving(lambda region, request: (200, damaged)) as (running, _),
        pytest.raises(openai.APIStatusError) as caught,
    ):
        hear(running)
    assert caught.value.status_code == 502
    assert "checksum" in str(caught.value)


def test_a_refusal_is_not_tried_elsewhere() -> None:
    refused = b'{"message":"messages: at least one message is required"}'
    with (
        serving(lambda region, request: (400, refused), region=["us-east-1", "us-west-2"]) as (running, service),
        pytest.raises(openai.BadRequestError, match="at least one message"),
    ):
        ask(running)
    assert len(service.received) == 1


LISTS = {
    "/foundation-models": {"modelSummaries": [{"modelId": NOVA}]},
    "/inference-profiles": {
        "inferenceProfileSummaries": [
            {"inferenceProfileId": CLAUDE, "inferenceProfileArn": "arn:x", "type": "SYSTEM_DEFINED"}
        ]
    },
}


def test_models_are_asked_for_with_a_signature() -> None:
    def listed(region: str, request: Received) -> Answer:
        found = LISTS.get(request.path)
        return (200, json.dumps(found).encode()) if found and region else well(region, request)

    with Service(listed) as service:
        entry = {"provider": "bedrock", "base_url": service.url, "aws_access_key": EAST.access_key}
        with gateway(config(entry | {"aws_secret_key": EAST.secret_key})) as running:
            assert wait_until(lambda: len(service.received) >= 2, 10)
            with client(running) as sdk:
                assert wait_until(lambda: {one.id for one in sdk.models.list()} == {CLAUDE, NOVA}, 10)
            assert ask(running, NOVA) == "Hi."
    assert service.regions == ["us-east-1"] * len(service.received)
