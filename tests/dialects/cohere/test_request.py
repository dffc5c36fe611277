"""Requests: every body is legal, and says or admits everything."""

import base64
from typing import Any

import pytest
from hypothesis import given

from tests.dialects import laws
from tests.dialects.cohere.schema import problems
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
from uni_api.dialects import cohere

Lost = list[tuple[str, str]]
MODEL = "command-a-reasoning-08-2025"


def write(request: Request) -> tuple[dict[str, Any], Lost]:
    losses = Losses()
    body = laws.plain(cohere.write_request(request, losses))
    assert problems(body) == []
    return body, [(loss.path, loss.kind) for loss in losses.items]


def ask(*parts: Part, model: str = MODEL, **more: Any) -> Request:
    return Request(model=model, turns=(Turn(role="user", parts=parts or (Text(text="Hi"),)),), **more)


def message(*parts: Part, role: Any = "user") -> tuple[dict[str, Any], Lost]:
    body, lost = write(Request(model="m", turns=(Turn(role=role, parts=parts),)))
    (only,) = body["messages"]
    return only, lost


@given(laws.requests)
def test_every_request_becomes_a_legal_body_and_no_text_is_lost(request: Request) -> None:
    assert problems(laws.plain(cohere.write_request(request, Losses()))) == []
    laws.check_write_keeps(cohere.write_request, request)


def test_a_plain_request_says_that_it_is_not_streamed() -> None:
    assert write(ask()) == ({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": False}, [])


def test_a_stream_is_asked_for() -> None:
    assert write(ask(stream=True, usage_in_stream=True))[0]["stream"] is True


def test_sampling_has_names_of_its_own() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=40, seed=7, frequency_penalty=0.1, logprobs=True, n=1)
    body, lost = write(ask(sampling=sampling, max_tokens=100, stop=("END", "\n")))
    assert {name: value for name, value in body.items() if name not in ("model", "messages", "stream")} == {
        "max_tokens": 100,
        "stop_sequences": ["END", "\n"],
        "temperature": 0.5,
        "p": 0.9,
        "k": 40,
        "frequency_penalty": 0.1,
        "seed": 7,
        "logprobs": True,
    }
    assert lost == []


@pytest.mark.parametrize(
    ("sampling", "sent", "lost"),
    [
        (Sampling(temperature=1.5), {"temperature": 1.0}, ["temperature"]),
        (Sampling(top_p=1), {"p": 0.99}, []),
        (Sampling(top_p=0), {"p": 0.01}, ["top_p"]),
        (Sampling(top_k=900), {"k": 500}, ["top_k"]),
        (Sampling(frequency_penalty=-2), {"frequency_penalty": 0.0}, ["frequency_penalty"]),
        (
            Sampling(frequency_penalty=0.5, presence_penalty=0.5),
            {"frequency_penalty": 0.5},
            ["presence_penalty"],
        ),
        (
            Sampling(frequency_penalty=0, presence_penalty=0.5),
            {"frequency_penalty": 0.0, "presence_penalty": 0.5},
            [],
        ),
        (Sampling(seed=-1), {}, ["seed"]),
        (
            Sampling(min_p=0.1, n=2, logit_bias={"5": 1.0}, top_logprobs=2),
            {},
            ["min_p", "logit_bias", "top_logprobs", "n"],
        ),
    ],
)
def test_what_is_out_of_range_is_bounded(sampling: Sampling, sent: dict[str, Any], lost: list[str]) -> None:
    body, found = write(ask(sampling=sampling))
    assert {name: value for name, value in body.items() if name not in ("model", "messages", "stream")} == sent
    assert found == [(f"sampling.{name}", "tuning") for name in lost]


def test_what_can_not_be_asked_is_admitted() -> None:
    asked = ask(
        tools=(Tool(name="f"),),
        parallel=False,
        stop=("a", "b", "c", "d", "e", "f"),
        modalities=("text", "audio"),
        user="u",
        cache=Cache(),
    )
    body, lost = write(asked)
    assert body["stop_sequences"] == ["a", "b", "c", "d", "e"]
    assert lost == [
        ("parallel", "tuning"),
        ("stop[5]", "tuning"),
        ("modalities", "tuning"),
        ("user", "hint"),
        ("cache", "hint"),
    ]


ON = {"type": "enabled"}


@pytest.mark.parametrize(
    ("reasoning", "limit", "thinking", "lost"),
    [
        (None, None, None, []),
        (Reasoning(), None, None, []),
        (Reasoning(enabled=True), None, ON, []),
        (Reasoning(adaptive=True, show=False), None, ON, [("reasoning.show", "hint")]),
        (Reasoning(budget=-1), None, ON, []),
        (Reasoning(enabled=False), None, {"type": "disabled"}, []),
        (Reasoning(effort="none"), None, {"type": "disabled"}, []),
        (Reasoning(budget=0), None, {"type": "disabled"}, []),
        (Reasoning(budget=500), None, ON | {"token_budget": 500}, []),
        (Reasoning(budget=500, effort="high"), 9, ON | {"token_budget": 500}, [("reasoning.effort", "hint")]),
        (Reasoning(effort="low"), None, ON | {"token_budget": 4096}, [("reasoning.effort", "hint")]),
        (Reasoning(effort="low"), 1000, ON | {"token_budget": 800}, [("reasoning.effort", "hint")]),
        (Reasoning(effort="low"), 1, ON | {"token_budget": 1}, [("reasoning.effort", "hint")]),
        (Reasoning(effort="high"), 1000, ON, [("reasoning.effort", "hint")]),
    ],
)
def test_how_much_to_think(reasoning: Reasoning | None, limit: int | None, thinking: Any, lost: Lost) -> None:
    body, found = write(ask(reasoning=reasoning, max_tokens=limit))
    assert (body.get("thinking"), found) == (thinking, lost)


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("command-a-03-2025", False),
        ("command-r7b-12-2024", False),
        ("Command-R-08-2024", False),
        ("command", False),
        ("mine/command-a-vision-07-2025", False),
        ("command-a-reasoning-08-2025", True),
        ("command-a-plus-05-2026", True),
        ("of-next-year", True),
    ],
)
def test_which_models_think(model: str, thinks: bool) -> None:
    body, lost = write(ask(model=model, reasoning=Reasoning(enabled=True)))
    assert ("thinking" in body, lost) == (thinks, [] if thinks else [("reasoning", "tuning")])
    body, lost = write(ask(model=model, reasoning=Reasoning(effort="none")))
    assert ("thinking" in body, lost) == (thinks, [])


