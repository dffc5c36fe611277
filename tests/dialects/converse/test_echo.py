"""Law 3 with a chat client: what it is given, and gives back, reaches this dialect's upstream byte for byte."""

import base64
import json
from typing import Any

import pytest

from tests.cassettes.records import FOLDER, needs_records
from tests.dialects.converse.frames import read_bytes
from tests.dialects.converse.service import problems
from uni_api.canon import Losses, Part, Reply, Request, Text, Thinking, Turn, fold, keep_realm
from uni_api.dialects import converse, openai_chat

REALM = "home"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOL = {"type": "function", "function": {"name": "any", "parameters": {"type": "object", "properties": {}}}}


def _replies() -> list[tuple[str, Reply]]:
    found = []
    lines = (FOLDER / "bedrock.jsonl").read_text().splitlines() if FOLDER.is_dir() else []
    for record in map(json.loads, lines):
        if record["endpoint"] == "converse":
            reply = converse.read_reply(json.loads(record["response_body"]), REALM)
        elif record["endpoint"] == "converse-stream":
            reply = fold(read_bytes(base64.b64decode(record["response_body"])))
        else:
            continue
        if any(isinstance(part, Thinking) and part.seal for part in reply.choices[0].parts):
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
    body = converse.write_request(keep_realm(openai_chat.read_request(chat), realm, losses), losses)
    assert problems(body) == []
    return [block for one in body["messages"] if one["role"] == "assistant" for block in one["content"]], losses


def _sealed(parts: tuple[Part, ...]) -> list[Any]:
    return [
        {"redactedContent": part.seal.token}
        if part.withheld
        else {"reasoningText": {"text": part.text, "signature": part.seal.token}}
        for part in parts
        if isinstance(part, Thinking) and part.seal is not None
    ]


@needs_records
@pytest.mark.parametrize(("id", "reply"), REPLIES, ids=[id for id, _ in REPLIES])
def test_the_issuer_gets_its_thinking_back(id: str, reply: Reply) -> None:
    blocks, _ = _sent_back(reply, REALM)
    assert [block["reasoningContent"] for block in blocks if "reasoningContent" in block] == _sealed(
        reply.choices[0].parts
    )


@needs_records
@pytest.mark.parametrize(("id", "reply"), REPLIES, ids=[id for id, _ in REPLIES])
def test_nobody_else_gets_any(id: str, reply: Reply) -> None:
    blocks, losses = _sent_back(reply, "elsewhere")
    assert not [block for block in blocks if "reasoningContent" in block]
    assert losses
