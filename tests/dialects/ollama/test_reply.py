"""Whole answers: the same as their streams, and what is no answer."""

from typing import Any

import pytest

from tests.dialects import laws
from tests.dialects.ollama.test_stream import SECONDS, call, last, line, said
from uni_api.canon import Call, Choice, Finish, Reply, Rest, Text, Thinking, Usage
from uni_api.dialects import ollama
from uni_api.errors import Fault


def test_a_whole_answer() -> None:
    body = last(total_duration=5)
    body["message"] = {
        "role": "assistant",
        "content": "Sunny.",
        "thinking": "Hm.",
        "tool_calls": [call("weather", {"city": "Oslo"}, id="call_1")],
    }
    hints = frozenset({"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"})
    assert ollama.read_reply(body, "ollama:host") == Reply(
        model="qwen3:4b",
        created=SECONDS,
        choices=(
            Choice(
                parts=(
                    Thinking(text="Hm."),
                    Text(text="Sunny."),
                    Call(id="call_1", name="weather", arguments='{"city":"Oslo"}'),
                ),
                finish=Finish("calls", "stop"),
            ),
        ),
        usage=Usage(input=11, output=7),
        rest=Rest("ollama", {"total_duration": 5}, hints),
    )


def test_law_4_a_stream_is_its_whole_answer() -> None:
    """Also the ids that are made for calls are the same."""
    whole = last("stop", total_duration=9)
    whole["message"] = {"content": "Hello", "thinking": "Hm", "tool_calls": [call("f", {"a": 1}), call("f", {"a": 1})]}
    streamed = said(
        line(thinking="H"),
        line(thinking="m"),
        line("Hel"),
        line("lo"),
        line(tool_calls=[call("f", {"a": 1})]),
        line(tool_calls=[call("f", {"a": 1})]),
        last("stop", total_duration=9),
    )
    laws.check_stream_is_batch(streamed, ollama.read_reply(whole, "r"))


def test_an_answer_that_does_not_say_it_is_done_has_no_finish() -> None:
    body = line("Hi")
    del body["done"]
    assert ollama.read_reply(body, "r").choices[0] == Choice(parts=(Text(text="Hi"),))


@pytest.mark.parametrize("body", [{}, {"message": "Hi"}, {"done": True}, {"choices": [{"message": {"content": "x"}}]}])
def test_what_is_no_answer_is_a_fault(body: dict[str, Any]) -> None:
    with pytest.raises(Fault, match="no message") as caught:
        ollama.read_reply(body, "r")
    assert caught.value.kind == "protocol"


def test_an_error_in_disguise_is_a_fault() -> None:
    with pytest.raises(Fault, match="model 'x' not found") as caught:
        ollama.read_reply({"error": "model 'x' not found"}, "r")
    assert (caught.value.kind, caught.value.status) == ("not_found", 404)