SCHEMA = {
    "type": "object",
    "properties": {"b": {"type": "string"}, "a": {"type": "integer"}},
    "required": ["b"],
}


@pytest.mark.parametrize(
    ("shape", "form", "lost"),
    [
        (Shape(kind="text"), None, []),
        (Shape(kind="json"), {"type": "json_object"}, []),
        (Shape(kind="schema", schema=SCHEMA, strict=True), {"type": "json_object", "json_schema": SCHEMA}, []),
        (Shape(kind="schema", name="n", schema={}), {"type": "json_object"}, [("shape.name", "hint")]),
        (
            Shape(kind="schema", description="d", schema=SCHEMA),
            {"type": "json_object", "json_schema": SCHEMA},
            [("shape.description", "tuning")],
        ),
    ],
)
def test_the_shape_of_the_answer(shape: Shape, form: Any, lost: Lost) -> None:
    body, found = write(ask(shape=shape))
    assert (body.get("response_format"), found) == (form, lost)
    if form and "json_schema" in form:
        assert list(body["response_format"]["json_schema"]["properties"]) == ["b", "a"]


def test_tools_win_over_the_shape_of_the_answer() -> None:
    body, lost = write(ask(tools=(tool("f"),), shape=Shape(kind="json")))
    assert "response_format" not in body
    assert lost == [("shape", "meaning")]


def tool(name: str, **more: Any) -> Tool:
    return Tool(name=name, description=f"does {name}", schema=SCHEMA, **more)


def offered(body: dict[str, Any]) -> list[str]:
    return [each["function"]["name"] for each in body.get("tools", [])]


