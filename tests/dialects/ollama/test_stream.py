"""Lines to events: text, thinking, calls, the end, and what breaks."""

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
    Closed,
    Event,
    Finish,
    Finished,
    Grew,
    Media,
    Metered,
    Opened,
    Rest,
    Scored,
    Started,
    Text,
    Thinking,
    Token,
    Usage,
    fold,
)
from uni_api.dialects import ollama
from uni_api.framing import Frame, NdjsonDecoder

TIME = "2026-11-24T08:15:30.123456789Z"
SECONDS = 1795508130


def line(content: str = "", **message: Any) -> dict[str, Any]:
    spoken = {"role": "assistant", "content": content, **message}
    return {"model": "qwen3:4b", "created_at": TIME, "message": spoken, "done": False}


def last(reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    ended = line() | {"done": True, "prompt_eval_count": 11, "eval_count": 7}
    return ended | ({} if reason is None else {"done_reason": reason}) | more


def wire(lines: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in lines)


def read(*pieces: bytes) -> list[Event]:
    """The events of a whole stream that comes in these pieces."""
    decoder, reader = NdjsonDecoder(), ollama.reader("ollama:host")
    events: list[Event] = []
    for piece in pieces:
        for frame in decoder.feed(piece):
            events.extend(reader.feed(frame))
    for frame in decoder.close():
        events.extend(reader.feed(frame))
    events.extend(reader.close())
    laws.check_grammar(events)
    return events


def said(*lines: dict[str, Any]) -> list[Event]:
    return read(wire(lines))


def fault(events: list[Event]) -> tuple[str, str]:
    broke = events[-1]
    assert isinstance(broke, Broke)
    return broke.fault.kind, broke.fault.message


def test_text_grows_one_part_and_ends_with_what_was_counted() -> None:
    assert said(line("Hel"), line("lo"), last()) == [
        Started(model="qwen3:4b", created=SECONDS),
        Opened(0, Text()),
        Grew(0, "Hel"),
        Grew(0, "lo"),
        Closed(0),
        Metered(Usage(input=11, output=7)),
        Finished(Finish("stop", "stop")),
    ]


def test_thinking_comes_before_the_text_it_leads_to() -> None:
    reply = fold(said(line(thinking="Let me "), line(thinking="see."), line("Yes."), last()))
    assert reply.choices[0].parts == (Thinking(text="Let me see."), Text(text="Yes."))


def test_thinking_and_text_of_one_line_are_two_parts() -> None:
    reply = fold(said(line("Yes.", thinking="Hm."), last()))
    assert reply.choices[0].parts == (Thinking(text="Hm."), Text(text="Yes."))


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}, **more}


def test_a_call_comes_whole_and_ends_the_answer_with_calls() -> None:
    events = said(line("I look."), line(tool_calls=[call("weather", {"city": "Århus"}, id="call_7")]), last())
    assert events[4:8] == [
        Opened(1, Call(id="call_7", name="weather")),
        Grew(1, '{"city":"Århus"}'),
        Closed(1),
        Metered(Usage(input=11, output=7)),
    ]
    assert events[-1] == Finished(Finish("calls", "stop"))


@pytest.mark.parametrize(("arguments", "wanted"), [({}, "{}"), (None, "{}"), ('{"a": 2.50}', '{"a": 2.50}')])
def test_arguments_are_an_object_as_text(arguments: Any, wanted: str) -> None:
    (part,) = fold(said(line(tool_calls=[call("f", arguments)]), last())).choices[0].parts
    assert isinstance(part, Call)
    assert part.arguments == wanted


def test_calls_without_ids_get_ids_that_differ_and_never_change() -> None:
    lines = (line(tool_calls=[call("f", {}), call("f", {})]), line(tool_calls=[call("f", {})]), last())
    ids = [part.id for part in fold(said(*lines)).choices[0].parts if isinstance(part, Call)]
    assert len(set(ids)) == 3
    assert all(id.startswith("call_") for id in ids)
    assert ids == [part.id for part in fold(said(*lines)).choices[0].parts if isinstance(part, Call)]
    later = [{**each, "created_at": "2026-11-24T08:16:00Z"} for each in lines]
    assert not set(ids) & {part.id for part in fold(said(*later)).choices[0].parts if isinstance(part, Call)}


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", Finish("stop", "stop")),
        ("length", Finish("length", "length")),
        ("load", Finish("other", "load")),
        ("unload", Finish("other", "unload")),
        ("a newer word", Finish("other", "a newer word")),
        (None, Finish("stop")),
    ],
)
def test_why_it_ended(word: str | None, finish: Finish) -> None:
    assert fold(said(line("Hi"), last(word))).choices[0].finish == finish


def test_an_answer_cut_short_among_its_calls_says_so() -> None:
    reply = fold(said(line(tool_calls=[call("f", {})]), last("length")))
    assert reply.choices[0].finish == Finish("length", "length")


