"""Law 3 with a chat client: what it is given, and gives back, reaches this dialect's upstream byte for byte."""

import json
from typing import Any

import pytest

from tests.cassettes.records import FOLDER, needs_records, records
from tests.dialects.anthropic.frames import read_bytes
from uni_api.canon import Call, Losses, Part, Reply, Request, Seal, Text, Thinking, Turn, fold, keep_realm
from uni_api.dialects import anthropic, openai_chat

REALM = "home"
MODEL = "claude-opus-4-6"
TOOL = {"type": "function", "function": {"name": "any", "parameters": {"type": "object", "properties": {}}}}


def _replies() -> list[tuple[str, Reply]]:
    found = []
    for record in records("anthropic") if FOLDER.is_dir() else ():
        body = record["response_body"]
        if "thinking" not in body or record["id"] == "anthropic-9b8161084b12":
            continue
        reply = fold(read_bytes(body.encode())) if record["stream"] else anthropic.read_reply(json.loads(body), REALM)
        if any(isinstance(part, Thinking) for part in reply.choices[0].parts):
            found.append((record["id"], reply))
    return found


REPLIES = _replies()


def _sent_back(reply: Reply, realm: str) -> tuple[list[dict[str, Any]], Losses]:
    """The assistant's blocks that an upstream of `realm` receives in the next turn."""
    asked = Request(model=MODEL, turns=(Turn(role="user", parts=(Text(text="Hi."),)),))
    given = json.loads(json.dumps(openai_chat.write_reply(reply, asked)))["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in given.get("tool_calls") or ()
    ]
    chat = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi."}, given, *(results or [{"role": "user", "content": "And?"}])],
        "tools": [TOOL],
    }
    losses = Losses()
    request = keep_realm(openai_chat.read_request(chat), realm, losses)
    messages = anthropic.write_request(request, losses)["messages"]
    content: Any = next((message["content"] for message in messages if message["role"] == "assistant"), [])
    return [{"type": "text", "text": content}] if isinstance(content, str) else content, losses


def _expected(parts: tuple[Part, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for part in parts:
        match part:
            case Thinking(withheld=True, seal=Seal(token=token)):
                found.append(("redacted_thinking", token))
            case Thinking(text=text, seal=Seal(token=token)):
                found.append(("thinking", text, token))
            case Call(name=name):
                found.append(("tool_use", name))
            case _:
                continue
    return found


def _seen(blocks: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    fields = {"redacted_thinking": ("data",), "thinking": ("thinking", "signature"), "tool_use": ("name",)}
    return [
        (block["type"], *(block[name] for name in fields[block["type"]])) for block in blocks if block["type"] in fields
    ]


@needs_records
@pytest.mark.parametrize(("id", "reply"), REPLIES, ids=[id for id, _ in REPLIES])
def test_the_issuer_gets_its_thinking_back(id: str, reply: Reply) -> None:
    blocks, _ = _sent_back(reply, REALM)
    assert _seen(blocks) == _expected(reply.choices[0].parts)


@needs_records
@pytest.mark.parametrize(("id", "reply"), REPLIES, ids=[id for id, _ in REPLIES])
def test_nobody_else_gets_any(id: str, reply: Reply) -> None:
    blocks, losses = _sent_back(reply, "elsewhere")
    assert [block for block in blocks if "thinking" in block["type"]] == []
    assert losses