def test_tools() -> None:
    body, lost = write(ask(tools=(tool("f", cache=Cache()), Tool(name="g"))))
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "does f", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert "strict_tools" not in body
    assert lost == [("tools[0].cache", "hint")]


@pytest.mark.parametrize(
    ("tools", "strict", "lost"),
    [
        ((tool("f", strict=True), tool("g", strict=True)), True, []),
        ((tool("f", strict=True), tool("g")), None, [("tools[0].strict", "tuning")]),
        (
            (tool("f", strict=True), Tool(name="g", strict=True)),
            None,
            [(f"tools[{n}].strict", "tuning") for n in (0, 1)],
        ),
        ((tool("f", strict=False),), None, []),
    ],
)
def test_all_tools_are_strict_or_none(tools: tuple[Tool, ...], strict: bool | None, lost: Lost) -> None:
    body, found = write(ask(tools=tools))
    assert (body.get("strict_tools"), found) == (strict, lost)


def test_a_free_text_tool_is_a_function_of_one_text() -> None:
    body, lost = write(ask(tools=(Tool(name="shell", custom=True),)))
    parameters = body["tools"][0]["function"]["parameters"]
    assert parameters == {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    assert lost == [("tools[0]", "tuning")]


def test_tools_of_another_format_are_admitted() -> None:
    own = {"type": "function", "function": {"name": "f", "parameters": {}}}
    tools = (Foreign(dialect="gemini", block={"googleSearch": {}}), Foreign(dialect="cohere", block=own))
    body, lost = write(ask(tools=tools))
    assert body["tools"] == [own]
    assert lost == [("tools[0]", "meaning")]


@pytest.mark.parametrize(
    ("choice", "word", "names", "lost"),
    [
        (ToolChoice(mode="auto"), None, ["f", "g"], []),
        (ToolChoice(mode="required"), "REQUIRED", ["f", "g"], []),
        (ToolChoice(mode="none"), "NONE", ["f", "g"], []),
        (ToolChoice(mode="named", names=("g",)), "REQUIRED", ["g"], [("tools[0]", "tuning")]),
        (ToolChoice(mode="auto", names=("f",)), None, ["f"], [("tools[1]", "tuning")]),
        (
            ToolChoice(mode="named", names=("h",)),
            None,
            [],
            [("tools[0]", "tuning"), ("tools[1]", "tuning"), ("tool_choice", "meaning")],
        ),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, word: str | None, names: list[str], lost: Lost) -> None:
    body, found = write(ask(tools=(tool("f"), tool("g")), tool_choice=choice))
    assert (body.get("tool_choice"), offered(body), found) == (word, names, lost)


def test_the_only_tool_may_be_named_at_no_loss() -> None:
    body, lost = write(ask(tools=(tool("f"),), tool_choice=ToolChoice(mode="named", names=("f",))))
    assert (body["tool_choice"], lost) == ("REQUIRED", [])


def test_texts_of_one_turn_are_blocks_of_one_message() -> None:
    blocks = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]
    assert message(Text(text="One."), Text(text=""), Text(text="Two."))[0]["content"] == blocks
    assert message(Text(text="One."), role="system")[0] == {"role": "system", "content": "One."}


def test_instructions_stay_where_they_are() -> None:
    turns = (
        Turn(role="system", parts=(Text(text="Be brief."),)),
        Turn(role="user", parts=(Text(text="Hi"),), name="ann"),
        Turn(role="system", parts=(Text(text="Be merry."),), rest=Rest("openai_chat", {":role": "developer"})),
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


def test_images_are_links_or_data_urls() -> None:
    data = base64.b64encode(b"\x89PNG").decode()
    image = Media(kind="image", mime="image/webp", data=b"\x89PNG", detail="high", name="a.png")
    link = Media(kind="image", url="https://example.com/a.png", detail="ultra")
    written, lost = message(Text(text="What is this?"), image, link)
    assert written["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{data}", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    assert lost == [("turns[0].parts[1].name", "tuning"), ("turns[0].parts[2].detail", "hint")]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="image", file=FileRef("openai", "file-1")),
        Media(kind="image", data=b""),
        Media(kind="audio", data=b"RIFF"),
        Media(kind="document", mime="application/pdf", data=b"%PDF"),
        Media(kind="video", url="https://example.com/a.mp4"),
    ],
)
def test_other_media_are_admitted(media: Media) -> None:
    assert message(media) == ({"role": "user", "content": ""}, [("turns[0].parts[0]", "meaning")])


