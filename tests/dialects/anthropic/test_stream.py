import contextlib
import json
import random
from typing import Any

import httpx2
import pytest
from anthropic.lib.streaming._beta_messages import accumulate_event
from hypothesis import given
from hypothesis import strategies as st
from jiter import from_json

from tests.cassettes.records import FOLDER, needs_records, records
from tests.dialects.anthropic.frames import (
    REALM,
    STOP,
    closed,
    delta,
    ending,
    events,
    opened,
    read,
    read_bytes,
    start,
)
from uni_api.canon import (
    Broke,
    Call,
    Cited,
    Closed,
    Event,
    Finish,
    Finished,
    Foreign,
    Grew,
    Metered,
    Opened,
    Reply,
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
    Usage,
    fold,
)
from uni_api.dialects import anthropic
from uni_api.errors import Fault
from uni_api.framing import Frame, SseDecoder

KNOWN = {
    "message_start",
    "message_delta",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
}
SPLICED = "anthropic-9b8161084b12"  # a proxy tried again within the stream: two messages, the first cut short
STREAMS = [one for one in records("anthropic") if one["stream"]] if FOLDER.is_dir() else []


def test_says_text_as_it_comes() -> None:
    told = events(
        start(),
        opened(0, type="text", text=""),
        {"type": "ping"},
        delta(0, type="text_delta", text="Good "),
        delta(0, type="text_delta", text="day"),
        closed(0),
        ending(),
        STOP,
    )
    assert told == [
        Started(id="msg_1", model="claude-test"),
        Metered(Usage(input=5, output=1)),
        Opened(0, Text()),
        Grew(0, "Good "),
        Grew(0, "day"),
        Closed(0),
        Metered(Usage(input=5, output=7)),
        Finished(Finish("stop", "end_turn")),
    ]


def test_thinking_is_sealed_and_withheld_thinking_too() -> None:
    reply = fold(
        events(
            start(),
            opened(0, type="thinking", thinking="", signature=""),
            delta(0, type="thinking_delta", thinking="hm"),
            delta(0, type="signature_delta", signature="c2ln"),
            closed(0),
            opened(1, type="redacted_thinking", data="b3BhcXVl"),
            closed(1),
            ending(),
            STOP,
        )
    )
    assert reply.choices[0].parts == (
        Thinking(text="hm", seal=Seal(realm=REALM, token="c2ln")),
        Thinking(withheld=True, seal=Seal(realm=REALM, token="b3BhcXVl")),
    )


def test_parallel_calls_keep_their_arguments_apart() -> None:
    reply = fold(
        events(
            start(),
            opened(0, type="tool_use", id="a", name="one", input={}),
            opened(1, type="tool_use", id="b", name="two", input={}),
            delta(0, type="input_json_delta", partial_json='{"x": '),
            delta(1, type="input_json_delta", partial_json='{"y": 2.50}'),
            delta(0, type="input_json_delta", partial_json="1}"),
            closed(0),
            closed(1),
            ending("tool_use"),
            STOP,
        )
    )
    assert reply.choices[0].parts == (
        Call(id="a", name="one", arguments='{"x": 1}'),
        Call(id="b", name="two", arguments='{"y": 2.50}'),
    )
    assert reply.choices[0].finish == Finish("calls", "tool_use")


@pytest.mark.parametrize(
    ("given", "pieces", "arguments"),
    [({}, [], "{}"), ({}, [""], "{}"), ({"q": "x"}, [], '{"q":"x"}'), ({"q": "x"}, ['{"q": "y"}'], '{"q": "y"}')],
)
def test_arguments_come_in_pieces_or_with_the_start(given: Any, pieces: list[str], arguments: str) -> None:
    deltas = [delta(0, type="input_json_delta", partial_json=piece) for piece in pieces]
    begun = opened(0, type="tool_use", id="a", name="one", input=given)
    reply = fold(events(start(), begun, *deltas, closed(0), ending("tool_use"), STOP))
    assert reply.choices[0].parts == (Call(id="a", name="one", arguments=arguments),)


def test_a_block_of_its_own_kind_is_opened_whole() -> None:
    told = events(
        start(),
        opened(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query": "w'),
        delta(0, type="input_json_delta", partial_json='eather"}'),
        closed(0),
        opened(1, type="novelty", text="a", items=[1]),
        delta(1, type="novelty_delta", text="b", items=[2], more=True),
        closed(1),
        ending(),
        STOP,
    )
    blocks = [event.part.block for event in told if isinstance(event, Opened) and isinstance(event.part, Foreign)]
    assert blocks == [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "weather"}},
        {"type": "novelty", "text": "ab", "items": [1, 2], "more": True},
    ]


def test_a_message_may_come_whole_as_one_event() -> None:
    message = start(content=[{"type": "text", "text": "Good day"}], stop_reason="end_turn")["message"]
    told = events(message)
    assert told == [
        Started(id="msg_1", model="claude-test"),
        Metered(Usage(input=5, output=1)),
        Opened(0, Text()),
        Grew(0, "Good day"),
        Closed(0),
        Finished(Finish("stop", "end_turn")),
    ]
    assert fold(told) == anthropic.read_reply(message, REALM)


