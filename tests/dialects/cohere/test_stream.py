"""Events to canon: text, thoughts, plans, calls, citations, the end, and what breaks."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import laws
from uni_api.canon import (
    Broke,
    Call,
    Citation,
    Closed,
    Event,
    Finish,
    Finished,
    Foreign,
    Grew,
    Metered,
    Noted,
    Opened,
    Rest,
    Scored,
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
    Token,
    Usage,
    fold,
)
from uni_api.dialects import cohere
from uni_api.framing import Frame, SseDecoder

USAGE = {
    "billed_units": {"input_tokens": 4, "output_tokens": 2},
    "tokens": {"input_tokens": 11.0, "output_tokens": 7.0},
    "cached_tokens": 3,
}
BILLED = {"billed_units": {"input_tokens": 4, "output_tokens": 2}}
HINTS = frozenset({"usage", "meta", "response_id", "generation_id"})
THOUGHT, PLANNED = Seal(realm="cohere", token="thinking"), Seal(realm="cohere", token="tool_plan")


def message(type: str, index: int | None = None, **said: Any) -> dict[str, Any]:
    placed = {} if index is None else {"index": index}
    return {"type": type, **placed, "delta": {"message": said}}


START = message("message-start", role="assistant", content=[], tool_plan="", tool_calls=[], citations=[]) | {"id": "a1"}


def content(index: int, *pieces: str, kind: str = "text") -> list[dict[str, Any]]:
    """A whole block, in pieces."""
    return [
        message("content-start", index, content={"type": kind, kind: ""}),
        *(message("content-delta", index, content={kind: piece}) for piece in pieces),
        {"type": "content-end", "index": index},
    ]


def call(index: int, id: str, name: str, *pieces: str) -> list[dict[str, Any]]:
    called = {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        message("tool-call-start", index, tool_calls=called),
        *(message("tool-call-delta", index, tool_calls={"function": {"arguments": piece}}) for piece in pieces),
        {"type": "tool-call-end", "index": index},
    ]


def plan(*pieces: str) -> list[dict[str, Any]]:
    return [message("tool-plan-delta", tool_plan=piece) for piece in pieces]


def end(reason: Any = "COMPLETE", **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USAGE, **more}}


def wire(events: Iterable[dict[str, Any]]) -> bytes:
    said = (f"event: {each.get('type')}\ndata: {json.dumps(each, ensure_ascii=False)}\n\n" for each in events)
    return "".join(said).encode() + b"data: [DONE]\n\n"


def read(*pieces: bytes) -> list[Event]:
    """The events of a whole stream that comes in these pieces."""
    decoder, reader = SseDecoder(), cohere.reader("cohere")
    events: list[Event] = []
    for frame in [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close():
        events.extend(reader.feed(frame))
    events.extend(reader.close())
    laws.check_grammar(events)
    return events


def said(*events: dict[str, Any]) -> list[Event]:
    return read(wire(events))


def parts(*events: dict[str, Any]) -> tuple[Any, ...]:
    return fold(said(START, *events, end())).choices[0].parts


def fault(events: list[Event]) -> tuple[str, str]:
    broke = events[-1]
    assert isinstance(broke, Broke)
    return broke.fault.kind, broke.fault.message


def test_text_grows_one_part_and_ends_with_what_was_counted() -> None:
    assert said(START, *content(0, "Hel", "lo"), end()) == [
        Started(id="a1"),
        Opened(0, Text()),
        Grew(0, "Hel"),
        Grew(0, "lo"),
        Closed(0),
        Metered(Usage(input=8, cache_read=3, output=7)),
        Finished(Finish("stop", "COMPLETE")),
        Noted(Rest("cohere", {"usage": BILLED}, HINTS)),
    ]


def test_thoughts_are_sealed_with_where_they_stood() -> None:
    events = said(START, *content(0, "H", "m", kind="thinking"), *content(1, "Yes."), end())
    assert events[1:9] == [
        Opened(0, Thinking()),
        Grew(0, "H"),
        Grew(0, "m"),
        Sealed(0, THOUGHT),
        Closed(0),
        Opened(1, Text()),
        Grew(1, "Yes."),
        Closed(1),
    ]


def test_a_plan_is_a_thought() -> None:
    assert parts(*plan("I ", "look."), *call(0, "f_1", "f", '{"a":', " 1}")) == (
        Thinking(text="I look.", seal=PLANNED),
        Call(id="f_1", name="f", arguments='{"a": 1}'),
    )


def test_calls_end_an_answer_with_calls() -> None:
    events = said(START, *call(0, "f_1", "f", "{}"), *call(1, "f_2", "f", '{"b":2.50}'), end("TOOL_CALL"))
    reply = fold(events)
    assert [(part.id, part.arguments) for part in reply.choices[0].parts if isinstance(part, Call)] == [
        ("f_1", "{}"),
        ("f_2", '{"b":2.50}'),
    ]
    assert reply.choices[0].finish == Finish("calls", "TOOL_CALL")


def test_calls_may_grow_at_once() -> None:
    first, second = call(0, "f_1", "f", '{"a":', "1}"), call(1, "f_2", "g", '{"b":', "2}")
    mixed = [each for pair in zip(first, second, strict=True) for each in pair]
    assert parts(*mixed) == (
        Call(id="f_1", name="f", arguments='{"a":1}'),
        Call(id="f_2", name="g", arguments='{"b":2}'),
    )


def test_a_call_without_arguments_has_an_empty_object_of_them() -> None:
    assert parts(*call(0, "f_1", "f")) == (Call(id="f_1", name="f", arguments="{}"),)


def test_calls_that_are_not_ended_are_ended_with_the_answer() -> None:
    assert parts(*call(0, "f_1", "f", '{"a":1}')[:-1]) == (Call(id="f_1", name="f", arguments='{"a":1}'),)


DOCUMENT = {
    "type": "document",
    "id": "d:0",
    "document": {"id": "d:0", "title": "Facts", "url": "https://example.com/f", "text": "Ruby is of 1993."},
}
TOOL = {"type": "tool", "id": "f_1:0", "tool_output": {"content": "1993"}}


def cite(place: int | None, *sources: Any, start: int = 5, end: int = 9, **more: Any) -> list[dict[str, Any]]:
    placed = {} if place is None else {"content_index": place}
    citation = {"start": start, "end": end, "text": "1993", "sources": list(sources), **placed, **more}
    return [message("citation-start", 0, citations=citation), {"type": "citation-end", "index": 0}]


def test_each_source_of_a_citation_is_one() -> None:
    begun, *_, ended = content(0, "From 1993.")
    grown = content(0, "From 1993.")[1]
    (text,) = parts(begun, grown, *cite(None, DOCUMENT, TOOL, type="TEXT_CONTENT"), ended)
    left = {"text": "1993", "type": "TEXT_CONTENT"}
    assert text.citations == (
        Citation(
            url="https://example.com/f",
            title="Facts",
            start=5,
            end=9,
            rest=Rest("cohere", {**left, "sources": [DOCUMENT]}),
        ),
        Citation(start=5, end=9, rest=Rest("cohere", {**left, "sources": [TOOL]})),
    )


def test_citations_may_come_when_their_text_is_over() -> None:
    events = said(START, *content(0, "Hm.", kind="thinking"), *content(1, "In 1993."), *cite(1, TOOL, start=3), end())
    text = fold(events).choices[0].parts[1]
    assert isinstance(text, Text)
    assert [(each.start, each.end) for each in text.citations] == [(3, 9)]


@pytest.mark.parametrize(
    "citation",
    [cite(0, TOOL, type="PLAN"), cite(7, TOOL), cite(0, TOOL, type="THINKING_CONTENT")],
)
def test_citations_of_anything_but_text_are_kept_beside_the_answer(citation: list[dict[str, Any]]) -> None:
    reply = fold(said(START, *content(0, "In 1993."), *citation, end()))
    assert reply.choices[0].parts == (Text(text="In 1993."),)
    assert reply.rest is not None
    assert reply.rest.fields["citations"] == [citation[0]["delta"]["message"]["citations"]]


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("COMPLETE", Finish("stop", "COMPLETE")),
        ("STOP_SEQUENCE", Finish("stop", "STOP_SEQUENCE")),
        ("MAX_TOKENS", Finish("length", "MAX_TOKENS")),
        ("A_NEWER_WORD", Finish("other", "A_NEWER_WORD")),
        (None, Finish("stop")),
        (7, Finish("stop")),
    ],
)
def test_why_it_ended(word: Any, finish: Finish) -> None:
    assert fold(said(START, *content(0, "Hi"), end(word))).choices[0].finish == finish


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"tokens": {"input_tokens": 5, "output_tokens": 6}}, Usage(input=5, output=6)),
        ({"tokens": {"input_tokens": 5, "output_tokens": 6}, "cached_tokens": 9}, Usage(cache_read=5, output=6)),
        (
            {"tokens": {"input_tokens": 5, "output_tokens": 6, "reasoning_tokens": 4}},
            Usage(input=5, output=6, reasoning=4),
        ),
        ({"billed_units": {"input_tokens": 5, "output_tokens": 6}}, Usage(input=5, output=6)),
        ({"tokens": {"input_tokens": "x", "output_tokens": -1}}, Usage()),
        ({}, None),
        ({"tokens": 7}, None),
        (None, None),
    ],
)
def test_what_was_used(usage: Any, counted: Usage | None) -> None:
    assert fold(said(START, *content(0, "Hi"), end() | {"delta": {"usage": usage}})).usage == counted


def test_log_probabilities() -> None:
    begun, grown, ended = content(0, "Hi")
    events = said(
        START, begun, grown | {"logprobs": {"text": "Hi", "token_ids": [1, 2], "logprobs": [-0.5, -1]}}, ended
    )
    assert Scored((Token(text="Hi", logprob=-1.5),)) in events


def test_what_has_no_word_is_kept() -> None:
    odd = {"type": "mood-start", "mood": "merry"}
    picture = message("content-start", 1, content={"type": "image", "image": "x"})
    reply = fold(said(START, *content(0, "Hi"), picture, odd, {"type": "debug", "prompt": "p"}, end()))
    assert reply.choices[0].parts == (
        Text(text="Hi"),
        Foreign(dialect="cohere", block={"type": "image", "image": "x"}),
    )
    assert reply.rest == Rest("cohere", {"events": [odd], "usage": BILLED}, HINTS)


def test_nothing_counts_after_the_end() -> None:
    assert fold(said(START, *content(0, "Hi"), end(), *content(1, "more"))).choices[0].parts == (Text(text="Hi"),)


def test_an_answer_that_fails_breaks_the_stream() -> None:
    failed = end("ERROR", error="your request resulted in an invalid tool generation.", error_type="INVALID", usage={})
    events = said(START, *plan("I look."), failed)
    assert events[1:5] == [Opened(0, Thinking()), Grew(0, "I look."), Sealed(0, PLANNED), Closed(0)]
    assert fault(events) == ("overloaded", "your request resulted in an invalid tool generation.")
    broke = events[-1]
    assert isinstance(broke, Broke)
    assert broke.fault.type == "INVALID"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("ERROR", "overloaded"), ("TIMEOUT", "timeout")],
)
def test_failures_without_a_sentence_have_one_of_ours(reason: str, kind: str) -> None:
    found, sentence = fault(said(START, *content(0, "Hi"), end(reason)))
    assert (found, sentence.startswith("The upstream")) == (kind, True)


@pytest.mark.parametrize(
    "event",
    [{"message": "try later"}, {"type": "error", "message": "try later"}, {"error": {"message": "try later"}}],
)
def test_an_error_among_the_events_breaks_the_stream(event: dict[str, Any]) -> None:
    assert fault(said(START, event, end())) == ("overloaded", "try later")


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"", "ended before"),
        (b"data: [DONE]\n\n", "ended before"),
        (wire([START, *content(0, "Hel")]), "ended before"),
        (b"data: <html>\n\n", "not JSON"),
        (b"data: [1]\n\n", "not a JSON object"),
        (b'data: {"delta":' + b"[" * 5000 + b"\n\n", "not JSON"),
        (b'data: {"a": "\xff"}\n\n', "not JSON"),
    ],
)
def test_what_is_not_a_stream_breaks(stream: bytes, words: str) -> None:
    kind, sentence = fault(read(stream))
    assert kind == "protocol"
    assert words in sentence


def test_pieces_without_a_beginning_begin_a_part() -> None:
    assert fold(said(content(0, "Hi")[1], end())).choices[0].parts == (Text(text="Hi"),)


def test_a_number_may_be_used_again() -> None:
    assert parts(*content(0, "Hm.", kind="thinking"), *content(0, "One."), *content(0, "Two.")) == (
        Thinking(text="Hm.", seal=THOUGHT),
        Text(text="One."),
        Text(text="Two."),
    )


SAMPLE = wire(
    [
        START,
        *plan("Øre."),
        *content(0, "Hm", "…", kind="thinking"),
        *content(1, "In 1993."),
        *cite(1, DOCUMENT, start=3),
        *call(0, "f_1", "f", '{"å":', "1}"),
        end("TOOL_CALL"),
    ]
)


def test_law_4_every_cut_says_the_same() -> None:
    laws.check_splits(lambda: cohere.reader("cohere"), SAMPLE)


odd_values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.integers(-2, 3), st.text(max_size=3), st.just([]), st.just({}), st.lists(st.none())
)
odd_blocks = st.dictionaries(st.sampled_from(["type", "text", "thinking", "id", "function"]), odd_values, max_size=3)
odd_messages = st.dictionaries(
    st.sampled_from(["content", "tool_plan", "tool_calls", "citations"]),
    odd_values | odd_blocks | st.lists(odd_blocks, max_size=2),
    max_size=3,
)
odd_kinds = [
    *("message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "message-end"),
    *("tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "citation-end", "error"),
]
odd_events = st.fixed_dictionaries(
    {"type": st.sampled_from(odd_kinds)},
    optional={
        "index": odd_values,
        "logprobs": odd_values,
        "delta": st.one_of(odd_values, st.fixed_dictionaries({"message": odd_messages}), odd_messages),
    },
)


@given(st.lists(odd_events, max_size=8))
def test_no_event_raises_and_the_grammar_is_kept(events: list[dict[str, Any]]) -> None:
    said(*events)


@given(st.binary(max_size=80))
def test_no_frame_raises(data: bytes) -> None:
    reader = cohere.reader("cohere")
    laws.check_grammar([*reader.feed(Frame(data)), *reader.close()])
