"""The demo speaks the chat format as any upstream does, and says that it is a demo."""

import asyncio
import json
import time
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from uni_api.demo import DemoUpstream

LOOK = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def body(**more: Any) -> bytes:
    return json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Hello?"}], **more}).encode()


async def pieces(demo: DemoUpstream, **more: Any) -> list[bytes]:
    response = await demo.send(body(stream=True, **more))
    assert (response.status, response.header(b"content-type")) == (200, b"text/event-stream")
    found = []
    while piece := await response.chunk():
        found.append(piece)
    return found


def streamed(**more: Any) -> list[ChatCompletionChunk]:
    *found, last = asyncio.run(pieces(DemoUpstream(pace=0), **more))
    assert last == b"data: [DONE]\n\n"
    return [ChatCompletionChunk.model_validate(json.loads(one.removeprefix(b"data: ")), strict=True) for one in found]


def whole(**more: Any) -> ChatCompletion:
    async def main() -> bytes:
        response = await DemoUpstream(clock=lambda: 1700000000.9).send(body(**more))
        assert (response.status, response.header(b"content-type")) == (200, b"application/json")
        assert response.header(b"retry-after") is None
        return await response.read(1_000_000)

    return ChatCompletion.model_validate(json.loads(asyncio.run(main())), strict=True)


def test_a_whole_answer_says_what_it_is() -> None:
    answer = whole()
    (choice,) = answer.choices
    assert choice.message.content is not None
    assert "uni-api demo, not a language model" in choice.message.content
    assert 'You said: "Hello?"' in choice.message.content
    assert (choice.finish_reason, answer.model, answer.created) == ("stop", "demo", 1700000000)
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 0


def test_a_stream_says_the_same() -> None:
    first, *middle, last, usage = streamed()
    assert first.choices[0].delta.role == "assistant"
    said = "".join(chunk.choices[0].delta.content or "" for chunk in middle)
    assert said == whole().choices[0].message.content
    assert last.choices[0].finish_reason == "stop"
    assert (usage.choices, usage.usage) == ([], whole().usage)
    assert len({chunk.id for chunk in (first, *middle, last, usage)}) == 1


def test_every_answer_has_an_id_of_its_own() -> None:
    async def main() -> set[str]:
        demo = DemoUpstream()
        return {json.loads(await (await demo.send(body())).read(100_000))["id"] for _ in range(3)}

    assert len(asyncio.run(main())) == 3


def test_tools_on_offer_are_called() -> None:
    (choice,) = whole(tools=[LOOK]).choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("look", {"city": "demo city"})


def test_tools_are_called_in_a_stream_too() -> None:
    chunks = streamed(tools=[LOOK, LOOK])
    calls = [call for chunk in chunks for one in chunk.choices for call in one.delta.tool_calls or ()]
    assert [(call.index, call.id) for call in calls] == [(0, "call_demo1"), (1, "call_demo2")]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "tool_calls"


def test_a_tool_is_not_called_where_it_was_answered_or_forbidden() -> None:
    history = [
        {"role": "user", "content": [{"type": "text", "text": "Weather"}, {"type": "text", "text": "now?"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "call_demo1", "content": "sun"},
    ]
    for more in ({"messages": history, "tools": [LOOK]}, {"tools": [LOOK], "tool_choice": "none"}):
        (choice,) = whole(**more).choices
        assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    answered = whole(messages=history, tools=[LOOK]).choices[0].message.content
    assert answered is not None and 'You said: "Weather now?"' in answered


ODD: tuple[dict[str, Any], ...] = (
    {"messages": []},
    {"messages": None},
    {"messages": ["x", {"role": "user", "content": None}]},
    {"messages": [{"role": "user", "content": ["x", {"text": 5}]}]},
    {"tools": ["x", {}, {"function": {"name": 5}}]},
)


@pytest.mark.parametrize("more", ODD, ids=str)
def test_odd_requests_are_answered_too(more: dict[str, Any]) -> None:
    assert whole(**more).choices[0].finish_reason == "stop"


def test_a_tool_with_odd_parameters_is_called_without_any() -> None:
    calls = whole(tools=[{"function": {"name": "f", "parameters": [1]}}]).choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.arguments for call in calls if call.type == "function"] == ["{}"]


def test_a_stream_has_its_pace_and_can_be_closed() -> None:
    async def main() -> None:
        response = await DemoUpstream(pace=0.1).send(body(stream=True))
        began = time.monotonic()
        assert await response.chunk()
        assert time.monotonic() - began < 0.1
        assert await response.chunk()
        assert time.monotonic() - began >= 0.099
        response.close()
        assert await response.chunk() == b""

    asyncio.run(main())
