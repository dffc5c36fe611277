"""Frames to events, in the older form (`response`) and the newer one (`choices`)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import laws
from uni_api.canon import (
    Broke,
    Call,
    Closed,
    Event,
    Finish,
    Finished,
    Grew,
    Metered,
    Opened,
    Rest,
    Started,
    Text,
    Thinking,
    Usage,
    fold,
)
from uni_api.dialects import workers_ai
from uni_api.framing import Frame

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def wire(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n" for chunk in chunks)


def read(stream: bytes) -> list[Event]:
    """The events of a whole stream, which are the same wherever it is cut."""
    events = laws.check_splits(lambda: workers_ai.reader("r"), stream)
    laws.check_grammar(events)
    return events


def said(*chunks: Any) -> list[Event]:
    return read(wire(*chunks) + DONE)


def delta(finish: str | None = None, **words: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": words, "finish_reason": finish}
    return {"id": "id-1", "object": "chat.completion.chunk", "created": 5, "model": "@cf/m", "choices": [choice]}


def test_the_older_form() -> None:
    assert said({"response": "Hel", "p": "abc"}, {"response": "lo"}, {"response": "", "usage": USAGE}) == [
        Started(),
        Opened(0, Text()),
        Grew(0, "Hel"),
        Grew(0, "lo"),
        Metered(Usage(input=9, output=4)),
        Closed(0),
        Finished(Finish("stop")),
    ]


@pytest.mark.parametrize(("response", "text"), [(7, "7"), (True, "true"), ({"a": 1}, '{"a":1}'), (None, "")])
def test_an_answer_that_is_no_text_is_told_by_its_json(response: Any, text: str) -> None:
    (choice,) = fold(said({"response": response})).choices
    assert "".join(part.text for part in choice.parts if isinstance(part, Text)) == text


def test_calls_of_the_older_form_come_whole_and_get_ids() -> None:
    calls = [{"name": "weather", "arguments": {"city": "Oslo"}}, {"name": "time", "arguments": {}}]
    (choice,) = fold(said({"response": None, "tool_calls": calls})).choices
    assert [(part.name, part.arguments) for part in choice.parts if isinstance(part, Call)] == [
        ("weather", '{"city":"Oslo"}'),
        ("time", "{}"),
    ]
    ids = [part.id for part in choice.parts if isinstance(part, Call)]
    assert len(set(ids)) == 2
    assert all(id.startswith("call_") for id in ids)
    assert choice.finish == Finish("calls")


def test_calls_in_pieces_are_put_together() -> None:
    def piece(index: int, arguments: str | None, name: str | None = None, id: str | None = None) -> dict[str, Any]:
        function = {"name": name, "arguments": arguments}
        return {"tool_calls": [{"id": id, "type": "function", "index": index, "function": function}]}

    events = said(
        piece(0, "", "weather", "call_1"),
        piece(0, '{"city":'),
        piece(1, '{"tz"', "time", "call_2"),
        piece(0, '"Oslo"}'),
        piece(1, ":1}"),
        piece(0, ""),
        piece(1, "{}", "time", "call_3"),
    )
    (choice,) = fold(events).choices
    assert choice.parts == (
        Call(id="call_1", name="weather", arguments='{"city":"Oslo"}'),
        Call(id="call_2", name="time", arguments='{"tz":1}'),
        Call(id="call_3", name="time", arguments="{}"),
    )


def test_the_newer_form() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    events = said(
        delta(role="assistant", content=""),
        delta(reasoning_content="Hm", reasoning="Hm"),
        delta(reasoning="."),
        delta(content="Yes."),
        delta(tool_calls=[call]),
        delta("tool_calls"),
        {"id": "id-1", "choices": [], "usage": USAGE},
    )
    assert events[0] == Started(id="id-1", model="@cf/m", created=5)
    reply = fold(events)
    assert reply.choices[0].parts == (
        Thinking(text="Hm."),
        Text(text="Yes."),
        Call(id="c1", name="f", arguments="{}"),
    )
    assert reply.choices[0].finish == Finish("calls", "tool_calls")
    assert reply.usage == Usage(input=9, output=4)


def test_a_newer_stream_may_end_without_its_mark() -> None:
    assert fold(read(wire(delta(content="Hi"), delta("length")))).choices[0].finish == Finish("length", "length")


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("model_length", Finish("length", "model_length")),
        ("content_filter", Finish("filter", "content_filter")),
        ("error", Finish("other", "error")),
    ],
)
def test_why_it_ended(word: str, finish: Finish) -> None:
    assert fold(said({"response": "Hi", "finish_reason": word})).choices[0].finish == finish


def test_counts() -> None:
    usage = USAGE | {
        "prompt_tokens_details": {"cached_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert fold(said({"response": "Hi", "usage": usage})).usage == Usage(input=3, cache_read=6, output=4, reasoning=3)


def test_what_has_no_word_is_kept() -> None:
    assert fold(said({"response": "Hi", "mood": "merry"})).rest == Rest("workers_ai", {"mood": "merry"})


@pytest.mark.parametrize(
    ("stream", "kind", "words"),
    [
        (b"", "protocol", "ended before"),
        (DONE, "protocol", "ended before"),
        (wire({"response": "Hel"}), "protocol", "ended before"),
        (wire({"usage": USAGE}), "protocol", "ended before"),
        (b"data: <html>\n\n", "protocol", "not JSON"),
        (b"data: [1]\n\n", "protocol", "not a JSON object"),
        (wire({"errors": [{"code": 3040, "message": "Capacity temporarily exceeded"}]}), "overloaded", "Capacity"),
        (wire({"response": "Hi"}, {"error": "it broke"}), "overloaded", "it broke"),
    ],
)
def test_what_breaks(stream: bytes, kind: str, words: str) -> None:
    broke = read(stream)[-1]
    assert isinstance(broke, Broke)
    assert broke.fault.kind == kind
    assert words in broke.fault.message


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["function", "name", "arguments", "index", "delta", "content"]), inner)
    ),
    max_leaves=6,
)
names = st.sampled_from(["response", "choices", "tool_calls", "usage", "result", "finish_reason", "errors", "id"])


@given(st.lists(st.dictionaries(names, values), max_size=4))
def test_no_frame_whatever_it_holds_raises(chunks: list[dict[str, Any]]) -> None:
    laws.check_grammar(laws.events_of(workers_ai.reader("r"), [wire(*chunks), DONE]))


@given(st.binary(max_size=40))
def test_no_bytes_raise(data: bytes) -> None:
    reader = workers_ai.reader("r")
    events = [*reader.feed(Frame(data)), *reader.close()]
    assert isinstance(events[-1], Broke)
