import json
from typing import Any

import pytest
from anthropic.types.beta import BetaMessage

from tests.cassettes.records import FOLDER, needs_records, records
from tests.dialects.anthropic.frames import REALM
from uni_api.canon import Call, Citation, Finish, Foreign, Rest, Seal, Text, Thinking, Usage
from uni_api.dialects.anthropic import read_reply
from uni_api.errors import Fault

WHOLE = [one for one in records("anthropic") if not one["stream"]] if FOLDER.is_dir() else []


def message(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    } | more


def test_reads_every_kind_of_block() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    cited = {
        "type": "char_location",
        "cited_text": "The sky",
        "document_index": 2,
        "document_title": "Skies",
        "start_char_index": 4,
        "end_char_index": 11,
    }
    reply = read_reply(
        message(
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "b3BhcXVl"},
            {"type": "text", "text": "is blue", "citations": [cited]},
            {"type": "tool_use", "id": "a", "name": "one", "input": {"b": 1, "a": {"é": None}}},
            search,
        ),
        REALM,
    )
    assert reply.choices[0].parts == (
        Thinking(text="hm", seal=Seal(realm=REALM, token="c2ln")),
        Thinking(withheld=True, seal=Seal(realm=REALM, token="b3BhcXVl")),
        Text(
            text="is blue",
            citations=(
                Citation(
                    title="Skies",
                    quote="The sky",
                    rest=Rest(
                        "anthropic",
                        {"type": "char_location", "document_index": 2, "start_char_index": 4, "end_char_index": 11},
                    ),
                ),
            ),
        ),
        Call(id="a", name="one", arguments='{"b":1,"a":{"é":null}}'),
        Foreign(dialect="anthropic", block=search),
    )
    assert (reply.id, reply.model, reply.usage) == ("msg_1", "claude-test", Usage(input=3, output=4))
    assert reply.rest is None


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("something_new", "other"),
        (None, "other"),
    ],
)
def test_every_stop_reason_has_a_meaning(word: str | None, reason: Any) -> None:
    assert read_reply(message(stop_reason=word), REALM).choices[0].finish == Finish(reason, word)


def test_tells_which_stop_sequence_and_why_it_refuses() -> None:
    stopped = read_reply(message(stop_reason="stop_sequence", stop_sequence="END"), REALM)
    assert stopped.choices[0].finish == Finish("stop", "stop_sequence", "END")
    why = {"type": "refusal", "category": "bio", "explanation": "no"}
    refused = read_reply(message(stop_reason="refusal", stop_details=why), REALM)
    assert refused.choices[0].finish == Finish("refusal", "refusal", "no")
    assert refused.rest == Rest("anthropic", {"stop_details": why})


def test_an_error_in_disguise_is_a_fault() -> None:
    with pytest.raises(Fault) as caught:
        read_reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, REALM)
    assert (caught.value.kind, caught.value.status) == ("overloaded", 529)


@pytest.mark.parametrize("body", [{}, {"content": "text"}, {"content": None}, [], "text"])
def test_what_is_no_message_is_a_fault(body: Any) -> None:
    with pytest.raises(Fault) as caught:
        read_reply(body, REALM)
    assert caught.value.kind == "protocol"


def test_wrong_types_inside_are_borne() -> None:
    odd = message(
        {"type": "text", "text": None, "citations": "x"},
        {"type": "tool_use", "id": 3, "name": None, "input": '{"a": 1}'},
        {"type": "thinking", "thinking": 1, "signature": ""},
        usage={"input_tokens": "3", "output_tokens": True, "cache_creation": 1, "output_tokens_details": []},
        stop_reason=4,
    )
    reply = read_reply(odd, REALM)
    assert reply.choices[0].parts == (Text(), Call(id="", name="", arguments='{"a": 1}'), Thinking())
    assert reply.usage == Usage()


@needs_records
@pytest.mark.parametrize("record", WHOLE, ids=lambda record: record["id"])
def test_recorded_replies_say_what_the_vendors_sdk_hears(record: dict[str, Any]) -> None:
    body = json.loads(record["response_body"])
    reply = read_reply(body, REALM)
    seen = BetaMessage.construct(**body)
    parts = reply.choices[0].parts
    assert [(call.id, call.name, json.loads(call.arguments)) for call in parts if isinstance(call, Call)] == [
        (block.id, block.name, block.input) for block in seen.content if block.type == "tool_use"
    ]
    assert [text.text for text in parts if isinstance(text, Text)] == [
        block.text for block in seen.content if block.type == "text"
    ]
    assert [(part.text, part.seal.token) for part in parts if isinstance(part, Thinking) and part.seal] == [
        (block.thinking, block.signature) if block.type == "thinking" else ("", block.data)
        for block in seen.content
        if block.type in ("thinking", "redacted_thinking")
    ]
    assert len(parts) == len(seen.content)
    assert reply.choices[0].finish is not None
    assert reply.choices[0].finish.raw == seen.stop_reason
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output) == (seen.usage.input_tokens, seen.usage.output_tokens)
    assert reply.usage.cache_read == (seen.usage.cache_read_input_tokens or 0)
