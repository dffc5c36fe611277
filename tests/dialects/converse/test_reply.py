"""Whole replies: blocks of every kind, usage, the end, and errors in disguise."""

from typing import Any

import pytest
from hypothesis import given

from tests.dialects.laws import json_values
from uni_api.canon import (
    Call,
    Citation,
    Finish,
    Foreign,
    Losses,
    Media,
    Part,
    Request,
    Rest,
    Seal,
    Text,
    Thinking,
    Turn,
    Usage,
)
from uni_api.dialects.converse import read_reply, write_request
from uni_api.errors import Fault

REALM = "home"


def body(*content: Any, **more: Any) -> dict[str, Any]:
    whole = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12},
    }
    return whole | more


def part(block: Any) -> Part:
    return read_reply(body(block), REALM).choices[0].parts[0]


PLACE = {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}
TWO = [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({"text": "Hi"}, Text(text="Hi")),
        ({"type": "text", "text": "Hi"}, Text(text="Hi")),
        (
            {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": "é"}, "type": "tool_use"}},
            Call(id="c", name="f", arguments='{"a":"é"}'),
        ),
        ({"toolUse": {"toolUseId": "c", "name": "f"}}, Call(id="c", name="f", arguments="{}")),
        (
            {"toolUse": {"toolUseId": "c", "name": "f", "input": {}, "novel": 1}},
            Call(id="c", name="f", arguments="{}", rest=Rest("converse", {"novel": 1})),
        ),
        ({"reasoningContent": {"reasoningText": {"text": "Hm"}}}, Thinking(text="Hm")),
        (
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
            Thinking(text="Hm", seal=Seal(realm=REALM, token="s")),
        ),
        (
            {"reasoningContent": {"redactedContent": "AAAA"}},
            Thinking(withheld=True, seal=Seal(realm=REALM, token="AAAA")),
        ),
        (
            {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
            Media(kind="image", mime="image/png", data=b"\0\0\0"),
        ),
        (
            {
                "citationsContent": {
                    "content": [{"text": "So "}, {"text": "it is."}],
                    "citations": [{"title": "T", "sourceContent": TWO, "source": "s", "location": PLACE}],
                }
            },
            Text(
                text="So it is.",
                citations=(
                    Citation(
                        title="T",
                        quote="ab",
                        rest=Rest("converse", {"sourceContent": TWO, "source": "s", "location": PLACE}),
                    ),
                ),
            ),
        ),
    ],
)
def test_blocks(block: Any, wanted: Part) -> None:
    assert part(block) == wanted


@pytest.mark.parametrize(
    "block",
    [
        {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s", "content": [{"json": {}}], "type": "nova_grounding_result"}},
        {"image": {"format": "png", "source": {"bytes": "not base64!"}}},
        {"novel": {}},
        {},
    ],
)
def test_what_is_not_known_is_kept_whole(block: Any) -> None:
    assert part(block) == Foreign(dialect="converse", block=block)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "filter"),
        ("content_filtered", "filter"),
        ("malformed_model_output", "other"),
        ("malformed_tool_use", "other"),
        ("novel", "other"),
        (None, "other"),
    ],
)
def test_the_end(word: str | None, reason: str) -> None:
    finish = read_reply(body(stopReason=word), REALM).choices[0].finish
    assert finish is not None
    assert (finish.reason, finish.raw) == (reason, word)


def test_a_stop_sequence_that_was_asked_for_is_told() -> None:
    reply = read_reply(body(stopReason="stop_sequence", additionalModelResponseFields={"stop_sequence": "END"}), REALM)
    assert reply.choices[0].finish == Finish("stop", "stop_sequence", "END")


def test_usage_is_disjoint() -> None:
    usage = {
        "inputTokens": 10,
        "outputTokens": 4,
        "totalTokens": 45,
        "cacheReadInputTokens": 20,
        "cacheReadInputTokenCount": 20,
        "cacheWriteInputTokens": 11,
        "cacheWriteInputTokenCount": 11,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 8}, {"ttl": "5m", "inputTokens": 3}],
        "serverToolUsage": {},
    }
    reply = read_reply(body(usage=usage), REALM)
    assert reply.usage == Usage(input=10, cache_read=20, cache_write=11, cache_write_1h=8, output=4)
    assert reply.usage.total == usage["totalTokens"]
    assert reply.rest is None


def test_what_canon_has_no_word_for_is_kept() -> None:
    reply = read_reply(
        body(metrics={"latencyMs": 1}, trace={"guardrail": {}}, usage={"inputTokens": 1, "novel": 2}), REALM
    )
    assert reply.rest == Rest(
        "converse", {"metrics": {"latencyMs": 1}, "trace": {"guardrail": {}}, "usage": {"novel": 2}}
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"message": "Too many requests", "__type": "ThrottlingException"}, "rate"),
        ({"message": "oh"}, "overloaded"),
        ({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}, "not_found"),
        ({"output": {"message": {"role": "assistant"}}}, "protocol"),
        ({"output": 1}, "protocol"),
        ({"message": {"role": "assistant", "content": "of another format"}}, "protocol"),
        ({}, "protocol"),
        ([], "protocol"),
        (None, "protocol"),
    ],
)
def test_no_reply_is_a_fault(answer: Any, kind: str) -> None:
    with pytest.raises(Fault) as caught:
        read_reply(answer, REALM)
    assert caught.value.kind == kind


@given(json_values)
def test_any_block_is_read(block: Any) -> None:
    for name in ("text", "toolUse", "reasoningContent", "citationsContent", "image"):
        read_reply(body({name: block}), REALM)


def test_a_reply_given_back_is_the_same() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "AAAA"}},
        {
            "citationsContent": {
                "content": [{"text": "So."}],
                "citations": [
                    {"title": "T", "sourceContent": [{"text": "q"}], "source": "s", "location": PLACE},
                    {"sourceContent": TWO, "location": {"web": {"url": "https://x.example", "domain": "x.example"}}},
                ],
            }
        },
        {"toolUse": {"toolUseId": "s", "name": "nova_x", "input": {"q": 1}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s", "content": [{"json": {}}], "type": "nova_x_result", "status": "success"}},
        {"text": "Done."},
    ]
    parts = read_reply(body(*content), REALM).choices[0].parts
    losses = Losses()
    request = Request(
        model="us.amazon.nova-2-lite-v1:0",
        turns=(
            Turn(role="user", parts=(Text(text="Hi"),)),
            Turn(role="assistant", parts=parts),
            Turn(role="user", parts=(Text(text="And?"),)),
        ),
    )
    assert write_request(request, losses)["messages"][1] == {"role": "assistant", "content": content}
    assert not losses.items
