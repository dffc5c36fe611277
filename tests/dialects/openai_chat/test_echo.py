"""Law 3 through a chat client: it sends back what it was given, whole or streamed, and the reply's parts are read."""

import json
from typing import Any

import msgspec
from hypothesis import given
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.dialects import laws
from uni_api.canon import (
    Call,
    Choice,
    Finish,
    Foreign,
    Media,
    Part,
    Reply,
    Request,
    Seal,
    Text,
    Thinking,
    unfold,
)
from uni_api.dialects import openai_chat
from uni_api.framing import SseDecoder

ASKED = Request(model="m", turns=(), usage_in_stream=True)
SEAL = Seal(realm="anthropic", token="tok==/+", id="it")


def send_back(message: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of the assistant turn that a client's next request holds."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}, message]}
    turn = openai_chat.read_request(json.loads(json.dumps(body))).turns[1]
    return tuple(laws.without_notes(part) for part in turn.parts)


def whole(reply: Reply) -> dict[str, Any]:
    """The message as the official SDK gives it to a client that appends it."""
    body = msgspec.json.encode(openai_chat.write_reply(reply, ASKED))
    answer = ChatCompletion.model_validate_json(body)
    return answer.choices[0].message.model_dump(exclude_unset=True)


def streamed(reply: Reply) -> dict[str, Any]:
    """The message as a plain client gathers it: strings are joined, lists appended, calls told apart by their index."""
    writer = openai_chat.writer(ASKED)
    data = b"".join(writer.feed(event) for event in unfold(reply)) + writer.close()
    message: dict[str, Any] = {}
    for frame in SseDecoder().feed(data):
        if frame.data == b"[DONE]":
            continue
        for choice in json.loads(frame.data)["choices"]:
            if choice["index"] == 0:
                _gather(message, choice["delta"])
    return message


def sdk_streamed(reply: Reply) -> dict[str, Any]:
    """The message as the official SDK's stream helper gathers it."""
    writer = openai_chat.writer(ASKED)
    data = b"".join(writer.feed(event) for event in unfold(reply)) + writer.close()
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for frame in SseDecoder().feed(data):
        if frame.data != b"[DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate_json(frame.data))
    return state.get_final_completion().choices[0].message.model_dump(exclude_none=True, exclude={"parsed"})


def _gather(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            calls = whole.setdefault(name, [])
            for entry in value:
                while len(calls) <= entry["index"]:
                    calls.append({})
                _gather(calls[entry["index"]], {key: inner for key, inner in entry.items() if key != "index"})
        elif isinstance(value, str) and name not in ("role", "type", "id"):
            whole[name] = (whole.get(name) or "") + value
        elif isinstance(value, list):
            whole.setdefault(name, []).extend(value)
        elif isinstance(value, dict):
            _gather(whole.setdefault(name, {}), value)
        elif value is not None or name not in whole:
            whole[name] = value


def reply_of(*parts: Part) -> Reply:
    return Reply(id="r", model="m", choices=(Choice(parts=parts, finish=Finish("stop")),))


def test_a_plain_answer_carries_nothing_of_ours() -> None:
    reply = reply_of(Thinking(text="hm"), Text(text="Hello"), Call(id="c", name="f", arguments="{}"))
    for message in (whole(reply), streamed(reply), sdk_streamed(reply)):
        assert "ua1." not in json.dumps(message)
        assert send_back(message) == reply.choices[0].parts


def test_sealed_thinking_rides_in_reasoning_details() -> None:
    reply = reply_of(Thinking(text="hm", seal=SEAL), Thinking(withheld=True, seal=SEAL), Text(text="Hello"))
    for message in (whole(reply), streamed(reply), sdk_streamed(reply)):
        assert message["reasoning_content"] == "hm"
        assert [entry["type"] for entry in message["reasoning_details"]] == ["reasoning.text", "reasoning.encrypted"]
        assert "extra_content" not in message
        assert send_back(message) == reply.choices[0].parts


def test_a_sealed_call_rides_in_its_own_extra_content() -> None:
    reply = reply_of(Call(id="a", name="f", arguments="{}", seal=SEAL), Call(id="b", name="g", arguments="{}"))
    for message in (whole(reply), streamed(reply), sdk_streamed(reply)):
        assert "uni_api" in message["tool_calls"][0]["extra_content"]
        assert "extra_content" not in message["tool_calls"][1]
        assert "extra_content" not in message
        assert send_back(message) == reply.choices[0].parts


def test_an_order_that_chat_cannot_show_is_rebuilt() -> None:
    reply = reply_of(
        Thinking(text="one", seal=SEAL),
        Text(text="Let me "),
        Call(id="a", name="f", arguments='{"q":1}'),
        Foreign(dialect="elsewhere", block={"type": "searched", "query": "cats"}),
        Thinking(text="two"),
        Text(text="look", seal=SEAL),
        Media(kind="image", mime="image/png", data=b"\x89PNG", seal=SEAL),
    )
    for message in (whole(reply), streamed(reply), sdk_streamed(reply)):
        assert message["content"] == "Let me look"
        assert send_back(message) == reply.choices[0].parts


def test_a_client_that_turns_content_into_a_list_changes_nothing() -> None:
    reply = reply_of(Text(text="a"), Call(id="c", name="f", arguments="{}"), Text(text="b"))
    message = whole(reply)
    message["content"] = [{"type": "text", "text": message["content"]}]
    assert send_back(message) == reply.choices[0].parts


def test_an_edited_answer_is_read_the_usual_way() -> None:
    block = Foreign(dialect="elsewhere", block={"type": "searched"})
    reply = reply_of(Text(text="one"), block, Call(id="c", name="f", arguments="{}", seal=SEAL), Text(text="two"))
    message = {**whole(reply), "content": "something else"}
    assert send_back(message) == (
        block,
        Text(text="something else"),
        Call(id="c", name="f", arguments="{}", seal=SEAL),
    )


def test_a_damaged_blob_is_taken_as_absent() -> None:
    reply = reply_of(Thinking(text="hm", seal=SEAL), Text(text="a"), Call(id="c", name="f"), Text(text="b"))
    message = json.loads(json.dumps(whole(reply)).replace("ua1.", "ua1.!"))
    parts = send_back(message)
    assert parts == (Thinking(text="hm"), Text(text="ab"), Call(id="c", name="f"))


@given(laws.replies())
def test_every_part_comes_back_from_a_whole_answer(reply: Reply) -> None:
    laws.check_echo(reply.choices[0].parts, send_back(whole(reply)))


@given(laws.replies())
def test_every_part_comes_back_from_a_stream(reply: Reply) -> None:
    laws.check_echo(reply.choices[0].parts, send_back(streamed(reply)))


@given(laws.replies())
def test_every_part_comes_back_through_the_sdks_stream_helper(reply: Reply) -> None:
    (choice,) = reply.choices
    if choice.finish is not None and choice.finish.reason in ("length", "filter", "refusal"):
        return  # The helper raises instead of giving a message.
    laws.check_echo(choice.parts, send_back(sdk_streamed(reply)))
