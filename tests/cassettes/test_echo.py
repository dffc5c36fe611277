"""Law 3, end to end: a client that sends back the message it was given gives each provider its own blobs back.

The client is the official OpenAI SDK: it appends the message as its own types hold it. The provider that issued the
blobs receives them byte for byte; any other receives none.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.answers import CHAT, GENERATED, MESSAGE
from tests.fakes.upstream import Script, Upstream, answer, event, stream
from tests.gateway import KEY, Gateway, channel, gateway

SIGNATURES = {name: base64.b64encode(f"{name} \x00\xff/+ blob".encode("latin-1") * 9).decode() for name in "abcdef"}
"""Opaque blobs, long enough that none is a part of anything else by chance."""

_TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
    for name in ("weather", "time")
]


def _thinking_reply() -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "First I ponder.", "signature": SIGNATURES["a"]},
            {"type": "redacted_thinking", "data": SIGNATURES["b"]},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Uppsala"}},
            {"type": "thinking", "thinking": "And once more.", "signature": SIGNATURES["c"]},
            {"type": "tool_use", "id": "toolu_2", "name": "time", "input": {"city": "Umeå"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 7},
    }


def _thinking_events() -> Script:
    """The same reply as Anthropic streams it: text and signatures in pieces of their own."""
    reply = _thinking_reply()
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": reply | {"content": [], "stop_reason": None}},
    ]
    for index, block in enumerate(reply["content"]):
        match block["type"]:
            case "thinking":
                start = block | {"thinking": "", "signature": ""}
                words = [
                    {"type": "thinking_delta", "thinking": block["thinking"][:5]},
                    {"type": "thinking_delta", "thinking": block["thinking"][5:]},
                    {"type": "signature_delta", "signature": block["signature"]},
                ]
            case "text":
                start = block | {"text": ""}
                words = [{"type": "text_delta", "text": block["text"]}]
            case "tool_use":
                start = block | {"input": {}}
                whole = json.dumps(block["input"], ensure_ascii=False)
                words = [{"type": "input_json_delta", "partial_json": part} for part in ("", whole[:6], whole[6:])]
            case _:
                start, words = block, []
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": word} for word in words]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}})
    events.append({"type": "message_stop"})
    return stream(*(event(one, one["type"]) for one in events))


_GEMINI_PARTS: list[dict[str, Any]] = [
    {"text": "Pondering.", "thought": True},
    {"text": "Let me look.", "thoughtSignature": SIGNATURES["d"]},
    {"functionCall": {"name": "weather", "args": {"city": "Uppsala"}}, "thoughtSignature": SIGNATURES["e"]},
    {"functionCall": {"name": "time", "args": {"city": "Umeå"}}},
]


def _generated(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, **more}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12},
    }


def _generated_events() -> Script:
    events = [event(_generated([part])) for part in _GEMINI_PARTS]
    return stream(*events, event(_generated([{"text": ""}], finishReason="STOP")))


@dataclass(frozen=True)
class Stage:
    gateway: Gateway
    upstream: Upstream

    def client(self) -> OpenAI:
        return OpenAI(base_url=self.gateway.base_url, api_key=KEY, max_retries=0, timeout=20)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    scripts: dict[str, Any] = {
        "claude-sonnet-4-5": [answer(_thinking_reply()), MESSAGE],
        "claude-sonnet-4-5-stream": [_thinking_events(), MESSAGE],
        "gemini-3-pro": [answer(_generated(_GEMINI_PARTS, finishReason="STOP")), GENERATED],
        "gemini-3-pro-stream": [_generated_events(), GENERATED],
        "other-claude": MESSAGE,
        "other-gemini": GENERATED,
        "other-chat": CHAT,
    }
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(scripts))
        elsewhere = upstream.url.replace("127.0.0.1", "localhost")
        plan = {
            "providers": [
                channel("c", upstream.url + "/v1/messages", [*_CLAUDE], engine="claude"),
                channel("g", upstream.url + "/v1beta", [*_GEMINI], engine="gemini"),
                channel("oc", elsewhere + "/v1/messages", ["other-claude"], engine="claude"),
                channel("og", elsewhere + "/v1beta", ["other-gemini"], engine="gemini"),
                channel("oo", elsewhere + "/v1/chat/completions", ["other-chat"], engine="gpt"),
            ],
            "api_keys": [{"api": KEY, "model": ["all"]}],
        }
        yield Stage(stack.enter_context(gateway(plan)), upstream)


_CLAUDE = ("claude-sonnet-4-5", "claude-sonnet-4-5-stream")
_GEMINI = ("gemini-3-pro", "gemini-3-pro-stream")
OTHERS = ("other-claude", "other-gemini", "other-chat")


def converse(stage: Stage, model: str) -> list[dict[str, Any]]:
    """The history after the first answer: question, the answer as the SDK holds it, and the results of its calls."""
    stage.upstream.asked[model] = 0
    history: list[Any] = [{"role": "user", "content": "What is the weather, and the time?"}]
    asked: dict[str, Any] = {"model": model, "messages": history, "tools": _TOOLS, "reasoning_effort": "high"}
    with stage.client() as client:
        if model.endswith("-stream"):
            with client.chat.completions.stream(**asked) as chunks:
                message = chunks.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**asked).choices[0].message
    history.append(message.to_dict(exclude_none=True))
    for call in message.tool_calls or []:
        history.append({"role": "tool", "tool_call_id": call.id, "content": f"the {call.type} is done"})
    return history


def send(stage: Stage, model: str, history: list[dict[str, Any]]) -> Any:
    """What the upstream behind `model` receives when it is sent `history`."""
    before = len(stage.upstream.received)
    body = json.dumps({"model": model, "messages": history, "tools": _TOOLS}).encode()
    reply = stage.gateway.post(body)
    assert reply.status == 200, reply.body
    assert len(stage.upstream.received) == before + 1
    return json.loads(stage.upstream.received[-1].body)


@pytest.mark.parametrize("model", _CLAUDE)
def test_anthropic_receives_its_own_blocks(stage: Stage, model: str) -> None:
    body = send(stage, model, converse(stage, model))
    turn = body["messages"][1]
    assert turn["role"] == "assistant"
    assert turn["content"] == _thinking_reply()["content"]


@pytest.mark.parametrize("model", _GEMINI)
def test_gemini_receives_its_own_parts(stage: Stage, model: str) -> None:
    body = send(stage, model, converse(stage, model))
    turn = body["contents"][1]
    assert turn["role"] == "model"
    said = [part for part in turn["parts"] if not part.get("thought")]
    assert [_bare(part) for part in said] == [_bare(part) for part in _GEMINI_PARTS if not part.get("thought")]


def _bare(part: dict[str, Any]) -> dict[str, Any]:
    """A part without the id of its call, which is ours to mint."""
    if "functionCall" not in part:
        return part
    return part | {"functionCall": {key: value for key, value in part["functionCall"].items() if key != "id"}}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("model", [*_CLAUDE, *_GEMINI])
def test_nobody_else_receives_a_blob(stage: Stage, model: str, other: str) -> None:
    history = converse(stage, model)
    send(stage, other, history)
    raw = stage.upstream.received[-1].body.decode()
    for name, blob in SIGNATURES.items():
        packed = base64.urlsafe_b64encode(blob.encode()).rstrip(b"=").decode()
        assert blob not in raw and packed[8:-8] not in raw, name
    assert "ua1." not in raw
    for words in ("Let me look.", "Uppsala", "Umeå"):
        assert words in json.dumps(json.loads(raw), ensure_ascii=False)


@pytest.mark.parametrize("model", [*_CLAUDE, *_GEMINI])
def test_the_history_survives_a_visit_elsewhere(stage: Stage, model: str) -> None:
    """The client goes on with another channel for a turn, and then comes back with everything it has."""
    history = converse(stage, model)
    send(stage, "other-chat", history)
    later = [*history, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Go on."}]
    raw = json.dumps(send(stage, model, later))
    wanted = ("a", "b", "c") if model in _CLAUDE else ("d", "e")
    for name in wanted:
        assert SIGNATURES[name] in raw
