"""Requests: every body is legal, and says or admits everything."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given

from tests.dialects import laws
from tests.dialects.ollama.schema import problems
from uni_api.canon import (
    Cache,
    Call,
    Citation,
    FileRef,
    Foreign,
    Losses,
    Media,
    Part,
    Reasoning,
    Request,
    Rest,
    Result,
    Sampling,
    Seal,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from uni_api.dialects import ollama

Lost = list[tuple[str, str]]


def write(request: Request) -> tuple[dict[str, Any], Lost]:
    losses = Losses()
    body = laws.plain(ollama.write_request(request, losses))
    assert problems(body) == []
    return body, [(loss.path, loss.kind) for loss in losses.items]


def ask(*parts: Part, **more: Any) -> Request:
    return Request(model="qwen3:4b", turns=(Turn(role="user", parts=parts or (Text(text="Hi"),)),), **more)


def message(*parts: Part, role: Any = "user") -> tuple[dict[str, Any], Lost]:
    body, lost = write(Request(model="m", turns=(Turn(role=role, parts=parts),)))
    (only,) = body["messages"]
    return only, lost


@given(laws.requests)
def test_every_request_becomes_a_legal_body_and_no_text_is_lost(request: Request) -> None:
    assert problems(laws.plain(ollama.write_request(request, Losses()))) == []
    laws.check_write_keeps(ollama.write_request, request)


def test_a_plain_request_says_that_it_is_not_streamed() -> None:
    assert write(ask()) == (
        {"model": "qwen3:4b", "messages": [{"role": "user", "content": "Hi"}], "stream": False},
        [],
    )


def test_a_stream_is_asked_for() -> None:
    assert write(ask(stream=True, usage_in_stream=True))[0]["stream"] is True


def test_options() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        min_p=0.05,
        seed=7,
        frequency_penalty=0.1,
        presence_penalty=-0.1,
        n=1,
        logprobs=True,
        top_logprobs=3,
    )
    body, lost = write(ask(sampling=sampling, max_tokens=100, stop=("END", "\n")))
    assert body["options"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
        "num_predict": 100,
        "stop": ["END", "\n"],
    }
    assert (body["logprobs"], body["top_logprobs"], lost) == (True, 3, [])


def test_what_can_not_be_asked_is_admitted() -> None:
    asked = ask(
        sampling=Sampling(n=2, logit_bias={"5": 1.0}),
        parallel=False,
        modalities=("text", "audio"),
        user="u",
        cache=Cache(),
    )
    assert write(asked)[1] == [
        ("parallel", "tuning"),
        ("sampling.logit_bias", "tuning"),
        ("sampling.n", "tuning"),
        ("modalities", "tuning"),
        ("user", "hint"),
        ("cache", "hint"),
    ]


@pytest.mark.parametrize(
    ("model", "reasoning", "think", "lost"),
    [
        ("qwen3:4b", None, None, []),
        ("qwen3:4b", Reasoning(), None, []),
        ("qwen3:4b", Reasoning(enabled=True), True, []),
        ("qwen3:4b", Reasoning(enabled=False), False, []),
        ("qwen3:4b", Reasoning(effort="none"), False, []),
        ("qwen3:4b", Reasoning(budget=0), False, []),
        ("qwen3:4b", Reasoning(budget=-1), True, []),
        ("qwen3:4b", Reasoning(adaptive=True, show=False), True, [("reasoning.show", "hint")]),
        ("qwen3:4b", Reasoning(effort="high"), True, [("reasoning.effort", "tuning")]),
        ("qwen3:4b", Reasoning(budget=500), True, [("reasoning.budget", "tuning")]),
        ("gpt-oss:20b", Reasoning(effort="high"), "high", []),
        ("me/GPT-OSS", Reasoning(effort="low"), "low", []),
        ("gpt-oss", Reasoning(effort="minimal"), "low", [("reasoning.effort", "tuning")]),
        ("gpt-oss", Reasoning(effort="max"), "high", [("reasoning.effort", "tuning")]),
        ("gpt-oss", Reasoning(budget=2048), "low", [("reasoning.budget", "tuning")]),
        ("gpt-oss", Reasoning(budget=8000), "medium", [("reasoning.budget", "tuning")]),
        ("gpt-oss", Reasoning(budget=9000), "high", [("reasoning.budget", "tuning")]),
        ("gpt-oss", Reasoning(enabled=True), True, []),
    ],
)
def test_how_much_to_think(model: str, reasoning: Reasoning | None, think: Any, lost: Lost) -> None:
    turns = (Turn(role="user", parts=(Text(text="Hi"),)),)
    body, found = write(Request(model=model, turns=turns, reasoning=reasoning))
    assert (body.get("think"), found) == (think, lost)


SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("shape", "form", "lost"),
    [
        (Shape(kind="text"), None, []),
        (Shape(kind="json"), "json", []),
        (Shape(kind="schema", schema=SCHEMA, strict=True), SCHEMA, []),
        (Shape(kind="schema", name="n", schema={}), "json", [("shape.name", "hint")]),
        (
            Shape(kind="schema", name="n", description="d", schema=SCHEMA),
            SCHEMA,
            [("shape.description", "tuning"), ("shape.name", "hint")],
        ),
    ],
)
def test_the_shape_of_the_answer(shape: Shape, form: Any, lost: Lost) -> None:
    body, found = write(ask(shape=shape))
    assert (body.get("format"), found) == (form, lost)
    if isinstance(form, dict) and "properties" in form:
        assert list(body["format"]["properties"]) == ["b", "a"]


def tool(name: str, **more: Any) -> Tool:
    return Tool(name=name, description=f"does {name}", schema=SCHEMA, **more)


def offered(body: dict[str, Any]) -> list[str]:
    return [each["function"]["name"] for each in body.get("tools", [])]


def test_tools() -> None:
    body, lost = write(ask(tools=(tool("f", strict=True, cache=Cache()), Tool(name="g"))))
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "does f", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert lost == [("tools[0].strict", "tuning"), ("tools[0].cache", "hint")]


def test_a_free_text_tool_is_a_function_of_one_text() -> None:
    body, lost = write(ask(tools=(Tool(name="shell", custom=True),)))
    parameters = body["tools"][0]["function"]["parameters"]
    assert parameters == {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    assert lost == [("tools[0]", "tuning")]


def test_tools_of_another_format_are_admitted() -> None:
    own = {"type": "web_search"}
    tools = (Foreign(dialect="gemini", block={"googleSearch": {}}), Foreign(dialect="ollama", block=own))
    losses = Losses()
    body = ollama.write_request(ask(tools=tools), losses)
    assert body["tools"] == [own]
    assert [(loss.path, loss.kind) for loss in losses.items] == [("tools[0]", "meaning")]


@pytest.mark.parametrize(
    ("choice", "names", "lost"),
    [
        (ToolChoice(mode="auto"), ["f", "g"], []),
        (ToolChoice(mode="required"), ["f", "g"], [("tool_choice", "meaning")]),
        (ToolChoice(mode="named", names=("g",)), ["g"], [("tool_choice", "meaning"), ("tools[0]", "tuning")]),
        (ToolChoice(mode="auto", names=("f",)), ["f"], [("tools[1]", "tuning")]),
        (ToolChoice(mode="none"), [], [("tools[0]", "tuning"), ("tools[1]", "tuning")]),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, names: list[str], lost: Lost) -> None:
    body, found = write(ask(tools=(tool("f"), tool("g")), tool_choice=choice))
    assert (offered(body), found) == (names, lost)


def test_texts_of_one_turn_are_one_content() -> None:
    assert message(Text(text="One."), Text(text=""), Text(text="Two."))[0]["content"] == "One.\n\nTwo."
    assert message(Text(text="One"), Text(text=", two."), role="assistant")[0]["content"] == "One, two."


def test_instructions_stay_where_they_are() -> None:
    turns = (
        Turn(role="system", parts=(Text(text="Be brief."),)),
        Turn(role="user", parts=(Text(text="Hi"),), name="ann"),
        Turn(role="system", parts=(Text(text="Be merry."),)),
        Turn(role="assistant", parts=()),
    )
    body, lost = write(Request(model="m", turns=turns))
    assert [(each["role"], each["content"]) for each in body["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("system", "Be merry."),
        ("assistant", ""),
    ]
    assert lost == [("turns[1].name", "tuning")]


def test_images_are_bytes_beside_the_text() -> None:
    image = Media(kind="image", mime="image/png", data=b"\x89PNG", detail="high", name="a.png")
    written, lost = message(Text(text="What is this?"), image)
    assert written == {"role": "user", "content": "What is this?", "images": [base64.b64encode(b"\x89PNG").decode()]}
    where = "turns[0].parts[1]"
    assert lost == [(f"{where}.name", "tuning"), (f"{where}.detail", "hint"), (where, "hint")]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="image", url="https://example.com/a.png"),
        Media(kind="image", file=FileRef("openai", "file-1")),
        Media(kind="image", data=b""),
        Media(kind="audio", data=b"RIFF"),
        Media(kind="document", mime="application/pdf", data=b"%PDF"),
        Media(kind="video", url="https://example.com/a.mp4"),
    ],
)
def test_other_media_are_admitted(media: Media) -> None:
    assert message(media) == ({"role": "user", "content": ""}, [("turns[0].parts[0]", "meaning")])


def test_links_to_images_are_to_be_fetched() -> None:
    assert ollama.needs_bytes(Media(kind="image", url="https://example.com/a.png"))
    assert not ollama.needs_bytes(Media(kind="image", data=b"x"))
    assert not ollama.needs_bytes(Media(kind="document", url="https://example.com/a.pdf"))


def test_a_loop_of_tools() -> None:
    turns = (
        Turn(role="user", parts=(Text(text="Weather?"),)),
        Turn(
            role="assistant",
            parts=(
                Thinking(text="I look it up."),
                Text(text="One moment."),
                Call(id="call_1", name="weather", arguments='{"city": "Oslo", "days": 2}'),
                Call(id="call_2", name="time", arguments=""),
            ),
        ),
        Turn(role="user", parts=(Result(call="call_2", parts=(Text(text="noon"),), error=True),)),
        Turn(
            role="user",
            parts=(
                Text(text="First:"),
                Result(call="call_1", parts=(Text(text="rain"), Media(kind="image", data=b"map"))),
                Text(text="Well?"),
            ),
        ),
        Turn(role="user", parts=(Result(call="call_9", name="other", parts=()),)),
    )
    body, lost = write(Request(model="m", turns=turns))
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "One moment.",
            "thinking": "I look it up.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": {"city": "Oslo", "days": 2}},
                },
                {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "noon", "tool_name": "time", "tool_call_id": "call_2"},
        {"role": "user", "content": "First:"},
        {
            "role": "tool",
            "content": "rain",
            "images": [base64.b64encode(b"map").decode()],
            "tool_name": "weather",
            "tool_call_id": "call_1",
        },
        {"role": "user", "content": "Well?"},
        {"role": "tool", "content": "", "tool_name": "other", "tool_call_id": "call_9"},
    ]
    assert lost == [("turns[2].parts[0].error", "tuning"), ("turns[3].parts[1].parts[1]", "hint")]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (Call(id="c", name="f", arguments="{broken"), {"input": "{broken"}),
        (Call(id="c", name="f", arguments="[1]"), {"input": "[1]"}),
        (Call(id="c", name="f", arguments="[" * 9000), {"input": "[" * 9000}),
        (Call(id="c", name="f", arguments="ls -l", custom=True), {"input": "ls -l"}),
    ],
)
def test_arguments_that_are_no_object_are_sent_as_text(call: Call, arguments: Any) -> None:
    written, lost = message(call, role="assistant")
    assert written["tool_calls"][0]["function"]["arguments"] == arguments
    assert lost == [("turns[0].parts[0].arguments", "tuning")]


def test_what_a_part_says_beside_its_words_is_admitted() -> None:
    seal = Seal(realm="r", token="t")
    parts = (
        Text(text="a", cache=Cache(), seal=seal, citations=(Citation(url="u"),), rest=Rest("gemini", {"x": 1})),
        Thinking(text="b", seal=seal, rest=Rest("gemini", {"y": 1})),
        Call(id="c", name="f", cache=Cache(), seal=seal, rest=Rest("gemini", {"z": 1})),
        Foreign(dialect="gemini", block={"videoMetadata": {}}),
        Result(
            call="c", cache=Cache(), rest=Rest("gemini", {"w": 1}), parts=(Call(id="d", name="g"), Result(call="e"))
        ),
    )
    _, lost = write(Request(model="m", turns=(Turn(role="assistant", parts=parts),)))
    assert {path for path, _ in lost} == {
        "turns[0].parts[0].cache",
        "turns[0].parts[0].seal",
        "turns[0].parts[0].citations[0]",
        "turns[0].parts[0].x",
        "turns[0].parts[1].seal",
        "turns[0].parts[1].y",
        "turns[0].parts[2].cache",
        "turns[0].parts[2].seal",
        "turns[0].parts[2].z",
        "turns[0].parts[3]",
        "turns[0].parts[4].cache",
        "turns[0].parts[4].w",
        "turns[0].parts[4]",
        "turns[0].parts[4].parts[1]",
    }


def test_thoughts_of_a_user_are_admitted() -> None:
    assert message(Thinking(text="Hm."))[1] == [("turns[0].parts[0]", "meaning")]


def test_leftovers_of_this_format_are_put_back() -> None:
    rest = Rest("ollama", {"keep_alive": "10m", "options": {"num_ctx": 8192, "temperature": 2}})
    body, lost = write(ask(rest=rest, sampling=Sampling(temperature=0.1)))
    assert (body["keep_alive"], body["options"]) == ("10m", {"num_ctx": 8192, "temperature": 0.1})
    assert lost == []


def test_leftovers_of_another_format_are_admitted() -> None:
    body, lost = write(ask(rest=Rest("openai_chat", {"verbosity": "low", "store": True}, frozenset({"store"}))))
    assert json.dumps(body).count("verbosity") == 0
    assert lost == [("verbosity", "tuning"), ("store", "hint")]
