import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.dialects.openai_chat.tap import Tap
from uni_api.errors import Fault
from uni_api.transport.chunks import joined


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
ROLE = chunk({"role": "assistant", "content": ""})
HELLO = chunk({"content": "Hé\U0001f600llo"})
STOP = chunk(finish="stop")
ONLY_USAGE = b"data: " + json.dumps({"id": "c", "choices": [], "usage": USAGE}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"


def spaced(events: bytes) -> bytes:
    return events


def compact(events: bytes) -> bytes:
    """The same, spelt as most hosts do."""
    return events.replace(b'": ', b'":').replace(b", ", b",")


WHOLE = ROLE + HELLO + STOP + ONLY_USAGE + DONE


def run(pieces: list[bytes], *, usage_shown: bool = False) -> tuple[bytes, Tap]:
    tap = Tap(usage_shown=usage_shown)
    out = b"".join(tap.feed(piece) for piece in pieces)
    return out + tap.close(), tap


@given(
    st.lists(st.integers(0, len(WHOLE)), max_size=12),
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([spaced, compact]),
    st.sampled_from([b"", b": ping\n\n"]),
)
def test_every_split_relays_the_same_bytes(
    cuts: list[int], shown: bool, line_end: bytes, spelt: Callable[[bytes], bytes], ping: bytes
) -> None:
    usage = spelt(ONLY_USAGE).replace(b"\n", line_end)
    whole = spelt(ROLE + HELLO + HELLO + STOP + ping + ONLY_USAGE + DONE).replace(b"\n", line_end)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    out, tap = run([whole[a:b] for a, b in itertools.pairwise(edges)], usage_shown=shown)
    assert out == (whole if shown else whole.replace(usage, b""))
    assert tap.done
    assert tap.usage is not None and (tap.usage.prompt, tap.usage.output) == (7, 2)
    assert tap.finish is not None and tap.finish.reason == "stop"


def test_byte_by_byte_with_carriage_returns() -> None:
    whole = WHOLE.replace(b"\n", b"\r\n")
    out, tap = run([whole[i : i + 1] for i in range(len(whole))], usage_shown=True)
    assert out == whole and tap.done


def test_nothing_is_relayed_before_content_then_everything() -> None:
    tap = Tap(usage_shown=False)
    assert tap.feed(b": hello\n\n") == b""
    assert tap.feed(ROLE) == b""
    assert not tap.begun
    assert tap.feed(HELLO) == b": hello\n\n" + ROLE + HELLO
    assert tap.begun
    assert repr(tap) == "<Tap begun, usage None, finish None>"


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"tool_calls": [{"index": 0}]},
        {"reasoning_content": "x"},
        {"reasoning": "x"},
        {"refusal": "x"},
        {"audio": {"id": "a"}},
        {"function_call": {"name": "f"}},
        {"images": [{}]},
    ],
)
def test_what_counts_as_content(delta: dict[str, Any]) -> None:
    tap = Tap(usage_shown=False)
    assert tap.feed(chunk(delta)) and tap.begun


def test_an_event_is_relayed_only_when_it_is_whole() -> None:
    tap = Tap(usage_shown=False)
    tap.feed(HELLO)
    assert tap.feed(HELLO[:10]) == b""
    assert tap.feed(HELLO[10:] + HELLO[:5]) == HELLO
    with pytest.raises(Fault, match="broke off"):
        tap.close()


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([], "protocol"),
        ([DONE], "protocol"),
        ([ROLE, DONE], "protocol"),
        ([ROLE], "protocol"),
        ([b"data: hello\n\n"], "protocol"),
        ([b'data: {"error": {"message": "busy", "type": "overloaded_error", "code": 529}}\n\n'], "overloaded"),
    ],
)
def test_a_stream_without_content_is_a_fault(pieces: list[bytes], kind: str) -> None:
    with pytest.raises(Fault) as caught:
        run(pieces)
    assert caught.value.kind == kind


def test_an_error_after_content_is_noted_and_relayed() -> None:
    error = b'data: {"error": {"message": "busy", "code": 500}}\n\n'
    out, tap = run([HELLO, error])
    assert out == HELLO + error
    assert tap.broke is not None and tap.broke.message == "busy"


def test_an_event_without_its_blank_line_at_the_end_still_counts() -> None:
    out, tap = run([HELLO + STOP + b"data: [DONE]"])
    assert out == HELLO + STOP + DONE
    assert tap.done


def test_words_inside_text_do_not_disturb() -> None:
    tricky = chunk({"content": '"usage":{ "error" [DONE] "finish_reason":"stop"\n\ndata: x'})
    out, _ = run([HELLO, tricky, STOP, DONE])
    assert out == HELLO + tricky + STOP + DONE


def test_usage_is_read_when_it_is_asked_for_and_stays() -> None:
    compact = ONLY_USAGE.replace(b": ", b":").replace(b"data:", b"data: ")
    out, tap = run([HELLO, STOP, compact, DONE])
    assert out == HELLO + STOP + DONE
    assert tap.usage is not None and (tap.usage.prompt, tap.usage.output) == (7, 2)
    assert tap.usage == tap.usage