def test_what_the_cache_gave_is_a_part_of_the_prompt() -> None:
    reply = fold(said(line("Hi"), last(prompt_eval_count=900, prompt_eval_cached_count=850)))
    assert reply.usage == Usage(input=50, cache_read=850, output=7)


def test_a_prompt_that_was_not_counted_counts_nothing() -> None:
    ended = last()
    del ended["prompt_eval_count"]
    assert fold(said(line("Hi"), ended)).usage == Usage(output=7)


def test_no_counts_are_no_usage() -> None:
    assert fold(said(line("Hi"), line() | {"done": True})).usage is None


def test_log_probabilities() -> None:
    scored = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -2}]}
    events = said(line("é") | {"logprobs": [scored]}, last())
    token = Token(text="é", logprob=-0.5, bytes=(195, 169), top=(Token(text="e", logprob=-2.0),))
    assert Scored((token,)) in events


def test_images_are_parts() -> None:
    (part,) = fold(said(line(images=["AAEC"]), last())).choices[0].parts
    assert part == Media(kind="image", data=b"\x00\x01\x02")


def test_the_older_endpoint_says_the_same_at_the_top() -> None:
    def generated(response: str, **more: Any) -> dict[str, Any]:
        return {"model": "llama3", "created_at": TIME, "response": response, "done": False, **more}

    reply = fold(said(generated("", thinking="Hm."), generated("Yes"), generated(".", done=True, done_reason="stop")))
    assert reply.choices[0].parts == (Thinking(text="Hm."), Text(text="Yes."))
    assert reply.choices[0].finish == Finish("stop", "stop")


def test_what_has_no_word_is_kept() -> None:
    reply = fold(said(line("Hi", mood="merry"), last(total_duration=5, context=[1, 2])))
    hints = frozenset({"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"})
    assert reply.rest == Rest("ollama", {"mood": "merry", "total_duration": 5, "context": [1, 2]}, hints)


def test_nothing_counts_after_the_end() -> None:
    events = said(line("Hi"), last(), line("more"), {"error": "late"})
    assert fold(events).choices[0].parts == (Text(text="Hi"),)


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "no time", None, 7])
def test_a_time_that_says_nothing_is_none(time: Any) -> None:
    assert fold(said(line("Hi") | {"created_at": time}, last())).created is None


def test_an_error_line_breaks_the_stream() -> None:
    events = said(line("Hel"), {"error": "an error was encountered while running the model"}, last())
    assert events[:3] == [Started(model="qwen3:4b", created=SECONDS), Opened(0, Text()), Grew(0, "Hel")]
    assert fault(events) == ("overloaded", "an error was encountered while running the model")


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"", "ended before"),
        (wire([line("Hel")]), "ended before"),
        (wire([{"done": True}]), "ended before"),
        (b"<html>\n", "not JSON"),
        (b"[1]\n", "not a JSON object"),
        (b'{"message":' + b"[" * 5000 + b"\n", "not JSON"),
        (b'{"a": "\xff"}\n', "not JSON"),
    ],
)
def test_what_is_not_a_stream_breaks(stream: bytes, words: str) -> None:
    kind, message = fault(read(stream))
    assert kind == "protocol"
    assert words in message


@pytest.mark.parametrize(
    "message",
    [
        {"content": 7, "thinking": {}, "tool_calls": "no", "images": [1, "?"]},
        {"tool_calls": [None, {}, {"function": 1}, {"function": {"name": ""}}, {"function": {"arguments": {}}}]},
    ],
)
def test_what_is_malformed_is_kept_beside_the_answer(message: dict[str, Any]) -> None:
    odd = line() | {"message": message, "logprobs": [1, {"token": 1}, {"token": "a", "logprob": "x"}]}
    reply = fold(said(odd, last(prompt_eval_count="x", eval_count=-1, done_reason=5)))
    assert reply.choices[0].parts == ()
    assert reply.usage is None
    kept = {name: message[name] for name in ("images", "tool_calls") if isinstance(message.get(name), list)}
    assert reply.rest is not None
    assert dict(reply.rest.fields) == kept


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["function", "name"]), inner),
    max_leaves=5,
)
names = st.sampled_from(["message", "response", "thinking", "done", "done_reason", "error", "logprobs", "images"])
inner_names = st.sampled_from(["content", "thinking", "tool_calls", "images", "role"])


@given(st.lists(st.dictionaries(names, values | st.dictionaries(inner_names, values), max_size=4), max_size=4))
def test_no_line_whatever_it_holds_raises(lines: list[dict[str, Any]]) -> None:
    said(*lines)


@given(st.binary(max_size=40))
def test_no_bytes_raise(data: bytes) -> None:
    reader = ollama.reader("r")
    events = [*reader.feed(Frame(data)), *reader.close()]
    assert isinstance(events[-1], Broke)


def test_every_split_gives_the_same_events() -> None:
    lines = (line("Où "), line(thinking="ça ?"), line(tool_calls=[call("f", {"é": 1})]), last("length"))
    stream = wire(lines)
    whole = read(stream)
    for at in range(1, len(stream)):
        assert read(stream[:at], stream[at:]) == whole, at
