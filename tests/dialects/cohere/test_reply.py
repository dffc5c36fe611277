"""Whole answers: the same as their streams, and what is no answer."""

from typing import Any

import pytest
from hypothesis import given

from tests.dialects import laws
from tests.dialects.cohere.test_stream import (
    BILLED,
    DOCUMENT,
    HINTS,
    PLANNED,
    START,
    THOUGHT,
    TOOL,
    USAGE,
    call,
    cite,
    content,
    end,
    plan,
    said,
)
from uni_api.canon import Call, Choice, Citation, Finish, Foreign, Reply, Rest, Text, Thinking, Token, Usage
from uni_api.dialects import cohere
from uni_api.errors import Fault

CALL = {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}}
CITATION = {"start": 3, "end": 7, "text": "1993", "sources": [DOCUMENT, TOOL], "type": "TEXT_CONTENT"}


def answer(**message: Any) -> dict[str, Any]:
    return {"id": "a1", "message": {"role": "assistant", **message}, "finish_reason": "COMPLETE", "usage": USAGE}


def parts(**message: Any) -> tuple[Any, ...]:
    return cohere.read_reply(answer(**message), "cohere").choices[0].parts


def test_a_whole_answer() -> None:
    body = answer(
        tool_plan="I look.",
        content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Sunny."}],
        tool_calls=[CALL],
    )
    assert cohere.read_reply(body | {"finish_reason": "TOOL_CALL"}, "cohere") == Reply(
        id="a1",
        choices=(
            Choice(
                parts=(
                    Thinking(text="I look.", seal=PLANNED),
                    Thinking(text="Hm.", seal=THOUGHT),
                    Text(text="Sunny."),
                    Call(id="f_1", name="f", arguments='{"a": 1.0}'),
                ),
                finish=Finish("calls", "TOOL_CALL"),
            ),
        ),
        usage=Usage(input=8, cache_read=3, output=7),
        rest=Rest("cohere", {"usage": BILLED}, HINTS),
    )


def test_law_4_a_stream_is_its_whole_answer() -> None:
    cited = CITATION | {"content_index": 1}
    body = answer(
        tool_plan="I look.",
        content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "In 1993."}],
        citations=[cited, CITATION | {"type": "PLAN"}],
        tool_calls=[CALL, CALL | {"id": "f_2"}],
    )
    events = said(
        START,
        *plan("I ", "look."),
        *content(0, "Hm", ".", kind="thinking"),
        *content(1, "In ", "1993."),
        *cite(1, DOCUMENT, TOOL, start=3, end=7, type="TEXT_CONTENT"),
        *cite(None, DOCUMENT, TOOL, start=3, end=7, type="PLAN"),
        *call(0, "f_1", "f", '{"a":', " 1.0}"),
        *call(1, "f_2", "f", '{"a": 1.0}'),
        end("TOOL_CALL"),
    )
    laws.check_stream_is_batch(events, cohere.read_reply(body | {"finish_reason": "TOOL_CALL"}, "cohere"))


def test_each_source_of_a_citation_is_one() -> None:
    (text,) = parts(content=[{"type": "text", "text": "In 1993."}], citations=[CITATION])
    assert [(each.url, each.title, each.start, each.end) for each in text.citations] == [
        ("https://example.com/f", "Facts", 3, 7),
        (None, None, 3, 7),
    ]


def test_a_citation_without_sources_is_kept() -> None:
    (text,) = parts(content="In 1993.", citations=[{"start": 3, "end": 7, "text": "1993"}])
    assert text == Text(text="In 1993.", citations=(Citation(start=3, end=7, rest=Rest("cohere", {"text": "1993"})),))


@pytest.mark.parametrize("place", [1, -1, "0", None])
def test_citations_of_no_text_are_kept_beside_the_answer(place: Any) -> None:
    lost = CITATION | {"content_index": place}
    reply = cohere.read_reply(answer(content=[{"type": "text", "text": "x"}], citations=[lost]), "cohere")
    assert reply.rest is not None
    assert reply.rest.fields["citations"] == [lost]


def test_blocks_of_other_kinds_are_kept() -> None:
    block = {"type": "image", "image": "x"}
    assert parts(content=[block, "plain"]) == (Foreign(dialect="cohere", block=block), Text(text="plain"))


def test_what_has_no_word_is_kept() -> None:
    body = answer(content=[7], tool_calls=[None, {"id": "x"}], mood="merry") | {"meta": {"api": 2}, "extra": None}
    reply = cohere.read_reply(body, "cohere")
    assert reply.rest is not None
    assert reply.rest.fields == {
        "meta": {"api": 2},
        "content": [7],
        "tool_calls": [None, {"id": "x"}],
        "mood": "merry",
        "usage": BILLED,
    }


@pytest.mark.parametrize(
    ("said_arguments", "arguments"), [(None, "{}"), ("", "{}"), ("{broken", "{broken"), ({"a": 1}, '{"a":1}')]
)
def test_arguments_are_text(said_arguments: Any, arguments: str) -> None:
    (part,) = parts(tool_calls=[{"id": "f_1", "function": {"name": "f", "arguments": said_arguments}}])
    assert part.arguments == arguments


def test_calls_are_the_end_of_an_answer_that_is_complete() -> None:
    assert cohere.read_reply(answer(tool_calls=[CALL]), "r").choices[0].finish == Finish("calls", "COMPLETE")
    cut = answer(tool_calls=[CALL]) | {"finish_reason": "MAX_TOKENS"}
    assert cohere.read_reply(cut, "r").choices[0].finish == Finish("length", "MAX_TOKENS")


def test_log_probabilities() -> None:
    items = [
        {"text": "Hi", "token_ids": [1], "logprobs": [-0.5]},
        {"text": " you", "token_ids": [2, 3], "logprobs": [-1, -0.25]},
        {"text": "?", "token_ids": [4]},
        {"text": "!", "token_ids": [5], "logprobs": ["x"]},
        None,
    ]
    reply = cohere.read_reply(answer(content="Hi you?!") | {"logprobs": items}, "r")
    assert reply.choices[0].logprobs == (Token(text="Hi", logprob=-0.5), Token(text=" you", logprob=-1.25))


@pytest.mark.parametrize("body", [{}, {"message": None}, {"text": "Hi"}, {"choices": [{"message": {"content": "x"}}]}])
def test_what_is_no_answer_is_a_fault(body: dict[str, Any]) -> None:
    with pytest.raises(Fault, match="no message") as caught:
        cohere.read_reply(body, "r")
    assert caught.value.kind == "protocol"


def test_an_error_in_disguise_is_a_fault() -> None:
    with pytest.raises(Fault, match="model 'x' not found") as caught:
        cohere.read_reply({"id": "7", "message": "model 'x' not found"}, "r")
    assert (caught.value.kind, caught.value.status) == ("not_found", 404)


@pytest.mark.parametrize(("word", "kind"), [("ERROR", "overloaded"), ("TIMEOUT", "timeout")])
def test_an_answer_that_failed_is_a_fault(word: str, kind: str) -> None:
    with pytest.raises(Fault, match="The upstream") as caught:
        cohere.read_reply(answer(content="Hi") | {"finish_reason": word}, "r")
    assert caught.value.kind == kind


@given(laws.json_values)
def test_no_message_raises_anything_but_a_fault(value: Any) -> None:
    for name in ("content", "citations", "tool_calls", "tool_plan"):
        cohere.read_reply(answer(**{name: value}), "r")
    try:
        cohere.read_reply({"message": value, "usage": value, "finish_reason": value, "error": value}, "r")
    except Fault as fault:
        assert fault.message