def test_blocks_that_come_whole_are_told_whole() -> None:
    cited = {"type": "char_location", "cited_text": "q", "document_index": 0, "document_title": None}
    half = opened(2, type="server_tool_use", id="s", name="web_search", input={})
    reply = fold(
        events(
            start(content=[{"type": "text", "text": "a", "citations": [cited]}]),
            opened(1, type="thinking", thinking="b", signature="c2ln"),
            half,
            delta(2, type="input_json_delta", partial_json='{"query": "cut'),
            opened(3, type="document_note", text="c"),
            delta(3, type="citations_delta", citation=cited),
            ending("max_tokens"),
            STOP,
        )
    )
    text, thinking, search, note = reply.choices[0].parts
    assert isinstance(text, Text)
    assert (text.text, [citation.quote for citation in text.citations]) == ("a", ["q"])
    assert thinking == Thinking(text="b", seal=Seal(realm=REALM, token="c2ln"))
    assert isinstance(search, Foreign)
    assert search.block["input"] == '{"query": "cut'
    assert isinstance(note, Foreign)
    assert note.block["citations"] == [cited]


KINDS = st.sampled_from(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
        *("message_stop", "error", "text", "thinking", "tool_use", "redacted_thinking", "text_delta", "thinking_delta"),
        *("signature_delta", "citations_delta", "input_json_delta", "server_tool_use", "end_turn", "x"),
    ]
)
NAMES = st.sampled_from(
    [
        *("type", "index", "delta", "content_block", "message", "usage", "text", "thinking", "signature", "data", "id"),
        *("partial_json", "citation", "citations", "input", "content", "stop_reason", "error", "output_tokens", "name"),
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)


@given(st.lists(st.tuples(KINDS, st.dictionaries(NAMES, VALUES, max_size=4)), max_size=8), VALUES)
def test_nothing_raises_but_faults(pieces: list[tuple[str, dict[str, Any]]], body: Any) -> None:
    told = events(*({**data, "type": kind} for kind, data in pieces))
    assert isinstance(told[-1], Finished | Broke)
    with contextlib.suppress(Fault):
        fold(told)
    with contextlib.suppress(Fault):
        anthropic.read_reply(body, REALM)


def test_usage_is_a_total_that_grows_not_a_sum() -> None:
    reply = fold(
        events(
            start(
                usage={
                    "input_tokens": 5,
                    "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 30,
                    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                    "output_tokens": 1,
                    "service_tier": "standard",
                }
            ),
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {
                    "input_tokens": 6,
                    "output_tokens": 40,
                    "output_tokens_details": {"thinking_tokens": 9},
                    "cache_read_input_tokens": None,
                },
            },
            STOP,
        )
    )
    assert reply.usage == Usage(input=6, cache_read=100, cache_write=30, cache_write_1h=20, output=40, reasoning=9)
    assert reply.rest is not None
    assert reply.rest.fields == {"usage": {"service_tier": "standard"}}


def test_an_error_event_breaks_the_stream() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    told = events(start(), overloaded, opened(0, type="text", text="never"))
    assert isinstance(told[-1], Broke)
    fault = told[-1].fault
    assert (fault.kind, fault.status, fault.message, fault.type) == (
        "overloaded",
        529,
        "Overloaded",
        "overloaded_error",
    )
    assert not any(isinstance(event, Opened) for event in told)


@pytest.mark.parametrize("data", [b"garbage", b"[1]", b"\xff\xfe", b"[" * 5000, b'"text"'])
def test_garbage_breaks_the_stream_and_raises_nothing(data: bytes) -> None:
    reader = anthropic.reader(REALM)
    (broke,) = reader.feed(Frame(data))
    assert isinstance(broke, Broke)
    assert broke.fault.kind == "protocol"
    assert reader.feed(Frame(b"more garbage")) == []
    assert list(reader.close()) == []


def test_hosts_that_forget_things_are_understood() -> None:
    told = events(
        delta(0, type="text_delta", text="no start, "),
        delta(0, type="text_delta", text="no stop"),
        opened(3, type="tool_use", id="a", name="one", input={}),
        opened(3, type="text", text="gap"),
        ending(),
    )
    reply = fold(told)
    assert told[0] == Started()
    assert reply.choices[0].parts == (
        Text(text="no start, no stop"),
        Call(id="a", name="one", arguments="{}"),
        Text(text="gap"),
    )
    assert reply.choices[0].finish == Finish("stop", "end_turn")


def test_words_of_another_kind_than_their_block_are_kept() -> None:
    reply = fold(
        events(
            start(),
            opened(0, type="thinking", thinking="", signature=""),
            delta(0, type="thinking_delta", thinking="a"),
            delta(0, type="text_delta", text="b"),
            ending(),
            STOP,
        )
    )
    assert reply.choices[0].parts == (Thinking(text="a"), Text(text="b"))


def test_arguments_of_no_call_break_the_stream() -> None:
    told = events(start(), delta(0, type="input_json_delta", partial_json="{}"), opened(0, type="text", text="x"))
    assert isinstance(told[-1], Broke)
    assert told[-1].fault.kind == "protocol"


