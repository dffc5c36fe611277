"""Recorded requests of OpenAI chat clients, told to the Gemini API: valid, and whole."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.dialects.gemini.records import answers, load
from tests.dialects.gemini.wire import check
from uni_api.canon import Losses, Request
from uni_api.dialects import gemini, openai_chat
from uni_api.errors import Denied

FAMILIES = ("openai-chat", "openai-compat", "groq", "deepseek", "mistral", "xai", "openrouter")
MODELS = ("gemma-3-27b-it", "gemini-2.5-flash", "gemini-3-flash-preview")


def requests(family: str) -> Iterator[tuple[dict[str, Any], Request]]:
    for record in load(family):
        body = record["request_json"]
        if isinstance(body, dict) and "messages" in body:
            try:
                yield body, openai_chat.read_request(dict(body))
            except Denied:
                continue


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)


def texts(body: dict[str, Any]) -> Iterator[str]:
    """What the client said in words: texts, results, arguments, names and descriptions of tools."""
    for message in body["messages"]:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "text":
                yield part["text"]
        for call in message.get("tool_calls") or ():
            if "function" in call:
                yield call["function"]["name"]
                yield from _argument_words(call["function"]["arguments"])
    for tool in body.get("tools") or ():
        if "function" in tool:
            yield tool["function"]["name"]
            yield tool["function"].get("description") or ""


def _argument_words(text: Any) -> Iterator[str]:
    """The words of a call's arguments: of the object, where they are one; some clients send it as such."""
    if not isinstance(text, str):
        yield from leaves(text)
        return
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = text
    yield from leaves(arguments)


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_requests_become_valid_bodies_that_hold_every_word(family: str) -> None:
    seen = 0
    for body, request in requests(family):
        for model in MODELS:
            written = check(gemini.write_request(msgspec.structs.replace(request, model=model), Losses()))
            said = "\n".join(leaves(written))
            for text in texts(body):
                assert text in said, (model, text)
        seen += 1
    assert seen > 10


def test_signatures_come_back_through_a_chat_client() -> None:
    """Law 3: the client appends the message it got; every signature but those of server tools is in its place again."""
    seen = 0
    for record in answers(stream=False):
        wire = json.loads(record["response_body"])["candidates"][0].get("content", {}).get("parts", [])
        signatures = [
            part["thoughtSignature"]
            for part in wire
            if "thoughtSignature" in part and ("text" in part or "functionCall" in part)
        ]
        if not signatures:
            continue
        reply = gemini.read_reply(json.loads(record["response_body"]), "realm")
        message = openai_chat.write_reply(reply, Request(model="m", turns=()))["choices"][0]["message"]
        body = {"model": "gemini-3-flash-preview", "messages": [{"role": "user", "content": "?"}, message]}
        request = openai_chat.read_request(json.loads(json.dumps(body)))
        sent = check(gemini.write_request(request, Losses()))["contents"]
        back = [part["thoughtSignature"] for part in sent[1]["parts"] if "thoughtSignature" in part]
        assert [signature for signature in back if signature in signatures] == signatures, record["id"]
        seen += 1
    assert seen > 50
