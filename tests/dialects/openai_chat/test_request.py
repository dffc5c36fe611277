"""Requests of the chat format: read into canon, written again as they were, refused with the field at fault."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cassettes.records import FOLDER, OPENAI_FAMILIES, needs_records
from tests.dialects import laws
from tests.dialects.openai_chat.bodies import PNG, RICH
from uni_api.canon import (
    Cache,
    Call,
    Foreign,
    Losses,
    Media,
    Reasoning,
    Request,
    Rest,
    Result,
    Seal,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from uni_api.dialects import openai_chat
from uni_api.dialects.openai_chat import read_request, write_request
from uni_api.errors import Denied

HI = [{"role": "user", "content": "Hi"}]


def ask(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": HI, **fields}


def say(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages)}


def written(request: Request) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    return write_request(request, losses), losses


# --- law 1 ---


def test_everything_the_format_has_is_written_as_it_was_read() -> None:
    laws.check_identity(read_request, write_request, RICH)


@pytest.mark.parametrize(
    "body",
    [
        ask(stop=["a"]),
        ask(stop=[]),
        ask(stop="a"),
        ask(n=None, stop=None, tools=None, stream=None, response_format=None),
        ask(tools=[], functions=[]),
        ask(stream=False),
        ask(stream=True, stream_options={}),
        ask(stream=True, stream_options={"include_usage": False}),
        ask(stream_options={"include_usage": None}),
        ask(max_tokens=3),
        ask(tool_choice="any"),
        ask(tool_choice="required"),
        ask(tool_choice={"type": "custom", "custom": {"name": "x"}}),
        ask(tool_choice={"type": "function", "name": "x"}),
        ask(
            tool_choice={
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "x"}}]},
            }
        ),
        ask(functions=[{"name": "f"}], function_call={"name": "f"}),
        ask(functions=[{"name": "f"}], function_call="none"),
        ask(tools=[{"function": {"name": "untyped"}}, {"type": "function", "name": "flat"}]),
        ask(response_format={"type": "text"}),
        ask(response_format={"type": "json_object"}),
        ask(response_format={"type": "json_object", "schema": {"type": "object"}}),
        ask(response_format={"type": "grammar", "value": "root ::= x"}),
        ask(reasoning_effort="default"),
        ask(enable_thinking=False, thinking_budget=10),
        ask(thinking={"type": "disabled"}, include_reasoning=True),
        ask(reasoning={"effort": "high"}),
        ask(user="u"),
        ask(cache_control={"type": "ephemeral"}),
        ask(cache_control={"type": "eternal"}),
        say({"role": "user", "content": ["bare", {"text": "untyped"}]}),
        say({"role": "user", "content": []}, {"role": "user", "content": ""}, {"role": "user"}),
        say({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,a%20b"}}]}),
        say({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,-_8"}}]}),
        say({"role": "user", "content": [{"type": "input_audio", "input_audio": "UklGRg"}]}),
        say({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "data:;base64,UklG"}}]}),
        say({"role": "user", "content": [{"type": "file", "file": {"file_data": "JVBERi0=", "filename": "a.PDF"}}]}),
        say({"role": "user", "content": [{"type": "file_url", "file_url": {"url": "https://example.com/a"}}]}),
        say({"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
        say({"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "other"}]}]}),
        say({"role": "assistant", "reasoning": "hm", "content": "a"}),
        say({"role": "assistant", "reasoning": "", "reasoning_content": "", "content": "a"}),
        say({"role": "assistant", "content": "a", "images": [{"type": "image_url", "image_url": {"url": PNG}}]}),
        say({"role": "assistant", "tool_calls": [], "content": "a"}),
        say({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}),
        say({"role": "assistant", "tool_calls": [{"id": "", "type": "function", "function": {"name": "f"}}]}),
        say({"role": "tool", "content": [{"type": "image_url", "image_url": {"url": PNG}}], "tool_call_id": "c"}),
        say({"role": "tool", "content": "no id"}),
        say(
            {
                "role": "assistant",
                "content": "See a.",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "https://a.example", "title": "A", "start_index": 4, "end_index": 5},
                    }
                ],
            }
        ),
    ],
    ids=lambda body: json.dumps({**body, "model": 0} if body["messages"] is not HI else {**body, "messages": 0})[:60],
)
def test_a_spelling_is_kept(body: dict[str, Any]) -> None:
    laws.check_identity(read_request, write_request, body)


@needs_records
@pytest.mark.parametrize("family", [*OPENAI_FAMILIES, "azure"])
def test_every_recorded_request_is_written_as_it_was_read(family: str) -> None:
    checked = 0
    with (FOLDER / f"{family}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            body = record["request_json"]
            if record["endpoint"] != "chat.completions" or not isinstance(body, dict) or not body.get("model"):
                continue
            laws.check_identity(read_request, write_request, body)
            checked += 1
    assert checked


# --- law 2 ---


@pytest.mark.parametrize("at", range(len(RICH["messages"])))
def test_reading_loses_no_string_of_a_message(at: int) -> None:
    body = say(RICH["messages"][at])
    fixed = laws.FIXED | {"file_data", "data", "cache_control", "prompt_cache_breakpoint", "tool_call_id", "ttl"}
    laws.check_read_keeps(read_request, body, fixed=fixed)


def test_reading_loses_no_string_of_an_option() -> None:
    body = {name: value for name, value in RICH.items() if name not in ("messages", "tool_choice")}
    fixed = laws.FIXED | {"messages", "content", "reasoning_effort"}
    laws.check_read_keeps(read_request, {**body, "messages": HI}, fixed=fixed)


@given(laws.requests)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_writing_loses_nothing_silently(request: Request) -> None:
    laws.check_write_keeps(write_request, request)


@given(laws.requests)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_can_be_read_and_written_again(request: Request) -> None:
    body, _ = written(request)
    laws.check_identity(read_request, write_request, laws.plain(body))


# --- meaning ---


def test_roles_and_their_order() -> None:
    turns = read_request(
        say(
            {"role": "system", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "developer", "content": "c"},
            {"role": "assistant", "content": "d"},
        )
    ).turns
    assert [(turn.role, turn.parts) for turn in turns] == [
        ("system", (Text(text="a"),)),
        ("user", (Text(text="b"),)),
        ("system", (Text(text="c"),)),
        ("assistant", (Text(text="d"),)),
    ]


def test_media_of_every_kind() -> None:
    parts = read_request(RICH).turns[2].parts
    seen = [(part.kind, part.mime, part.data, part.url) for part in parts if isinstance(part, Media)]
    assert seen == [
        ("image", "image/png", b"\x89PNG\r\n\x1a\n", None),
        ("image", None, None, "https://example.com/cat.jpg"),
        ("image", None, None, "https://example.com/bare.jpg"),
        ("audio", "audio/wav", b"RIFF", None),
        ("document", "application/pdf", b"%PDF-", None),
        ("video", None, None, "https://example.com/cat.mp4"),
        ("document", None, None, "https://example.com/a.pdf"),
    ]
    assert [part.block["type"] for part in parts if isinstance(part, Foreign)] == ["file", "hologram"]


def test_breakpoints_are_read_from_every_place() -> None:
    request = read_request(RICH)
    assert request.turns[1].parts[0] == Text(
        text="Be kind.", cache=Cache(), rest=Rest("openai_chat", {":cache": "cache_control"})
    )
    first = request.turns[2].parts[0]
    assert isinstance(first, Text) and first.cache == Cache(ttl="30m")
    last = request.turns[-1].parts[-1]
    assert isinstance(last, Text) and last.cache == Cache(ttl="1h")
    assert request.tools[0].cache == Cache() if isinstance(request.tools[0], Tool) else False


def test_an_assistant_message_in_its_order() -> None:
    parts = read_request(RICH).turns[3].parts
    assert [type(part).__name__ for part in parts] == ["Thinking", "Text", "Text", "Call", "Call"]
    assert parts[0] == Thinking(text="hm")
    assert isinstance(parts[3], Call) and parts[3].arguments == '{"z":1, "a":2}' and parts[3].seal is None
    assert isinstance(parts[4], Call) and parts[4].custom and parts[4].arguments == "x y"


def test_a_tool_message_is_a_turn_with_one_result() -> None:
    turns = read_request(RICH).turns
    assert turns[4].role == "user"
    (result,) = turns[4].parts
    assert isinstance(result, Result) and result.call == "call_a" and result.parts == (Text(text="a cat"),)


def test_a_legacy_call_and_its_result_share_an_id() -> None:
    turns = read_request(RICH).turns
    (call,), (result,) = turns[6].parts, turns[7].parts
    assert isinstance(call, Call) and isinstance(result, Result)
    assert call.id == result.call != ""


def test_results_without_ids_answer_the_waiting_calls_by_name_and_order() -> None:
    calls = [{"type": "function", "function": {"name": name, "arguments": "{}"}} for name in ("f", "g", "f")]
    turns = read_request(
        say(
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "name": "g", "content": "1"},
            {"role": "tool", "name": "f", "content": "2"},
            {"role": "tool", "content": "3"},
        )
    ).turns
    ids = {part.id: part.name for part in turns[0].parts if isinstance(part, Call)}
    answered = [part.call for turn in turns[1:] for part in turn.parts if isinstance(part, Result)]
    assert len(ids) == 3
    assert [ids[id] for id in answered] == ["g", "f", "f"] and len(set(answered)) == 3


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({"tool_choice": "auto"}, ToolChoice(mode="auto")),
        ({"tool_choice": "none"}, ToolChoice(mode="none")),
        ({"tool_choice": "any"}, ToolChoice(mode="required")),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, ToolChoice(mode="named", names=("f",))),
        ({"tool_choice": {"type": "custom", "custom": {"name": "f"}}}, ToolChoice(mode="named", names=("f",))),
        ({"function_call": {"name": "f"}}, ToolChoice(mode="named", names=("f",))),
        ({"function_call": "auto"}, ToolChoice(mode="auto")),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"name": "f"}]}}},
            ToolChoice(mode="required", names=("f",)),
        ),
    ],
)
def test_tool_choice(fields: dict[str, Any], choice: ToolChoice) -> None:
    assert read_request(ask(**fields)).tool_choice == choice


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"reasoning_effort": "minimal"}, Reasoning(effort="minimal")),
        ({"reasoning_effort": "default"}, None),
        ({"reasoning": {"effort": "high", "exclude": True}}, Reasoning(effort="high", show=False)),
        ({"reasoning": {"max_tokens": 9}}, Reasoning(budget=9)),
        ({"reasoning": {"enabled": True}}, Reasoning(enabled=True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(budget=9, enabled=True)),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        ({"thinking": {"type": "adaptive"}}, Reasoning(enabled=True, adaptive=True)),
        ({"enable_thinking": True, "thinking_budget": 9}, Reasoning(budget=9, enabled=True)),
    ],
)
def test_reasoning(fields: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert read_request(ask(**fields)).reasoning == reasoning


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 6, "max_tokens": 5}, "max_tokens", 6),
        ({"max_tokens": 5.0}, "max_tokens", 5),
        ({"stop": "x"}, "stop", ("x",)),
        ({"user": "a", "safety_identifier": "b"}, "user", "b"),
        ({"parallel_tool_calls": False}, "parallel", False),
        ({"stream": True, "stream_options": {"include_usage": True}}, "usage_in_stream", True),
        ({"response_format": {"type": "json_object"}}, "shape", Shape(kind="json")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "shape",
            Shape(kind="schema", schema={}),
        ),
        ({"tools": []}, "tools", ()),
    ],
)
def test_options(fields: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(read_request(ask(**fields)), name) == value


def test_fields_for_book_keeping_are_hints() -> None:
    rest = read_request(ask(metadata={"a": "b"}, store=True, service_tier="flex", verbosity="low")).rest
    assert rest is not None
    assert rest.hints == {"metadata", "store", "service_tier"}
    assert set(rest.fields) - rest.hints == {"verbosity"}


# --- canon from elsewhere ---


def test_a_turn_with_results_and_text_becomes_messages() -> None:
    image = Media(kind="image", mime="image/png", data=b"x")
    turn = Turn(
        role="user",
        parts=(Result(call="a", parts=(Text(text="1"), image)), Result(call="b", error=True), Text(text="and?")),
    )
    body, losses = written(Request(model="m", turns=(turn,)))
    assert [message["role"] for message in body["messages"]] == ["tool", "tool", "user"]
    assert body["messages"][0] == {"role": "tool", "tool_call_id": "a", "content": "1"}
    assert [part["type"] for part in body["messages"][2]["content"]] == ["image_url", "text"]
    assert [loss.path for loss in losses.items] == ["turns[0].parts[1].error"]


def test_what_chat_cannot_say_is_entered() -> None:
    request = Request(
        model="m",
        turns=(
            Turn(role="user", parts=(Text(text="a", cache=Cache()), Foreign(dialect="x", block={"type": "b"}))),
            Turn(role="assistant", parts=(Call(id="c", name="f"), Text(text="after"))),
        ),
        reasoning=Reasoning(budget=5000),
        rest=Rest("x", {"container": "c", "tier": "t"}, frozenset({"tier"})),
    )
    body, losses = written(request)
    assert {(loss.path, loss.kind) for loss in losses.items} == {
        ("turns[0].parts[0].cache", "hint"),
        ("turns[0].parts[1]", "meaning"),
        ("turns[1].parts[1]", "tuning"),
        ("reasoning.budget", "tuning"),
        ("container", "tuning"),
        ("tier", "hint"),
    }
    assert body["reasoning_effort"] == "medium"


def test_seals_of_the_realm_are_written_as_it_spells_them() -> None:
    seal = Seal(realm="openai_chat:host", token="blob")
    turn = Turn(
        role="assistant",
        parts=(
            Thinking(text="hm", seal=seal),
            Thinking(withheld=True, seal=seal),
            Call(id="c", name="f", arguments="{}", seal=seal),
        ),
    )
    (message,) = written(Request(model="m", turns=(turn,)))[0]["messages"]
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "signature": "blob"},
        {"type": "reasoning.encrypted", "data": "blob"},
    ]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "blob"}}


def test_a_changed_option_is_not_written_in_its_old_spelling() -> None:
    request = msgspec.structs.replace(
        read_request(ask(max_completion_tokens=5, stop="x", tools=[{"type": "function", "function": {"name": "f"}}])),
        max_tokens=7,
        stop=("y", "z"),
        tools=(),
    )
    body, _ = written(request)
    assert body["max_tokens"] == 7 and "max_completion_tokens" not in body
    assert body["stop"] == ["y", "z"] and "tools" not in body


def test_which_links_must_be_fetched() -> None:
    def needs(kind: Any, **fields: Any) -> bool:
        return openai_chat.needs_bytes(Media(kind=kind, **fields))

    assert needs("document", url="https://a.example") and needs("audio", url="https://a.example")
    assert not needs("image", url="https://a.example") and not needs("document", data=b"x")
    (part,) = (
        read_request(say({"role": "user", "content": [{"type": "document_url", "document_url": "https://a.example"}]}))
        .turns[0]
        .parts
    )
    assert isinstance(part, Media) and not openai_chat.needs_bytes(part)


# --- refusals ---


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "model", "Missing required parameter: 'model'."),
        ({"model": 1}, "model", "model must be a string"),
        ({"model": "m"}, "messages", "Missing required parameter: 'messages'."),
        ({"model": "m", "messages": []}, "messages", "messages must be an array with at least one message"),
        ({"model": "m", "messages": "x"}, "messages", "messages must be an array"),
        (say({"content": "x"}), "messages[0].role", "Missing required parameter: 'messages[0].role'."),
        (say({"role": "wizard"}), "messages[0].role", "messages[0].role must be 'system'"),
        (
            say({"role": "user", "content": 3}),
            "messages[0].content",
            "messages[0].content must be a string or an array",
        ),
        (
            say(*HI, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]}),
            "messages[1].content[0].image_url.url",
            "messages[1].content[0].image_url.url must be a string",
        ),
        (
            say({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,@"}}]}),
            "messages[0].content[0].image_url.url",
            "must be data in base64",
        ),
        (
            say({"role": "assistant", "tool_calls": [{"type": "function"}]}),
            "messages[0].tool_calls[0].function",
            "Missing required parameter",
        ),
        (ask(temperature="hot"), "temperature", "temperature must be a number"),
        (ask(n=1.5), "n", "n must be an integer"),
        (ask(stop=[1]), "stop", "stop must be a string or an array of strings"),
        (ask(tools=[{"type": "function"}]), "tools[0].function", "Missing required parameter: 'tools[0].function'."),
        (ask(tool_choice="maybe"), "tool_choice", "tool_choice must be 'none', 'auto', 'required'"),
        (ask(response_format={"type": "json_schema"}), "response_format.json_schema", "must be an object"),
        (ask(reasoning={"effort": 3}), "reasoning.effort", "reasoning.effort must be a string"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(Denied) as caught:
        read_request(body)
    assert caught.value.status == 400
    assert caught.value.param == param
    assert words in caught.value.message


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))


PLACES = list(_places(RICH))
ODD: list[Any] = [
    None,
    True,
    -1,
    1.5,
    "",
    "x",
    "data:",
    "data:;base64,@@",
    "data:,%20",
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
    [{}],
]


def _with(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(RICH)
    holder: Any = body
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return body


@given(st.sampled_from(PLACES), st.sampled_from(ODD) | laws.json_values)
@settings(max_examples=600, deadline=None)
def test_any_value_anywhere_is_refused_with_its_place_or_kept(path: tuple[Any, ...], value: Any) -> None:
    body = _with(path, value)
    try:
        request = read_request(copy.deepcopy(body))
    except Denied as error:
        assert error.status == 400 and error.param and error.code and error.message
        return
    again, losses = written(request)
    assert again == body, laws.difference(body, again)
    assert not losses


def test_the_body_is_not_changed() -> None:
    body = copy.deepcopy(RICH)
    written(read_request(body))
    assert body == RICH


def test_no_null_is_said_that_the_client_did_not_say() -> None:
    turns = (
        Turn(role="user", parts=(Text(text="hi"),)),
        Turn(role="assistant", parts=(Call(id="a", name="f", arguments="{}"),)),
        Turn(role="user", parts=(Result(call="a", parts=(Text(text="b"),)),)),
        Turn(role="assistant", parts=(Thinking(text="hm"),)),
    )
    body = write_request(Request(model="m", turns=turns), Losses())
    assert "null" not in json.dumps(body)
    assert "content" not in body["messages"][1]
    assert body["messages"][3] == {"role": "assistant", "content": "", "reasoning_content": "hm"}


def test_sealed_thoughts_are_told_in_the_form_of_their_host() -> None:
    def thought(token: str, form: str, **more: Any) -> Thinking:
        return Thinking(seal=Seal(realm="r", token=token), rest=Rest("openai_chat", {"format": form}), **more)

    parts = (
        thought("1", "thinking_blocks", text="a"),
        thought("2", "thinking_blocks", withheld=True),
        thought("3", "content_reasoning", text="b"),
        thought("4", "maker-v1", text="c"),
        Text(text="said"),
    )
    body = write_request(Request(model="m", turns=(Turn(role="assistant", parts=parts),)), Losses())
    assert body["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "b", "signature": "3"}]},
                {"type": "text", "text": "said"},
            ],
            "reasoning_details": [{"type": "reasoning.text", "text": "c", "signature": "4", "format": "maker-v1"}],
            "thinking_blocks": [
                {"type": "thinking", "thinking": "a", "signature": "1"},
                {"type": "redacted_thinking", "data": "2"},
            ],
        }
    ]
