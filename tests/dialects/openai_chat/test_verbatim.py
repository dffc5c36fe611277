import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.canon import Reasoning, pack
from uni_api.dialects.openai_chat import verbatim
from uni_api.errors import Denied, Fault

NOTHING: frozenset[str] = frozenset()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
ROLE = chunk({"role": "assistant", "content": ""})
HELLO = chunk({"content": "Hé\U0001f600llo"})
STOP = chunk(finish="stop")
ONLY_USAGE = b"data: " + json.dumps({"id": "c", "choices": [], "usage": USAGE}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"
WHOLE = ROLE + HELLO + STOP + ONLY_USAGE + DONE


def run(pieces: list[bytes], *, usage_shown: bool = False) -> tuple[bytes, verbatim.Tap]:
    tap = verbatim.Tap(usage_shown=usage_shown)
    out = b"".join(tap.feed(piece) for piece in pieces)
    return out + tap.close(), tap


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_every_split_relays_the_same_bytes(cuts: list[int], shown: bool, line_end: bytes) -> None:
    whole = WHOLE.replace(b"\n", line_end)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    out, tap = run([whole[a:b] for a, b in itertools.pairwise(edges)], usage_shown=shown)
    assert out == (whole if shown else whole.replace(ONLY_USAGE.replace(b"\n", line_end), b""))
    assert tap.done
    assert tap.usage is not None and (tap.usage.prompt, tap.usage.output) == (7, 2)
    assert tap.finish is not None and tap.finish.reason == "stop"


def test_byte_by_byte_with_carriage_returns() -> None:
    whole = WHOLE.replace(b"\n", b"\r\n")
    out, tap = run([whole[i : i + 1] for i in range(len(whole))], usage_shown=True)
    assert out == whole and tap.done


def test_nothing_is_relayed_before_content_then_everything() -> None:
    tap = verbatim.Tap(usage_shown=False)
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
    tap = verbatim.Tap(usage_shown=False)
    assert tap.feed(chunk(delta)) and tap.begun


def test_an_event_is_relayed_only_when_it_is_whole() -> None:
    tap = verbatim.Tap(usage_shown=False)
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


def test_usage_in_other_places_is_read() -> None:
    groq = b'data: {"choices": [], "x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 4}}}\n\n'
    _, tap = run([HELLO, STOP, groq, DONE])
    assert tap.usage is not None and tap.usage.output == 4


def peek(**fields: Any) -> verbatim.Peek:
    return verbatim.peek(json.dumps({"model": "m", **fields}).encode())


def test_peek_reads_only_what_routing_needs() -> None:
    seen = peek(stream=True, stream_options={"include_usage": True})
    assert (seen.model, seen.stream, seen.usage_shown, seen.sealed) == ("m", True, True, False)
    assert peek(stream=None).stream is False
    assert peek(messages=[{"role": "assistant", "reasoning_details": [{"data": pack("x")}]}]).sealed


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model": 1}', b'{"model":"m","stream":1}', b'{"a":' + b"[" * 100_000]
)
def test_peek_refuses_what_is_no_request(body: bytes) -> None:
    with pytest.raises(Denied) as caught:
        verbatim.peek(body)
    assert caught.value.status == 400


def test_splice_changes_only_what_it_is_told() -> None:
    body = b'{ "b" : 2.50,"model":"m","a":[1 , 2],"s":"\\u00e9\\/","big":1e400,"long":123456789012345678901234567890}'
    out = verbatim.splice(verbatim.peek(body), "up", {}, NOTHING)
    assert out == (
        b'{"b":2.50,"model":"up","a":[1 , 2],"s":"\\u00e9\\/","big":1e400,"long":123456789012345678901234567890}'
    )


def test_splice_sends_one_of_duplicate_keys() -> None:
    out = verbatim.splice(verbatim.peek(b'{"model":"evil","model":"m","x":1,"x":2}'), "m", {}, NOTHING)
    assert out == b'{"model":"m","x":2}'


def test_splice_merges_sets_and_removes() -> None:
    seen = peek(metadata={"a": 1, "deep": {"x": 1}}, temperature=1, top_p=0.5)
    edits = {"metadata": {"b": 2, "deep": {"y": 2}}, "temperature": 0, "new": {"z": 1}}
    out = json.loads(verbatim.splice(seen, "m", edits, frozenset({"top_p", "absent"})))
    assert out == {
        "model": "m",
        "metadata": {"a": 1, "b": 2, "deep": {"x": 1, "y": 2}},
        "temperature": 0,
        "new": {"z": 1},
    }


def test_an_effort_in_the_alias_yields_to_one_in_the_request() -> None:
    wish = Reasoning(effort="high")
    assert verbatim.reasoning_edits(peek(), wish) == {"reasoning_effort": "high"}
    assert verbatim.reasoning_edits(peek(reasoning_effort="low"), wish) == {}
    assert verbatim.reasoning_edits(peek(), None) == {}


def test_glance_reads_usage_and_finish_of_a_whole_answer() -> None:
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "length"}], "usage": USAGE}
    seen = verbatim.glance(json.dumps(answer).encode())
    assert seen.usage is not None and seen.usage.total == 9
    assert seen.finish is not None and seen.finish.reason == "length"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[]}', b'{"error":{"message":"no"}}', b"[1]"])
def test_glance_refuses_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(Fault):
        verbatim.glance(body)