def test_a_null_does_not_hide_the_usage_that_was_told() -> None:
    _, tap = run([HELLO, chunk({}, usage=USAGE), chunk(finish="stop", usage=None), DONE])
    assert tap.usage is not None and tap.usage.total == 9
    assert tap.finish is not None and tap.finish.reason == "stop"


def test_usage_in_other_places_is_read() -> None:
    groq = b'data: {"choices": [], "x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 4}}}\n\n'
    _, tap = run([HELLO, STOP, groq, DONE])
    assert tap.usage is not None and tap.usage.output == 4


def test_an_empty_finish_is_none() -> None:
    """Some hosts put an empty one into every chunk; it must not make a stream look complete that was cut."""
    empty = compact(chunk({"content": "one"}, finish=""))
    out, tap = b"", Tap(usage_shown=True)
    for _ in range(3):
        out += tap.feed(empty)
    assert (out, tap.finished, tap.finish) == (empty * 3, False, None)
    with pytest.raises(Fault, match="broke off"):
        tap.close()
    tap.feed(compact(chunk({"content": "."}, finish="") + STOP))
    assert tap.finished and tap.finish is not None and tap.finish.reason == "stop"


@pytest.mark.parametrize("spelt", [spaced, compact])
def test_every_event_that_is_only_usage_is_hidden(spelt: Callable[[bytes], bytes]) -> None:
    whole = spelt(HELLO + STOP + ONLY_USAGE + ONLY_USAGE + DONE)
    out, tap = run([whole])
    assert out == spelt(HELLO + STOP + DONE)
    assert tap.usage is not None and tap.usage.output == 2


def in_chunks(pieces: list[bytes]) -> bytes:
    """As HTTP frames them: a chunk for each piece."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("shown", [True, False])
def test_a_usual_stream_that_came_whole_stays_in_its_chunks(shown: bool) -> None:
    events = [compact(event) for event in (ROLE, HELLO, HELLO, STOP, ONLY_USAGE, DONE)]
    framed = in_chunks(events)
    tap = Tap(usage_shown=shown)
    found = b"".join(tap.whole(b"head " + framed, 5))
    hidden = [*events[:4], b":".ljust(len(events[4]) - 2) + b"\n\n", DONE]
    assert found == in_chunks(events if shown else hidden)
    assert tap.begun and tap.done and tap.finished and tap.broke is None
    assert tap.usage is not None and (tap.usage.input, tap.usage.output) == (7, 2)
    assert tap.finish is not None and tap.finish.reason == "stop"


EVENTS = [compact(event) for event in (ROLE, HELLO, STOP, ONLY_USAGE, DONE)]
TOLD = chunk({"content": "x"}, finish="stop", usage=USAGE)
BROKEN = b'data: {"error":{"message":"no"}}\n\n'


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        EVENTS[:-1],
        [ROLE, STOP, ONLY_USAGE, DONE],  # without a word
        [b"".join(EVENTS)],  # one chunk for all
        [*EVENTS[:2], b"".join(EVENTS[2:])],
        [*EVENTS[:3], b"".join(EVENTS[3:])],
        [*EVENTS[:3], EVENTS[3][:20], EVENTS[3][20:], DONE],
        [*EVENTS[:4], DONE[:5], DONE[5:]],
        [*EVENTS, b": ping\n\n"],
        [*EVENTS[:2], compact(TOLD), DONE],
        [*EVENTS[:3], BROKEN, EVENTS[3], DONE],
        [*EVENTS[:3], compact(ONLY_USAGE.replace(b'"c"', b'"c", "error": {"message": "no"}')), DONE],
        [event.replace(b"\n", b"\r\n") for event in EVENTS],
        [spaced(event) for event in (ROLE, HELLO, STOP, ONLY_USAGE, DONE)],
    ],
)
def test_any_other_stream_is_read_without_its_chunks(pieces: list[bytes]) -> None:
    tap = Tap(usage_shown=False)
    assert tap.whole(in_chunks(pieces)) == ()
    assert not (tap.begun or tap.done or tap.finished or tap.broke or tap.usage or tap.finish)


@given(st.lists(st.integers(0, 600), max_size=6), st.booleans(), st.sampled_from([HELLO, BROKEN, TOLD, b": ping\n\n"]))
def test_chunks_never_change_what_a_client_reads(cuts: list[int], shown: bool, more: bytes) -> None:
    """However a stream is cut into chunks, and whatever it says that looks like chunks, their lengths stay true."""
    bait = compact(HELLO) + b"\r\n" + in_chunks(EVENTS[2:])[:-5]
    data = compact(ROLE + HELLO) + bait + b"\n\n" + compact(more) + b"".join(EVENTS[2:])
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    framed = in_chunks([data[a:b] for a, b in itertools.pairwise(edges) if a < b])
    found = b"".join(Tap(usage_shown=shown).whole(framed))
    if found:
        assert len(joined(found)) == len(data)
        assert [len(one) for one in (found, framed)] == [len(framed)] * 2