def test_a_stream_that_ends_too_soon_is_broken() -> None:
    told = events(start(), opened(0, type="text", text="half"))
    assert isinstance(told[-1], Broke)
    assert told[-1].fault.kind == "protocol"
    assert isinstance(events()[-1], Broke)


def test_the_name_of_the_event_does_where_the_data_has_no_type() -> None:
    frames = [
        Frame(json.dumps({key: value for key, value in data.items() if key != "type"}).encode(), data["type"].encode())
        for data in (start(), opened(0, type="text", text="x"), closed(0), ending(), STOP)
    ]
    assert fold(read(frames)).choices[0].parts == (Text(text="x"),)


@pytest.mark.parametrize(
    "hurt",
    [
        {"type": "content_block_delta"},
        {"type": "content_block_delta", "index": "x", "delta": [1]},
        {"type": "content_block_start", "index": None, "content_block": "text"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": ["text"]}},
        {"type": "message_delta", "delta": 7, "usage": "none"},
        {"type": "message_start", "message": None},
        {"type": "message_start", "message": {"usage": {"input_tokens": "five"}, "content": [1, {}]}},
        {"type": ["odd"]},
        {"type": "error", "error": None},
        {"type": "error"},
    ],
)
def test_wrong_types_raise_nothing(hurt: dict[str, Any]) -> None:
    assert events(hurt, start(), hurt, opened(0, type="text", text=3), hurt, hurt, ending(), STOP)


def _sdk_reply(body: bytes) -> Reply:
    """What the vendor's own accumulation makes of a stream, read as a whole reply."""
    message: Any = None
    buffers: dict[int, bytes] = {}
    decoder = SseDecoder()
    for one in [*decoder.feed(body), *decoder.close()]:
        data = json.loads(one.data)
        if data.get("type") == "message_stop":
            break  # two of the recordings hold several messages in a row
        if data.get("type") in KNOWN:
            message = accumulate_event(
                event=data, current_snapshot=message, json_bufs=buffers, request_headers=httpx2.Headers()
            )
    return anthropic.read_reply(message.to_dict(mode="json"), REALM)


def _comparable(reply: Reply) -> Any:
    """A reply in which whitespace in arguments and nulls in foreign blocks make no difference."""
    parts: list[Any] = []
    for part in reply.choices[0].parts:
        match part:
            case Call():
                # A stream cut by max_tokens ends in the middle of the arguments; the SDK mends them.
                parts.append(
                    ("call", part.id, part.name, from_json(part.arguments.encode(), partial_mode=True), part.rest)
                )
            case Foreign():
                parts.append({name: value for name, value in part.block.items() if value is not None})
            case _:
                parts.append(part)
    return reply.id, reply.model, parts, reply.choices[0].finish, reply.usage, reply.rest


def _assert_grammar(told: list[Event]) -> None:
    assert isinstance(told[0], Started)
    assert isinstance(told[-1], Finished)
    still_open: set[int] = set()
    seen = 0
    for event in told[1:]:
        match event:
            case Opened(index=index):
                assert index == seen
                seen += 1
                still_open.add(index)
            case Closed(index=index):
                still_open.remove(index)
            case Grew(index=index, text=text):
                assert index in still_open
                assert text
            case Sealed(index=index) | Cited(index=index):
                assert index in still_open
            case Started() | Broke():
                raise AssertionError(event)
            case _:
                pass
    assert not still_open


def test_a_start_sent_twice_is_one_start() -> None:
    told = events(start(), start(), opened(0, type="text", text="x"), closed(0), ending(), STOP)
    assert [event for event in told if isinstance(event, Started)] == [Started(id="msg_1", model="claude-test")]
    assert fold(told).choices[0].parts == (Text(text="x"),)


def test_two_messages_spliced_into_one_break_the_stream() -> None:
    told = events(start(), opened(0, type="text", text="x"), start(id="msg_2"), opened(0, type="text", text="y"))
    assert isinstance(told[-1], Broke)
    assert told[-1].fault.kind == "protocol"


@needs_records
@pytest.mark.parametrize("record", STREAMS, ids=lambda record: record["id"])
def test_recorded_streams_say_the_same_however_they_are_cut(record: dict[str, Any]) -> None:
    body = record["response_body"].encode()
    whole = read_bytes(body)
    if record["id"] == SPLICED:
        assert isinstance(whole[-1], Broke)
        return
    _assert_grammar(whole)
    draw = random.Random(record["id"])
    for count in (1, 3, 40):
        assert read_bytes(body, [draw.randrange(len(body) + 1) for _ in range(count)]) == whole


@needs_records
@pytest.mark.parametrize("record", STREAMS, ids=lambda record: record["id"])
def test_recorded_streams_say_what_the_vendors_sdk_hears(record: dict[str, Any]) -> None:
    body = record["response_body"].encode()
    if record["id"] == SPLICED:
        pytest.skip("two messages in one stream: refused on purpose")
    assert _comparable(fold(read_bytes(body))) == _comparable(_sdk_reply(body))