def test_which_links_are_to_be_fetched() -> None:
    assert cohere.needs_bytes(Media(kind="image", url="gs://bucket/a.png"))
    assert not cohere.needs_bytes(Media(kind="image", url="https://example.com/a.png"))
    assert not cohere.needs_bytes(Media(kind="image", data=b"x"))
    assert not cohere.needs_bytes(Media(kind="document", url="gs://bucket/a.pdf"))


def thought(text: str, token: str) -> Thinking:
    return Thinking(text=text, seal=Seal(realm="cohere", token=token))


def test_a_loop_of_tools() -> None:
    turns = (
        Turn(role="user", parts=(Text(text="Weather?"),)),
        Turn(
            role="assistant",
            parts=(
                thought("I look it up.", "tool_plan"),
                thought("Oslo, then.", "thinking"),
                Text(text="One moment."),
                Call(id="call_1", name="weather", arguments='{"city": "Oslo", "days": 2.0}'),
                Call(id="call_2", name="time", arguments=""),
            ),
        ),
        Turn(role="user", parts=(Result(call="call_2", parts=(Text(text="noon"),), error=True),)),
        Turn(
            role="user",
            parts=(
                Text(text="First:"),
                Result(call="call_1", parts=(Text(text="rain"), Text(text="cold"))),
                Text(text="Well?"),
            ),
        ),
        Turn(role="user", parts=(Result(call="call_9", name="other", parts=()),)),
    )
    body, lost = write(Request(model="m", turns=turns))
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "tool_plan": "I look it up.",
            "content": [{"type": "thinking", "thinking": "Oslo, then."}, {"type": "text", "text": "One moment."}],
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Oslo", "days": 2.0}'},
                },
                {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
        {"role": "user", "content": "First:"},
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": [{"type": "text", "text": "rain"}, {"type": "text", "text": "cold"}],
        },
        {"role": "user", "content": "Well?"},
        {"role": "tool", "tool_call_id": "call_9", "content": ""},
    ]
    assert lost == [("turns[2].parts[0].error", "tuning")]


def image(data: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(data).decode()}"}}


def pictured(call: str, data: bytes) -> Result:
    return Result(call=call, parts=(Text(text="the map"), Media(kind="image", data=data)))


def test_images_of_results_are_shown_after_all_of_them() -> None:
    turns = (
        Turn(role="user", parts=(pictured("c1", b"one"),)),
        Turn(role="user", parts=(pictured("c2", b"two"),)),
        Turn(role="user", parts=(Text(text="Compare them."),)),
        Turn(role="user", parts=(pictured("c3", b"three"),)),
        Turn(role="assistant", parts=(Text(text="Done."),)),
        Turn(role="user", parts=(pictured("c4", b"four"),)),
    )
    body, lost = write(Request(model="m", turns=turns))
    assert body["messages"] == [
        {"role": "tool", "tool_call_id": "c1", "content": "the map"},
        {"role": "tool", "tool_call_id": "c2", "content": "the map"},
        {"role": "user", "content": [image(b"one"), image(b"two"), {"type": "text", "text": "Compare them."}]},
        {"role": "tool", "tool_call_id": "c3", "content": "the map"},
        {"role": "user", "content": [image(b"three")]},
        {"role": "assistant", "content": "Done."},
        {"role": "tool", "tool_call_id": "c4", "content": "the map"},
        {"role": "user", "content": [image(b"four")]},
    ]
    assert lost == [(f"turns[{number}].parts[0].parts[1]", "hint") for number in (0, 1, 3, 5)]


def test_other_media_of_results_are_admitted() -> None:
    written, lost = message(Result(call="c", parts=(Media(kind="audio", data=b"RIFF"),)))
    assert (written["content"], lost) == ("", [("turns[0].parts[0].parts[0]", "meaning")])


