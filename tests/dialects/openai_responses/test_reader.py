"""Streams: what comes in pieces, what only the whole item says, and how a stream ends."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.records import Record, needs_records
from tests.dialects.laws import check_grammar, check_splits
from tests.dialects.openai_responses.frames import (
    REALM,
    added,
    call,
    completed,
    created,
    delta,
    done,
    events,
    frames_of,
    kinds,
    message,
    opened,
    read,
    reasoning,
    recorded,
    response,
    said,
)
from uni_api.canon import (
    Broke,
    Call,
    Citation,
    Cited,
    Closed,
    Finish,
    Finished,
    Foreign,
    Grew,
    Metered,
    Opened,
    Part,
    Reply,
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
from uni_api.dialects import openai_responses
from uni_api.errors import Fault
from uni_api.framing import Frame

NAME = openai_responses.name
STREAMS = [one for one in recorded() if one["stream"]]
SHUFFLED = "openai-responses-d012d3389223"  # its items were done in another order than they stand in

WHOLE = message(said("Good day"))


def test_says_text_as_it_comes() -> None:
    told = events(
        created(),
        {"type": "response.in_progress", "response": response(status="in_progress")},
        added(0, message(status="in_progress")),
        opened(0, said("")),
        delta("output_text", 0, "Good ", logprobs=[], obfuscation="xyz"),
        delta("output_text", 0, "day"),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Good day"},
        done(0, WHOLE),
        completed(WHOLE),
    )
    assert told == [
        Started(id="resp_1", model="gpt-test", created=7),
        Opened(0, Text()),
        Grew(0, "Good "),
        Grew(0, "day"),
        Closed(0),
        Metered(Usage(input=5, output=7)),
        Finished(Finish("stop", "completed")),
    ]


def test_a_call_is_told_before_its_arguments() -> None:
    whole = call(arguments='{"a":1}')
    told = events(
        created(),
        added(0, call(arguments="", status="in_progress")),
        delta("function_call_arguments", 0, '{"a"'),
        delta("function_call_arguments", 0, ":1}"),
        done(0, whole),
        completed(whole),
    )
    assert told[1:5] == [
        Opened(0, Call(id="call_1", name="weather")),
        Grew(0, '{"a"'),
        Grew(0, ":1}"),
        Closed(0),
    ]
    assert told[-1] == Finished(Finish("calls", "completed"))


def test_calls_in_turns_keep_apart() -> None:
    one, other = call(id="a", arguments="{1}"), call(id="b", arguments="{2}")
    told = events(
        created(),
        added(0, call(id="a", arguments="")),
        added(1, call(id="b", arguments="")),
        delta("function_call_arguments", 1, "{2"),
        delta("function_call_arguments", 0, "{1"),
        delta("function_call_arguments", 1, "}"),
        delta("function_call_arguments", 0, "}"),
        done(0, one),
        done(1, other),
        completed(one, other),
    )
    found = fold(told).choices[0].parts
    assert found == (
        Call(id="a", name="weather", arguments="{1}"),
        Call(id="b", name="weather", arguments="{2}"),
    )


def test_a_custom_call() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "run", "input": ""}
    told = events(
        created(),
        added(0, item),
        delta("custom_tool_call_input", 0, "ls "),
        delta("custom_tool_call_input", 0, "-l"),
        done(0, item | {"input": "ls -l"}),
        completed(),
    )
    assert fold(told).choices[0].parts == (Call(id="c", name="run", arguments="ls -l", custom=True),)


def test_reasoning_is_sealed_when_it_is_done() -> None:
    whole = reasoning("One.", "Two.", encrypted_content="late")
    told = events(
        created(),
        added(0, reasoning(encrypted_content="early")),
        {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
        delta("reasoning_summary_text", 0, "One.", summary_index=0),
        delta("reasoning_summary_text", 0, "Tw", summary_index=1),
        delta("reasoning_summary_text", 0, "o.", summary_index=1),
        done(0, whole),
        completed(whole),
    )
    assert told[1:7] == [
        Opened(0, Thinking(summary=True)),
        Grew(0, "One."),
        Grew(0, "\n\nTw"),
        Grew(0, "o."),
        Sealed(0, Seal(realm=REALM, token="late", id="rs_1")),
        Closed(0),
    ]
    assert fold(told).choices[0].parts == openai_responses.read_reply(response(whole), REALM).choices[0].parts


def test_words_of_reasoning() -> None:
    whole = reasoning(content=[{"type": "reasoning_text", "text": "Hm."}], encrypted_content="blob")
    told = events(created(), added(0, reasoning()), delta("reasoning_text", 0, "Hm."), done(0, whole), completed(whole))
    assert fold(told).choices[0].parts == (Thinking(text="Hm.", seal=Seal(realm=REALM, token="blob", id="rs_1")),)


def test_reasoning_without_words_is_withheld() -> None:
    whole = reasoning(encrypted_content="blob")
    told = events(created(), added(0, reasoning()), done(0, whole), completed(whole))
    seal = Seal(realm=REALM, token="blob", id="rs_1")
    assert told[1:3] == [Opened(0, Thinking(withheld=True, seal=seal)), Closed(0)]


def test_a_refusal() -> None:
    whole = message({"type": "refusal", "refusal": "No."})
    told = events(
        created(),
        added(0, message()),
        opened(0, {"type": "refusal", "refusal": ""}),
        delta("refusal", 0, "No."),
        done(0, whole),
        completed(whole),
    )
    assert fold(told).choices[0].parts == (Text(text="No.", refusal=True),)


def test_sources_are_told_once() -> None:
    links = [
        {"type": "url_citation", "url": f"https://{name}.example", "title": name, "start_index": 0, "end_index": 1}
        for name in "ab"
    ]
    whole = message(said("Abc.", *links))
    told = events(
        created(),
        added(0, message()),
        opened(0, said("")),
        delta("output_text", 0, "Abc."),
        {
            "type": "response.output_text.annotation.added",
            "output_index": 0,
            "content_index": 0,
            "annotation": links[0],
        },
        done(0, whole),
        completed(whole),
    )
    assert [event.citation.title for event in told if isinstance(event, Cited)] == ["a", "b"]
    assert told[3] == Cited(0, Citation(url="https://a.example", title="a", start=0, end=1))


def test_log_probabilities_come_with_their_tokens_and_once() -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    whole = message(said("Hi", logprobs=[token]))
    scored = Scored((Token(text="Hi", logprob=-0.5, bytes=(72, 105)),))
    pieces = events(created(), added(0, message()), delta("output_text", 0, "Hi", logprobs=[token]), done(0, whole))
    assert [event for event in pieces if isinstance(event, Scored)] == [scored]
    late = events(created(), added(0, message()), delta("output_text", 0, "Hi"), done(0, whole))
    assert [event for event in late if isinstance(event, Scored)] == [scored]


def test_the_phase_is_known_when_the_text_begins() -> None:
    phase = Rest(NAME, {"phase": "commentary"}, frozenset({"phase"}))
    told = events(created(), added(0, message(phase="commentary")), opened(0, said("")))
    assert told[1] == Opened(0, Text(rest=phase))
    bare = events(created(), added(0, message(phase="commentary")), delta("output_text", 0, "Hm."))
    assert bare[1] == Opened(0, Text(rest=phase))


def test_items_of_other_tools_come_whole() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    told = events(
        created(),
        added(0, search | {"status": "in_progress"}),
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        done(0, search),
        completed(search),
    )
    assert told[1:3] == [Opened(0, Foreign(dialect=NAME, block=search)), Closed(0)]


def test_what_no_piece_said_the_whole_says() -> None:
    items = (reasoning("Hm."), WHOLE, call(arguments="{}"))
    expected = openai_responses.read_reply(response(*items), REALM)
    at_the_end = events(completed(*items))
    without_pieces = events(created(), *[added(at, one) for at, one in enumerate(items[:2])], completed(*items))
    only_done = events(created(), *[done(at, one) for at, one in enumerate(items)], completed())
    for told in (at_the_end, without_pieces, only_done):
        check_grammar(told)
        assert fold(told).choices == expected.choices


def test_items_that_are_not_numbered() -> None:
    """Some hosts name the items of their pieces only by id, or not at all."""

    def bare(event: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {name: value for name, value in event.items() if name != "output_index"} | more

    first, second = message(said("Good day")), call(arguments="{}")
    told = events(
        created(),
        bare(added(0, message())),
        bare(delta("output_text", 0, "Good day"), item_id="msg_1"),
        bare(done(0, first)),
        bare(added(1, call(arguments=""))),
        bare(delta("function_call_arguments", 1, "{}"), item_id="fc_call_1"),
        bare(done(1, second)),
        completed(first, second),
    )
    check_grammar(told)
    assert fold(told).choices[0].parts == (Text(text="Good day"), Call(id="call_1", name="weather", arguments="{}"))


def test_a_host_that_forgets_to_change_the_status() -> None:
    told = events(created(), added(0, message()), done(0, WHOLE), completed(status="in_progress"))
    assert fold(told).choices[0].parts == (Text(text="Good day"),)
    assert told[-1] == Finished(Finish("stop", "in_progress"))


def test_an_answer_that_is_cut_short() -> None:
    told = events(
        created(),
        added(0, message()),
        delta("output_text", 0, "I was"),
        completed(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    )
    check_grammar(told)
    assert told[-1] == Finished(Finish("length", "max_output_tokens"))


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Oh."}, "rate"),
        ({"type": "error", "error": {"type": "server_error", "message": "Oh."}}, "overloaded"),
        ({"error": {"code": "context_length_exceeded", "message": "Oh."}}, "too_long"),
        (
            {"type": "response.failed", "response": response(status="failed", error={"code": "x", "message": "Oh."})},
            "bad_request",
        ),
        ({"type": "response.failed"}, "overloaded"),
        (completed(status="failed", error={"code": "server_error", "message": "Oh."}), "overloaded"),
    ],
)
def test_an_error_in_the_stream(last: Any, kind: str) -> None:
    told = events(created(), added(0, message()), delta("output_text", 0, "Good"), last, completed(WHOLE))
    assert isinstance(told[-1], Broke)
    assert told[-1].fault.kind == kind
    assert kinds(told).count("Broke") == 1


def test_a_stream_that_ends_early() -> None:
    for ends in ((), (created(),), (created(), added(0, message()), delta("output_text", 0, "Good"))):
        told = events(*ends)
        assert isinstance(told[-1], Broke)
        assert told[-1].fault.kind == "protocol"


def test_after_the_end_nothing_is_said() -> None:
    reader = openai_responses.reader(REALM)
    reader.feed(Frame(json.dumps(completed(WHOLE)).encode()))
    assert not reader.feed(Frame(b"[DONE]"))
    assert not reader.feed(Frame(b"not JSON"))
    assert not reader.close()


def test_arguments_of_nobody_break_the_stream() -> None:
    told = events(created(), delta("function_call_arguments", 0, "{}"), close=False)
    assert isinstance(told[-1], Broke)


def test_unknown_events_are_passed_over() -> None:
    told = events(created(), {"type": "response.steer.pending"}, {"type": 5}, {}, completed(WHOLE))
    assert kinds(told) == ["Started", "Opened", "Grew", "Closed", "Metered", "Finished"]


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b'"x"', b"\xff", b"[" * 5000])
def test_what_is_no_event_breaks_the_stream(data: bytes) -> None:
    told = read([Frame(data)], close=False)
    assert [type(event) for event in told] == [Broke]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "x", "message", "reasoning"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "id", "item", "content", "summary", "text", "part", "output", "status"]), inner
        )
    ),
    max_leaves=12,
)
_KINDS = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.function_call_arguments.delta",
    "response.output_text.annotation.added",
    "response.completed",
    "response.failed",
    "error",
]
_EVENTS = st.builds(
    lambda kind, more: {"type": kind, **more},
    st.sampled_from(_KINDS),
    st.dictionaries(
        st.sampled_from(
            ["item", "part", "delta", "output_index", "content_index", "response", "annotation", "logprobs", "item_id"]
        ),
        _VALUES | st.builds(call) | st.just(WHOLE) | st.builds(response),
    ),
)


@given(st.lists(_EVENTS, max_size=12))
def test_no_order_of_events_raises_or_breaks_the_grammar(data: list[Any]) -> None:
    check_grammar(events(*data))


def _final(record: Record) -> Reply | None:
    """The answer as its last event says it, unless that leaves out the items."""
    for one in frames_of(record["response_body"].encode()):
        data = json.loads(one.data) if one.data != b"[DONE]" else {}
        if data.get("type") in ("response.completed", "response.incomplete"):
            return openai_responses.read_reply(data["response"], REALM) if data["response"]["output"] else None
    return None


def _unsealed(part: Part) -> Part:
    """The vendor encrypts reasoning anew each time it says it: the last blob is another one for the same words."""
    return msgspec.structs.replace(part, seal=None) if isinstance(part, Thinking) else part


@needs_records
@pytest.mark.parametrize("record", STREAMS, ids=lambda record: record["id"])
def test_recorded_streams_say_what_their_last_event_says(record: Record) -> None:
    told = read(frames_of(record["response_body"].encode()))
    check_grammar(told)
    expected = _final(record)
    if expected is None or record["id"] == SHUFFLED:
        return
    streamed = fold(told)
    assert (streamed.id, streamed.model, streamed.created) == (expected.id, expected.model, expected.created)
    assert (streamed.usage, streamed.rest) == (expected.usage, expected.rest)
    one, other = streamed.choices[0], expected.choices[0]
    # The last event rounds log probabilities.
    assert [(token.text, round(token.logprob, 5)) for token in one.logprobs] == [
        (token.text, round(token.logprob, 5)) for token in other.logprobs
    ]
    assert one.finish == other.finish
    assert [*map(_unsealed, one.parts)] == [*map(_unsealed, other.parts)]
    assert [type(getattr(part, "seal", None)) for part in one.parts] == [
        type(getattr(part, "seal", None)) for part in other.parts
    ]


@needs_records
def test_cuts_change_nothing() -> None:
    smallest = sorted(STREAMS, key=lambda record: len(record["response_body"]))[:3]
    assert len(smallest) == 3
    for record in smallest:
        data = record["response_body"].encode()
        check_splits(lambda: openai_responses.reader(REALM), data, range(1, len(data), 97))


@needs_records
def test_every_truncation_is_noticed() -> None:
    record = min(STREAMS, key=lambda record: len(record["response_body"]))
    frames = frames_of(record["response_body"].encode())
    for end in range(len(frames) - 1):
        with pytest.raises(Fault):
            fold(read(frames[:end]))
