"""Whole answers in their envelope, in both forms."""

from typing import Any

import pytest

from tests.dialects import laws
from tests.dialects.workers_ai.test_stream import USAGE, said
from uni_api.canon import Call, Choice, Finish, Reply, Text, Thinking, Usage
from uni_api.dialects import workers_ai
from uni_api.errors import Fault


def enveloped(result: Any) -> dict[str, Any]:
    return {"result": result, "success": True, "errors": [], "messages": []}


def test_the_older_form() -> None:
    body = enveloped({"response": "Hi.", "usage": USAGE, "tool_calls": []})
    assert workers_ai.read_reply(body, "r") == Reply(
        choices=(Choice(parts=(Text(text="Hi."),), finish=Finish("stop")),), usage=Usage(input=9, output=4)
    )


def test_the_newer_form() -> None:
    message = {
        "role": "assistant",
        "content": "Yes.",
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
    }
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = enveloped({"id": "id-1", "created": 5, "model": "@cf/m", "choices": [choice], "usage": USAGE})
    assert workers_ai.read_reply(body, "r") == Reply(
        id="id-1",
        created=5,
        model="@cf/m",
        choices=(
            Choice(
                parts=(Thinking(text="Hm."), Text(text="Yes."), Call(id="c1", name="f", arguments='{"a":1}')),
                finish=Finish("calls", "tool_calls"),
            ),
        ),
        usage=Usage(input=9, output=4),
    )


def test_an_answer_without_its_envelope_is_read_too() -> None:
    assert workers_ai.read_reply({"response": "Hi."}, "r").choices[0].parts == (Text(text="Hi."),)


def test_law_4_a_stream_is_its_whole_answer() -> None:
    calls = [{"name": "f", "arguments": {"a": 1}}, {"name": "f", "arguments": {"a": 1}}]
    whole = enveloped({"response": "Hello", "tool_calls": calls, "usage": USAGE})
    streamed = said({"response": "Hel"}, {"response": "lo"}, {"tool_calls": calls}, {"response": "", "usage": USAGE})
    laws.check_stream_is_batch(streamed, workers_ai.read_reply(whole, "r"))


@pytest.mark.parametrize("body", [{}, enveloped({}), enveloped(None), enveloped({"output": []}), enveloped([1])])
def test_what_is_no_answer_is_a_fault(body: dict[str, Any]) -> None:
    with pytest.raises(Fault, match="neither a response nor choices") as caught:
        workers_ai.read_reply(body, "r")
    assert caught.value.kind == "protocol"


def test_an_error_in_disguise_is_a_fault() -> None:
    body = {"result": {}, "success": False, "errors": [{"code": 3036, "message": "You have used up your allocation."}]}
    with pytest.raises(Fault, match="used up") as caught:
        workers_ai.read_reply(body, "r")
    assert (caught.value.kind, caught.value.status, caught.value.code) == ("quota", 429, "3036")
