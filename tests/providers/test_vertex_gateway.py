"""Vertex AI through the running gateway: tokens that end, regions that fail, and who is told what."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, APITimeoutError, OpenAI

from tests.fakes.vertex import EMAIL, TokenServer, VertexReplay, pem, rsa_key
from tests.fakes.wire import Connection, Received, WireServer
from tests.gateway import Gateway, config, gateway

HELLO: Any = [{"role": "user", "content": "Hello"}]
MODELS = ["claude-rec-0@20250929", "gemini-rec-1", "claude-rec-2", "gemini-rec-3"]


def record(body: str, *, stream: bool = False) -> Mapping[str, Any]:
    return {"status": 200, "response_body": body, "response_headers": {}, "stream": stream}


def events(*values: Any) -> str:
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values)


_USAGE = {"input_tokens": 3, "output_tokens": 2}
_MESSAGE = {"type": "message", "role": "assistant", "id": "msg_vrtx_1", "model": "claude", "stop_reason": None}
_SAID = {"content": {"role": "model", "parts": [{"text": "Hi there"}]}, "finishReason": "STOP"}
RECORDS = [
    record(
        json.dumps(
            {**_MESSAGE, "content": [{"type": "text", "text": "Hi there"}], "stop_reason": "end_turn", "usage": _USAGE}
        )
    ),
    record(json.dumps({"candidates": [_SAID]})),
    record(
        events(
            {"type": "message_start", "message": {**_MESSAGE, "content": [], "usage": _USAGE}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi there"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _USAGE},
            {"type": "message_stop"},
        ),
        stream=True,
    ),
    record(events({"candidates": [_SAID]}), stream=True),
]


class Cloud:
    """Both servers, and a channel that goes to them."""

    def __init__(self, tokens: TokenServer, vertex: VertexReplay) -> None:
        self.tokens = tokens
        self.vertex = vertex

    def entry(self, **more: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "provider": "vertex",
            "base_url": self.vertex.url,
            "project_id": "project-1",
            "client_email": EMAIL,
            "private_key": pem(),
            "token_uri": self.tokens.token_uri,
            "model": MODELS,
        }
        return {name: value for name, value in {**fields, **more}.items() if value is not None}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with TokenServer(refresh_token="1//refresh") as tokens, VertexReplay(RECORDS, tokens.issued) as vertex:
        yield Cloud(tokens, vertex)


@contextmanager
def client(running: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=running.base_url, api_key=running.key, max_retries=0, timeout=20) as found:
        yield found


def ask(of: OpenAI, model: str) -> str:
    """What is said, streamed for the last two models."""
    if model not in MODELS[2:]:
        return of.chat.completions.create(model=model, messages=HELLO).choices[0].message.content or ""
    stream = of.chat.completions.create(model=model, messages=HELLO, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_claude_and_gemini_answer_with_one_token(cloud: Cloud) -> None:
    with gateway(config(cloud.entry())) as running, client(running) as asking:
        assert [ask(asking, model) for model in MODELS] == ["Hi there"] * 4
        output = running.output()
    assert len(cloud.tokens.received) == 1
    for secret in ("ya29.issued", "BEGIN PRIVATE", "eyJ"):
        assert secret not in output


def test_a_token_is_renewed_before_its_end(cloud: Cloud) -> None:
    cloud.tokens.issued.lifetime = 2
    with gateway(config(cloud.entry())) as running, client(running) as asking:
        limit = time.monotonic() + 10
        while len(cloud.tokens.received) < 3 and time.monotonic() < limit:
            assert ask(asking, MODELS[1]) == "Hi there"
            time.sleep(0.2)
    assert len(cloud.tokens.received) >= 3
    assert not cloud.tokens.refused


def test_a_token_that_was_taken_back_is_replaced(cloud: Cloud) -> None:
    with gateway(config(cloud.entry(region=["us-east5", "global"]))) as running, client(running) as asking:
        assert ask(asking, MODELS[1]) == "Hi there"
        cloud.tokens.issued.valid.clear()
        assert ask(asking, MODELS[1]) == "Hi there"
    assert len(cloud.tokens.received) == 2


@pytest.mark.parametrize("status", [404, 429, 503])
def test_the_next_region_is_tried(cloud: Cloud, status: int) -> None:
    cloud.vertex.statuses["us-east5"] = status
    entry = cloud.entry(region=["us-east5", "europe-west1"])
    with gateway(config(entry)) as running, client(running) as asking:
        assert [ask(asking, model) for model in (*MODELS, *MODELS)] == ["Hi there"] * 8


def test_when_every_region_fails_the_client_is_told(cloud: Cloud) -> None:
    cloud.vertex.statuses = {"us-east5": 429, "eu": 429}
    entry = cloud.entry(region=["us-east5", "eu"])
    with gateway(config(entry)) as running, client(running) as asking, pytest.raises(APIStatusError) as caught:
        ask(asking, MODELS[0])
    assert caught.value.status_code == 429
    assert "Not in " in str(caught.value)


def test_an_account_that_is_refused_is_an_error_without_secrets(cloud: Cloud) -> None:
    entry = cloud.entry(private_key=pem(rsa_key(1)))
    with gateway(config(entry)) as running, client(running) as asking:
        with pytest.raises(APIStatusError) as caught:
            ask(asking, MODELS[0])
        output = running.output()
    assert caught.value.status_code == 401
    assert "Google gives no access token: invalid_grant: Invalid JWT Signature." in str(caught.value)
    assert not cloud.vertex.received
    for secret in ("eyJ", "BEGIN PRIVATE", pem(rsa_key(1))[40:80]):
        assert secret not in output + str(caught.value)


def test_default_credentials_let_in(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "adc.json"
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "1//refresh"}
    file.write_text(json.dumps(user | {"token_uri": cloud.tokens.token_uri, "quota_project_id": "payer"}))
    entry = cloud.entry(private_key=None, client_email=None, token_uri=None)
    with gateway(config(entry), {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}) as running, client(running) as asking:
        assert ask(asking, MODELS[3]) == "Hi there"
    assert cloud.vertex.received[0].header("x-goog-user-project") == "payer"


def test_a_stop_does_not_wait_for_a_token(cloud: Cloud) -> None:
    async def silent(request: Received, connection: Connection) -> bool:
        await connection.gone.wait()
        return False

    with WireServer(silent) as never, gateway(config(cloud.entry(token_uri=never.url))) as running:
        with client(running) as asking, pytest.raises(APITimeoutError):
            asking.with_options(timeout=0.3).chat.completions.create(model=MODELS[0], messages=HELLO)
        assert len(never.received) == 1
