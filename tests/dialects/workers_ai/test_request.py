"""Requests: legal bodies that say or admit everything."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.dialects import laws
from uni_api.canon import (
    Cache,
    Call,
    Foreign,
    Losses,
    Media,
    Part,
    Reasoning,
    Request,
    Rest,
    Result,
    Sampling,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from uni_api.dialects import workers_ai

Lost = list[tuple[str, str]]

_TEXT = {"type": "string"}
_BLOCK = {
    "oneOf": [
        {"properties": {"type": {"const": "text"}, "text": _TEXT}, "required": ["text"]},
        {
            "properties": {
                "type": {"const": "image_url"},
                "image_url": {"properties": {"url": {"pattern": "^data:"}}, "required": ["url"]},
            },
            "required": ["image_url"],
        },
    ]
}
_FUNCTION = {
    "properties": {"name": _TEXT, "description": _TEXT, "parameters": {"type": "object"}},
    "required": ["name", "parameters"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "messages": {
            "items": {
                "properties": {
                    "role": {"enum": ["system", "user", "assistant", "tool"]},
                    "content": {"oneOf": [_TEXT, {"type": "array", "items": _BLOCK}]},
                },
                "required": ["role", "content"],
            }
        },
        "tools": {"items": {"properties": {"function": _FUNCTION}, "required": ["type", "function"]}},
        "response_format": {"properties": {"type": {"enum": ["json_object", "json_schema"]}}},
        "reasoning_effort": {"enum": ["low", "medium", "high"]},
        "tool_choice": {"enum": ["auto", "none", "required"]},
        **{name: {} for name in ("stream", "max_tokens", "stop", "temperature", "top_p", "top_k", "seed")},
        **{name: {} for name in ("frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls")},
    },
    "required": ["messages", "stream"],
    "additionalProperties": False,
}
"""What every chat model takes. Source: the input schemas at developers.cloudflare.com/workers-ai/models, 2026-11-24."""

_VALIDATOR = Draft202012Validator(SCHEMA)


def problems(body: Any) -> list[str]:
    return [f"{error.json_path}: {error.message:.200}" for error in _VALIDATOR.iter_errors(body)]


def write(request: Request) -> tuple[dict[str, Any], Lost]:
    losses = Losses()
    body = laws.plain(workers_ai.write_request(request, losses))
    assert problems(body) == []
    return body, [(loss.path, loss.kind) for loss in losses.items]


def ask(*parts: Part, **more: Any) -> Request:
    return Request(model="@cf/m", turns=(Turn(role="user", parts=parts or (Text(text="Hi"),)),), **more)


@given(laws.requests)
def test_every_request_becomes_a_legal_body_and_no_text_is_lost(request: Request) -> None:
    assert problems(laws.plain(workers_ai.write_request(request, Losses()))) == []
    laws.check_write_keeps(workers_ai.write_request, request)


def test_a_plain_request_holds_no_model() -> None:
    assert write(ask()) == ({"messages": [{"role": "user", "content": "Hi"}], "stream": False}, [])


def test_knobs() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=4, seed=7, frequency_penalty=0.1, presence_penalty=0.2, n=1)
    body, lost = write(ask(sampling=sampling, max_tokens=9, stop=("END",), stream=True))
    assert body == {
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 4,
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "max_tokens": 9,
        "stop": ["END"],
    }
    assert lost == []


def test_what_can_not_be_asked_is_admitted() -> None:
    sampling = Sampling(min_p=0.1, n=2, logprobs=True, top_logprobs=2)
    rest = Rest("openai_chat", {"verbosity": "low"})
    asked = ask(sampling=sampling, modalities=("audio",), user="u", cache=Cache(), rest=rest)
    assert write(asked)[1] == [
        ("sampling.min_p", "tuning"),
        ("sampling.logprobs", "tuning"),
        ("sampling.n", "tuning"),
        ("modalities", "tuning"),
        ("user", "hint"),
        ("cache", "hint"),
        ("verbosity", "tuning"),
    ]


def test_leftovers_of_this_format_are_put_back() -> None:
    losses = Losses()
    body = workers_ai.write_request(ask(rest=Rest("workers_ai", {"lora": "mine"})), losses)
    assert body["lora"] == "mine"
    assert not losses


ANSWER = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("shape", "form", "lost"),
    [
        (Shape(kind="text"), None, []),
        (Shape(kind="json"), {"type": "json_object"}, []),
        (
            Shape(kind="schema", name="n", description="d", schema=ANSWER, strict=True),
            {"type": "json_schema", "json_schema": ANSWER},
            [("shape.description", "tuning"), ("shape.name", "hint"), ("shape.strict", "tuning")],
        ),
    ],
)
def test_the_shape_of_the_answer(shape: Shape, form: Any, lost: Lost) -> None:
    body, found = write(ask(shape=shape))
    assert (body.get("response_format"), found) == (form, lost)


@pytest.mark.parametrize(
    ("reasoning", "effort", "lost"),
    [
        (Reasoning(effort="medium"), "medium", []),
        (Reasoning(effort="max"), "high", [("reasoning.effort", "tuning")]),
        (Reasoning(budget=9000), "high", [("reasoning.budget", "tuning")]),
        (Reasoning(budget=100, show=True), "low", [("reasoning.show", "hint"), ("reasoning.budget", "tuning")]),
        (Reasoning(enabled=True), None, []),
        (Reasoning(effort="none"), None, [("reasoning", "tuning")]),
    ],
)
def test_how_much_to_think(reasoning: Reasoning, effort: str | None, lost: Lost) -> None:
    body, found = write(ask(reasoning=reasoning))
    assert (body.get("reasoning_effort"), found) == (effort, lost)


def test_tools() -> None:
    tools = (
        Tool(name="f", description="does f", schema=ANSWER, strict=True, cache=Cache()),
        Tool(name="shell", custom=True),
        Foreign(dialect="gemini", block={"googleSearch": {}}),
    )
    body, lost = write(ask(tools=tools, parallel=False, tool_choice=ToolChoice(mode="required")))
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "does f", "parameters": ANSWER, "strict": True},
        },
        {
            "type": "function",
            "function": {
                "name": "shell",
                "parameters": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
            },
        },
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    assert lost == [("tools[0].cache", "hint"), ("tools[1]", "tuning"), ("tools[2]", "meaning")]


def test_one_tool_is_forced_by_offering_no_other() -> None:
    choice = ToolChoice(mode="named", names=("g",))
    body, lost = write(ask(tools=(Tool(name="f"), Tool(name="g")), tool_choice=choice))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]
    assert (body["tool_choice"], lost) == ("required", [("tools[0]", "tuning")])


def test_a_choice_among_no_tools_is_admitted() -> None:
    assert write(ask(tool_choice=ToolChoice(mode="required")))[1] == [("tool_choice", "meaning")]


def test_a_loop_of_tools() -> None:
    turns = (
        Turn(role="system", parts=(Text(text="One."), Text(text="Two."))),
        Turn(
            role="assistant",
            parts=(
                Thinking(text="Hm."),
                Text(text="I "),
                Text(text="look."),
                Call(id="c1", name="f", arguments='{"a": 2.50}'),
                Call(id="c2", name="g", arguments="ls", custom=True),
                Call(id="c3", name="h"),
            ),
        ),
        Turn(role="user", name="ann", parts=(Result(call="c1", parts=(Text(text="two"),), error=True),)),
        Turn(role="user", parts=(Result(call="c9", name="x", cache=Cache()), Text(text="Well?"))),
    )
    body, lost = write(Request(model="m", turns=turns))
    assert body["messages"] == [
        {"role": "system", "content": "One.\n\nTwo."},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 2.50}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"input":"ls"}'}},
                {"id": "c3", "type": "function", "function": {"name": "h", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "two", "tool_call_id": "c1", "name": "f"},
        {"role": "tool", "content": "", "tool_call_id": "c9", "name": "x"},
        {"role": "user", "content": "Well?"},
    ]
    assert lost == [
        ("turns[1].parts[0]", "tuning"),
        ("turns[1].parts[4].arguments", "tuning"),
        ("turns[2].parts[0].error", "tuning"),
        ("turns[2].name", "tuning"),
        ("turns[3].parts[0].cache", "hint"),
    ]


def test_images_are_data_urls_among_the_texts() -> None:
    image = Media(kind="image", mime="image/webp", data=b"RIFF", detail="low", name="a.webp")
    body, lost = write(ask(Text(text="This:"), image, Text(text="What?")))
    url = "data:image/webp;base64," + base64.b64encode(b"RIFF").decode()
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "This:"},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "What?"},
    ]
    assert lost == [("turns[0].parts[1].name", "tuning"), ("turns[0].parts[1].detail", "hint")]


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="image", url="https://example.com/a.png"),
        Media(kind="document", data=b"%PDF"),
        Foreign(dialect="gemini", block={"x": 1}),
        Result(call="c", parts=(Call(id="d", name="g"),)),
    ],
)
def test_other_parts_are_admitted(part: Part) -> None:
    body, lost = write(ask(part))
    where = "turns[0].parts[0]"
    assert [kind for _, kind in lost] == ["meaning"]
    assert all(path.startswith(where) for path, _ in lost)
    assert "example.com" not in json.dumps(body)


def test_links_to_images_are_to_be_fetched() -> None:
    assert workers_ai.needs_bytes(Media(kind="image", url="https://example.com/a.png"))
    assert not workers_ai.needs_bytes(Media(kind="image", data=b"x"))
    assert not workers_ai.needs_bytes(Media(kind="audio", url="https://example.com/a.mp3"))
