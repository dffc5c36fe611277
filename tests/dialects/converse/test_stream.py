"""Streams: events of every kind, exceptions, and what a damaged stream says."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.converse.frames import (
    EXCEPTION,
    METADATA,
    REALM,
    START,
    closed,
    delta,
    ending,
    frame,
    opened,
    read,
)
from tests.dialects.laws import check_grammar, check_stream_is_batch
from uni_api.canon import (
    Broke,
    Call,
    Choice,
    Citation,
    Closed,
    Event,
    Finish,
    Finished,
    Foreign,
    Grew,
    Media,
    Metered,
    Noted,
    Opened,
    Part,
    Reply,
    Rest,
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
    Usage,
    fold,
)
from uni_api.dialects import converse
from uni_api.errors import Fault
from uni_api.framing import Frame


def parts(*frames: Frame) -> tuple[Part, ...]:
    events = read([START, *frames, ending(), METADATA])
    check_grammar(events)
    return fold(events).choices[0].parts


def fault(events: list[Event]) -> Fault:
    assert isinstance(events[-1], Broke)
    check_grammar(events)
    return events[-1].fault


def test_a_whole_stream() -> None:
    assert read([START, delta(0, text="Hi "), delta(0, text="there"), closed(0), ending(), METADATA]) == [
        Started(),
        Opened(0, Text()),
        Grew(0, "Hi "),
        Grew(0, "there"),
        Closed(0),
        Finished(Finish("stop", "end_turn")),
        Metered(Usage(input=5, output=7)),
        Noted(Rest("converse", {"metrics": {"latencyMs": 321}})),
    ]


def test_a_call_grows_by_its_input() -> None:
    call = opened(1, toolUse={"toolUseId": "c1", "name": "f"})
    pieces = [delta(1, toolUse={"input": '{"a"'}), delta(1, toolUse={"input": ": 1}"}), closed(1)]
    assert parts(call, *pieces) == (Call(id="c1", name="f", arguments='{"a": 1}'),)


@pytest.mark.parametrize("pieces", [[], [delta(0, toolUse={"input": ""})]])
def test_a_call_without_input_has_empty_arguments(pieces: list[Frame]) -> None:
    call = opened(0, toolUse={"toolUseId": "c1", "name": "f", "type": "tool_use"})
    assert parts(call, *pieces, closed(0)) == (Call(id="c1", name="f", arguments="{}"),)


def test_thinking_is_sealed_by_its_signature() -> None:
    thought = [delta(0, reasoningContent={"text": "Hm."}), delta(0, reasoningContent={"signature": "s"}), closed(0)]
    assert parts(*thought, delta(1, text="Yes."), closed(1)) == (
        Thinking(text="Hm.", seal=Seal(realm=REALM, token="s")),
        Text(text="Yes."),
    )


def test_withheld_thinking_is_one_blob_however_it_is_cut() -> None:
    blob = bytes(range(200))
    pieces = [base64.b64encode(piece).decode() for piece in (blob[:7], blob[7:100], blob[100:])]
    wanted = Thinking(withheld=True, seal=Seal(realm=REALM, token=base64.b64encode(blob).decode()))
    assert parts(*(delta(0, reasoningContent={"redactedContent": piece}) for piece in pieces), closed(0)) == (wanted,)
    whole = wanted.seal.token if wanted.seal else ""
    assert parts(delta(0, reasoningContent={"redactedContent": whole}), closed(0)) == (wanted,)


def test_words_and_withheld_thinking_in_one_block_are_two_parts() -> None:
    said = parts(
        delta(0, reasoningContent={"text": "Hm."}), delta(0, reasoningContent={"redactedContent": "AAAA"}), closed(0)
    )
    assert said == (Thinking(text="Hm."), Thinking(withheld=True, seal=Seal(realm=REALM, token="AAAA")))


def test_citations_belong_to_their_text() -> None:
    place = {"documentChar": {"documentIndex": 0, "start": 0, "end": 9}}
    cited = {"title": "T", "sourceContent": [{"text": "quote"}], "location": place}
    web = {"location": {"web": {"url": "https://x.example", "domain": "x.example"}}}
    (text,) = parts(delta(0, text="So."), delta(0, citation=cited), delta(0, citation=web), closed(0))
    assert text == Text(
        text="So.",
        citations=(
            Citation(title="T", quote="quote", rest=Rest("converse", {"location": place})),
            Citation(url="https://x.example", rest=Rest("converse", {"location": web["location"]})),
        ),
    )


def test_a_tool_of_the_service_is_a_foreign_block() -> None:
    use = opened(0, toolUse={"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"})
    result = opened(1, toolResult={"toolUseId": "s1", "type": "nova_grounding_result", "status": "success"})
    said = parts(
        use,
        delta(0, toolUse={"input": '{"q":'}),
        delta(0, toolUse={"input": '"x"}'}),
        closed(0),
        result,
        delta(1, toolResult=[{"text": "a"}]),
        delta(1, toolResult=[{"json": {"b": 1}}]),
        closed(1),
    )
    use_block: dict[str, Any] = {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"}
    content = {"content": [{"text": "a"}, {"json": {"b": 1}}]}
    assert said == (
        Foreign(dialect="converse", block={"toolUse": use_block | {"input": {"q": "x"}}}),
        Foreign(
            dialect="converse",
            block={"toolResult": {"toolUseId": "s1", "type": "nova_grounding_result", "status": "success"} | content},
        ),
    )


def test_an_image_opens_whole() -> None:
    halves = [base64.b64encode(half).decode() for half in (b"\x89PNG", b"rest")]
    said = parts(
        opened(0, image={"format": "png"}), *(delta(0, image={"source": {"bytes": half}}) for half in halves), closed(0)
    )
    assert said == (Media(kind="image", mime="image/png", data=b"\x89PNGrest"),)


def test_what_is_not_known_is_kept() -> None:
    assert parts(delta(0, novel={"x": 1}), opened(1, other={"y": 2}), closed(1)) == (
        Foreign(dialect="converse", block={"novel": {"x": 1}}),
        Foreign(dialect="converse", block={"other": {"y": 2}}),
    )
    assert read([START, frame("novelEvent", x=1)], close=False) == [Started()]


def test_a_stream_without_metadata_is_whole() -> None:
    assert read([START, delta(0, text="Hi"), ending("max_tokens")])[-2:] == [
        Closed(0),
        Finished(Finish("length", "max_tokens")),
    ]


def test_a_stop_sequence_that_was_asked_for_is_told() -> None:
    events = read([START, ending("stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})])
    assert events[-1] == Finished(Finish("stop", "stop_sequence", "END"))


def test_a_stream_that_ends_early_broke() -> None:
    assert fault(read([START, delta(0, text="Hi")])).kind == "protocol"
    assert fault(read([])).kind == "protocol"


@pytest.mark.parametrize(
    ("name", "data", "kind", "status"),
    [
        ("throttlingException", {"message": "Too many requests"}, "rate", 429),
        ("throttlingException", {"message": "Too many tokens, please wait before trying again."}, "rate", 429),
        ("modelStreamErrorException", {"message": "oh", "originalStatusCode": 429}, "rate", 429),
        ("modelStreamErrorException", {"message": "oh"}, "overloaded", 424),
        ("internalServerException", {"message": "oh"}, "overloaded", 500),
        ("serviceUnavailableException", {"message": "oh"}, "overloaded", 503),
        ("validationException", {"message": "Input is too long for requested model."}, "too_long", 400),
        ("validationException", {"message": "oh"}, "bad_request", 400),
        ("novelException", {"message": "oh"}, "overloaded", 502),
    ],
)
def test_exceptions_are_faults(name: str, data: dict[str, Any], kind: str, status: int) -> None:
    found = fault(read([START, delta(0, text="Hi"), Frame(json.dumps(data).encode(), (EXCEPTION + name).encode())]))
    assert (found.kind, found.status, found.message) == (kind, status, data["message"])
    assert found.type == name[0].upper() + name[1:]


def test_an_exception_may_be_plain_words() -> None:
    found = fault(read([Frame(b"An internal error.", b"exception:InternalFailure")]))
    assert (found.kind, found.message) == ("overloaded", "An internal error.")


def test_an_exception_after_the_end_takes_nothing_away() -> None:
    events = read([START, delta(0, text="Hi"), ending(), Frame(b"{}", b"exception:internalServerException")])
    assert events[-1] == Finished(Finish("stop", "end_turn"))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"1", b"[" * 5000])
def test_events_that_are_no_objects_break_the_stream(data: bytes) -> None:
    found = fault(read([START, Frame(data, b"contentBlockDelta")]))
    assert found.kind == "protocol"


def test_arguments_of_a_call_that_was_not_opened_break_the_stream() -> None:
    assert fault(read([START, delta(0, toolUse={"input": "{"})])).kind == "protocol"


def test_nothing_is_said_after_a_break() -> None:
    frames = [START, Frame(b"{}", b"exception:throttlingException"), delta(0, text="Hi"), ending()]
    assert len([event for event in read(frames) if isinstance(event, Broke)]) == 1


NAMES = (
    *("text", "toolUse", "input", "toolUseId", "name", "type", "toolResult", "content"),
    *("reasoningContent", "redactedContent", "signature", "citation", "location", "web", "sourceContent"),
    *("image", "format", "source", "bytes"),
)
values = st.recursive(
    st.none() | st.integers(-1, 3) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
wild = st.builds(
    lambda name, body: frame(name, **body),
    st.sampled_from(
        ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "odd"]
    ),
    st.dictionaries(
        st.sampled_from(["contentBlockIndex", "start", "delta", "stopReason", "usage", "role", "metrics"]),
        values,
        max_size=3,
    ),
)


@given(st.lists(wild, max_size=12))
def test_no_stream_raises_and_every_stream_keeps_the_grammar(frames: list[Frame]) -> None:
    events = read(frames)
    check_grammar(events)
    with contextlib.suppress(Fault):
        fold(events)


def test_a_stream_says_what_the_body_says() -> None:
    body = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
                    {"text": "Yes."},
                    {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12},
        "metrics": {"latencyMs": 321},
    }
    frames = [
        START,
        delta(0, reasoningContent={"text": "Hm."}),
        delta(0, reasoningContent={"signature": "s"}),
        closed(0),
        delta(1, text="Yes."),
        closed(1),
        opened(2, toolUse={"toolUseId": "c", "name": "f"}),
        delta(2, toolUse={"input": '{"a":1}'}),
        closed(2),
        ending("tool_use"),
        METADATA,
    ]
    check_stream_is_batch(read(frames), converse.read_reply(body, REALM))


def test_a_seal_comes_before_its_part_is_closed() -> None:
    events = read([START, delta(0, reasoningContent={"redactedContent": "AAAA"}), closed(0), ending()])
    assert [type(event) for event in events[:4]] == [Started, Opened, Sealed, Closed]
    assert fold(events) == Reply(
        choices=(
            Choice(
                parts=(Thinking(withheld=True, seal=Seal(realm=REALM, token="AAAA")),),
                finish=Finish("stop", "end_turn"),
            ),
        )
    )
