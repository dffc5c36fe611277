"""Law 3 with a chat client: what it is given, and gives back, reaches this dialect's upstream byte for byte."""

import base64
import json
from typing import Any

import pytest

from tests.cassettes.records import needs_records
from tests.dialects.openai_responses.frames import (
    REALM,
    call,
    frames_of,
    message,
    read,
    reasoning,
    recorded,
    response,
    said,
)
from uni_api.canon import Losses, Reply, Request, Text, Turn, fold, keep_realm
from uni_api.dialects import openai_chat, openai_responses
from uni_api.errors import Fault

MODEL = "gpt-5"
TOOL = {"type": "function", "function": {"name": "any", "parameters": {"type": "object", "properties": {}}}}
OPAQUE = ("encrypted_content", "fingerprint")


def _replies() -> list[tuple[str, Reply]]:
    found = []
    for record in recorded():
        body = record["response_body"]
        if not any(name in body for name in OPAQUE):
            continue
        try:
            reply = (
                fold(read(frames_of(body.encode())))
                if record["stream"]
                else openai_responses.read_reply(json.loads(body), REALM)
            )
        except Fault:
            continue
        found.append((record["id"], reply))
    return found


REPLIES = _replies()


def sent_back(reply: Reply, realm: str) -> tuple[list[dict[str, Any]], Losses]:
    """The items that an upstream of `realm` receives for the assistant's turn."""
    asked = Request(model=MODEL, turns=(Turn(role="user", parts=(Text(text="Hi."),)),))
    given = json.loads(json.dumps(openai_chat.write_reply(reply, asked)))["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "done"} for one in given.get("tool_calls") or ()]
    chat = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi."}, given, *(results or [{"role": "user", "content": "And?"}])],
        "tools": [TOOL],
    }
    losses = Losses()
    request = keep_realm(openai_chat.read_request(chat), realm, losses)
    items = json.loads(json.dumps(openai_responses.write_request(request, losses)))["input"]
    return [item for item in items[1:] if "_output" not in item.get("type", "") and item.get("role") != "user"], losses


def blobs(items: Any) -> list[tuple[Any, ...]]:
    return [
        (item["type"], item.get("id"), item[name])
        for item in items
        for name in OPAQUE
        if isinstance(item.get(name), str)
    ]


def test_every_item_comes_back_where_it_stood() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    image = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "output_format": "webp"}
    items = [
        reasoning("First.", encrypted_content="blob 1"),
        message(said("Let me look."), phase="commentary"),
        search,
        reasoning(encrypted_content="blob 2", id="rs_2"),
        call(arguments='{"city": "Umeå"}', namespace="travel"),
        image | {"result": base64.b64encode(b"image").decode()},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "run", "input": "ls"},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "blob 3"},
        {"type": "program", "id": "cm_1", "call_id": "c3", "code": "x", "fingerprint": "blob 4"},
        message(said("Done."), phase="final_answer"),
    ]
    found, losses = sent_back(openai_responses.read_reply(response(*items), REALM), REALM)
    assert found == [
        items[0],
        {"role": "assistant", "content": "Let me look.", "phase": "commentary"},
        search,
        items[3],
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city": "Umeå"}',
            "namespace": "travel",
        },
        items[5],
        {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "ls"},
        *items[7:9],
        {"role": "assistant", "content": "Done.", "phase": "final_answer"},
    ]
    assert not losses


def test_sources_come_back() -> None:
    link = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    file = {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 2}
    found, losses = sent_back(openai_responses.read_reply(response(message(said("Abc.", link, file))), REALM), REALM)
    content = [{"type": "output_text", "text": "Abc.", "annotations": [link, file]}]
    assert found == [{"type": "message", "role": "assistant", "content": content}]
    assert not losses


def test_a_refusal_comes_back() -> None:
    part = {"type": "refusal", "refusal": "No."}
    found, _ = sent_back(openai_responses.read_reply(response(message(part)), REALM), REALM)
    assert found == [{"type": "message", "role": "assistant", "content": [part]}]


@needs_records
def test_there_are_enough_recorded_blobs() -> None:
    assert len(REPLIES) > 80


@needs_records
@pytest.mark.parametrize(("id", "reply"), REPLIES, ids=[id for id, _ in REPLIES])
def test_the_issuer_gets_its_blobs_back(id: str, reply: Reply) -> None:
    record = next(one for one in recorded() if one["id"] == id)
    items, _ = sent_back(reply, REALM)
    expected = blobs(_items(record))
    # Reasoning that nothing follows is refused, so that it is left out.
    assert blobs(items) in (expected, expected[:-1])
    assert blobs(items) == expected or not items or _items(record)[-1]["type"] == "reasoning"


def _items(record: dict[str, Any]) -> list[dict[str, Any]]:
    if not record["stream"]:
        found: list[dict[str, Any]] = json.loads(record["response_body"])["output"]
        return found
    told = [json.loads(one.data) for one in frames_of(record["response_body"].encode()) if one.data != b"[DONE]"]
    return [one["item"] for one in told if one["type"] == "response.output_item.done"]


@needs_records
@pytest.mark.parametrize(("id", "reply"), REPLIES, ids=[id for id, _ in REPLIES])
def test_nobody_else_gets_any(id: str, reply: Reply) -> None:
    items, losses = sent_back(reply, "elsewhere")
    assert blobs(items) == []
    assert losses or not blobs(_items(next(one for one in recorded() if one["id"] == id)))