def test_an_assistant_that_only_calls_says_nothing_else() -> None:
    written, _ = message(thought("Look.", "tool_plan"), Call(id="c", name="f"), role="assistant")
    assert written.keys() == {"role", "tool_plan", "tool_calls"}


def test_free_text_arguments_are_sent_as_one() -> None:
    written, lost = message(Call(id="c", name="f", arguments="ls -l", custom=True), role="assistant")
    assert written["tool_calls"][0]["function"]["arguments"] == '{"input":"ls -l"}'
    assert lost == [("turns[0].parts[0].arguments", "tuning")]


def test_law_3_what_an_answer_said_is_told_again() -> None:
    """A whole message comes back as it was: plan, thoughts, text, calls and citations."""
    document = {"type": "document", "id": "d", "document": {"id": "d", "url": "https://example.com/f"}}
    output = {"type": "tool", "id": "f:0", "tool_output": {"content": "1993"}}
    said = {
        "role": "assistant",
        "tool_plan": "I look.",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "In 1993, not 1995."}],
        "tool_calls": [{"id": "f_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}}],
        "citations": [
            {"start": 3, "end": 7, "text": "1993", "sources": [document, output], "content_index": 1},
            {"start": 13, "end": 17, "text": "1995", "sources": [output], "content_index": 1, "type": "TEXT_CONTENT"},
        ],
    }
    reply = cohere.read_reply({"message": said, "finish_reason": "COMPLETE"}, "cohere")
    assert message(*reply.choices[0].parts, role="assistant") == (said, [])


def test_what_a_part_says_beside_its_words_is_admitted() -> None:
    seal = Seal(realm="r", token="t")
    parts = (
        Text(text="a", cache=Cache(), seal=seal, citations=(Citation(url="u"),), rest=Rest("gemini", {"x": 1})),
        Thinking(text="b", seal=seal, rest=Rest("gemini", {"y": 1})),
        Call(id="c", name="f", cache=Cache(), seal=seal, rest=Rest("gemini", {"z": 1})),
        Foreign(dialect="gemini", block={"videoMetadata": {}}),
        Thinking(withheld=True, seal=seal),
        Media(kind="image", data=b"x"),
        Result(
            call="c", cache=Cache(), rest=Rest("gemini", {"w": 1}), parts=(Call(id="d", name="g"), Result(call="e"))
        ),
    )
    _, lost = write(Request(model="m", turns=(Turn(role="assistant", parts=parts),)))
    assert [path.removeprefix("turns[0].parts") for path, _ in lost] == [
        "[0].cache",
        "[0].seal",
        "[0].x",
        "[0].citations[0]",
        "[1].y",
        "[2].cache",
        "[2].seal",
        "[2].z",
        "[3]",
        "[4]",
        "[5]",
        "[6].parts[0]",
        "[6].parts[1]",
        "[6].cache",
        "[6].w",
    ]


def test_thoughts_and_sources_of_a_user_are_admitted() -> None:
    assert message(Thinking(text="Hm."))[1] == [("turns[0].parts[0]", "meaning")]
    assert message(Text(text="a", citations=(Citation(url="u"),)))[1] == [("turns[0].parts[0].citations[0]", "hint")]


def test_leftovers_of_this_format_are_put_back() -> None:
    rest = Rest("cohere", {"citation_options": {"mode": "OFF"}, "safety_mode": "STRICT", "temperature": 1})
    body, lost = write(ask(rest=rest, sampling=Sampling(temperature=0.1)))
    assert (body["citation_options"], body["safety_mode"], body["temperature"]) == ({"mode": "OFF"}, "STRICT", 0.1)
    assert lost == []


def test_blocks_of_this_format_are_put_back() -> None:
    document = {"type": "document", "document": {"data": {"text": "rain"}, "id": "d"}}
    written, lost = message(Result(call="c", parts=(Foreign(dialect="cohere", block=document),)))
    assert (written["content"], lost) == ([document], [])


def test_leftovers_of_another_format_are_admitted() -> None:
    body, lost = write(ask(rest=Rest("openai_chat", {"verbosity": "low", "store": True}, frozenset({"store"}))))
    assert "verbosity" not in body
    assert lost == [("verbosity", "tuning"), ("store", "hint")]
