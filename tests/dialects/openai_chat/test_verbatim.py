import json
from typing import Any

import pytest

from uni_api.canon import Reasoning, pack
from uni_api.dialects.edits import NO_EDITS, Edits
from uni_api.dialects.openai_chat import verbatim
from uni_api.errors import Denied, Fault

USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


def peek(**fields: Any) -> verbatim.Peek:
    return verbatim.peek(json.dumps({"model": "m", **fields}).encode())


def test_peek_reads_only_what_routing_needs() -> None:
    seen = peek(stream=True, stream_options={"include_usage": True})
    assert (seen.model, seen.stream, seen.usage_shown, seen.sealed) == ("m", True, True, False)
    assert peek(stream=None).stream is False
    assert peek(messages=[{"role": "assistant", "reasoning_details": [{"data": pack("x")}]}]).sealed


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
        ({"max_tokens": "5"}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 1.5}, None),
        ({"max_tokens": 10**30}, 10**30),
    ],
)
def test_peek_tells_how_much_the_answer_may_have(fields: dict[str, Any], most: int | None) -> None:
    assert peek(**fields).most_output == most


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model": 1}', b'{"model":"m","stream":1}', b'{"a":' + b"[" * 100_000]
)
def test_peek_refuses_what_is_no_request(body: bytes) -> None:
    with pytest.raises(Denied) as caught:
        verbatim.peek(body)
    assert caught.value.status == 400


def test_splice_changes_only_what_it_is_told() -> None:
    body = b'{ "b" : 2.50,"model":"m","a":[1 , 2],"s":"\\u00e9\\/","big":1e400,"long":123456789012345678901234567890}'
    out = verbatim.splice(verbatim.peek(body), "up", NO_EDITS)
    assert out == (
        b'{"b":2.50,"model":"up","a":[1 , 2],"s":"\\u00e9\\/","big":1e400,"long":123456789012345678901234567890}'
    )


def test_splice_sends_one_of_duplicate_keys() -> None:
    out = verbatim.splice(verbatim.peek(b'{"model":"evil","model":"m","x":1,"x":2}'), "m", NO_EDITS)
    assert out == b'{"model":"m","x":2}'


def test_splice_merges_sets_and_removes() -> None:
    seen = peek(metadata={"a": 1, "deep": {"x": 1}}, temperature=1, top_p=0.5)
    wanted = {"metadata": {"b": 2, "deep": {"y": 2}}, "temperature": 0, "new": {"z": 1}}
    out = json.loads(verbatim.splice(seen, "m", Edits(set=wanted, drop=frozenset({"top_p", "absent"}))))
    assert out == {
        "model": "m",
        "metadata": {"a": 1, "b": 2, "deep": {"x": 1, "y": 2}},
        "temperature": 0,
        "new": {"z": 1},
    }


def test_nulls_that_the_client_sent_can_be_taken_out_and_none_are_added() -> None:
    body = b'{"model":"m","stop":null,"n":null,"tools":[null],"x":"null"}'
    assert verbatim.splice(verbatim.peek(body), "m", NO_EDITS) == body
    assert verbatim.splice(verbatim.peek(body), "m", Edits(without_nulls=True)) == (
        b'{"model":"m","tools":[null],"x":"null"}'
    )


def test_a_renamed_field_keeps_its_value_as_it_was_written() -> None:
    body = b'{"model":"m","max_tokens":1e2}'
    out = verbatim.splice(verbatim.peek(body), "m", Edits(rename={"max_tokens": "max_completion_tokens"}))
    assert out == b'{"model":"m","max_completion_tokens":1e2}'


def test_a_developer_message_is_noticed() -> None:
    assert peek(messages=[{"role": "developer", "content": "x"}]).developer
    assert not peek(messages=[{"role": "system", "content": "x"}]).developer
    assert not peek().developer


def test_reasoning_in_the_history_is_noticed() -> None:
    assert peek(messages=[{"role": "assistant", "content": "x", "reasoning_content": "hm"}]).thoughts
    assert not peek(messages=[{"role": "assistant", "content": "x"}]).thoughts
    assert not peek().thoughts


def test_an_effort_in_the_alias_yields_to_one_in_the_request() -> None:
    wish = Reasoning(effort="high")
    assert verbatim.reasoning_edits(peek(), wish) == {"reasoning_effort": "high"}
    assert verbatim.reasoning_edits(peek(reasoning_effort="low"), wish) == {}
    assert verbatim.reasoning_edits(peek(reasoning={"effort": "low"}), wish) == {}
    assert verbatim.reasoning_edits(peek(), None) == {}


def test_glance_reads_usage_and_finish_of_a_whole_answer() -> None:
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "length"}], "usage": USAGE}
    seen = verbatim.glance(json.dumps(answer).encode())
    assert seen.usage is not None and seen.usage.total == 9
    assert seen.finish is not None and seen.finish.reason == "length" and seen.finished


@pytest.mark.parametrize(
    ("told", "total"),
    [
        ({"prompt_tokens": 4, "completion_tokens": "many"}, 4),
        ({"prompt_tokens": 4, "completion_tokens": 5, "cached_tokens": None}, 9),
        ({"input_tokens": 4, "output_tokens": 5}, 9),
        ({"prompt_tokens": 0}, 0),
        ({}, None),
        (None, None),
        ("a lot", None),
    ],
)
def test_glance_mends_odd_counters(told: Any, total: int | None) -> None:
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": None}], "usage": told}
    seen = verbatim.glance(json.dumps(answer).encode())
    assert (seen.usage.total if seen.usage is not None else None) == total
    assert not seen.finished


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[]}', b'{"error":{"message":"no"}}', b"[1]"])
def test_glance_refuses_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(Fault):
        verbatim.glance(body)
