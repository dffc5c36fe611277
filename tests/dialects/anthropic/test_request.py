import json
from typing import Any

import pytest

from tests.cassettes.typed import anthropic_problems
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
from uni_api.dialects.anthropic import needs_bytes, write_request

SONNET = "claude-sonnet-4-5"
OPUS = "claude-opus-4-8"
PNG = b"\x89PNG\r\n\x1a\n....."


def user(*parts: Part | str) -> Turn:
    return Turn(role="user", parts=_parts(parts))


def assistant(*parts: Part | str) -> Turn:
    return Turn(role="assistant", parts=_parts(parts))


def system(*parts: Part | str) -> Turn:
    return Turn(role="system", parts=_parts(parts))


def _parts(parts: tuple[Part | str, ...]) -> tuple[Part, ...]:
    return tuple(Text(text=part) if isinstance(part, str) else part for part in parts)


def write(*turns: Turn, model: str = SONNET, **more: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body, checked against the vendor's types, and path and kind of each loss."""
    losses = Losses()
    body = write_request(Request(model=model, turns=turns or (user("Hi."),), **more), losses)
    json.dumps(body)
    assert anthropic_problems(body) == []
    return body, [(loss.path, loss.kind) for loss in losses.items]


def messages(*turns: Turn, **more: Any) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = write(*turns, **more)[0]["messages"]
    return written


# --- turns


def test_the_simplest_request() -> None:
    assert write(system("Be brief."), user("Hi.")) == (
        {
            "model": SONNET,
            "max_tokens": 64000,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "Hi."}],
        },
        [],
    )


def test_turns_of_one_role_in_a_row_are_one_message() -> None:
    assert messages(user("a"), user("b"), assistant("c"), assistant("d"), user("e")) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
        {"role": "user", "content": "e"},
    ]


def test_system_turns_in_the_middle_stay_there_where_the_family_allows() -> None:
    turns = (system("top"), user("a"), system("now"), assistant("b"), user("c"), system("last"))
    body, losses = write(*turns, model=OPUS)
    assert body["system"] == "top"
    assert [message["role"] for message in body["messages"]] == ["user", "system", "assistant", "user", "system"]
    assert losses == []


def test_system_turns_elsewhere_move_behind_the_users_turn() -> None:
    body, losses = write(user("a"), assistant("b"), system("now"), user("c"), model=OPUS)
    assert [message["content"] for message in body["messages"]] == ["a", "b", "c", "now"]
    assert losses == [("turns[2]", "hint")]


def test_system_turns_in_the_middle_go_to_the_top_elsewhere() -> None:
    body, losses = write(system("top"), user("a"), system("now"), assistant("b"), user("c"))
    assert body["system"] == [{"type": "text", "text": "top"}, {"type": "text", "text": "now"}]
    assert [message["content"] for message in body["messages"]] == ["a", "b", "c"]
    assert losses == [("turns[2]", "tuning")]


def test_a_system_turn_after_the_answer_goes_to_the_top() -> None:
    body, losses = write(user("a"), assistant("b"), system("now"), model=OPUS)
    assert body["system"] == "now"
    assert ("turns[2]", "tuning") in losses


def test_a_request_without_messages_gets_one() -> None:
    body, losses = write(system("only this"))
    assert body["system"] == "only this"
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert losses == [("turns", "hint")]


def test_empty_text_is_left_out_and_so_are_empty_turns() -> None:
    body, losses = write(user("", "a"), assistant(""), user(" \n"), user("b"))
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]
    assert losses == [("turns[2].parts[0]", "hint")]


def test_a_final_assistant_turn_is_continued_where_the_family_does_it() -> None:
    body, losses = write(user("a"), assistant("The answer is \n"))
    assert body["messages"][-1] == {"role": "assistant", "content": "The answer is"}
    assert losses == [("turns[1].end", "tuning")]
    body, losses = write(user("a"), assistant("The answer is"), model="claude-opus-4-6")
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert losses == [("turns[1].role", "tuning")]


def test_a_paused_turn_goes_back_as_it_is() -> None:
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    body, losses = write(user("a"), assistant(Foreign(dialect="anthropic", block=block)), model=OPUS)
    assert body["messages"][-1] == {"role": "assistant", "content": [block]}
    assert losses == []


# --- calls and results


def test_results_come_first_and_right_after_their_calls() -> None:
    written = messages(
        user("a"),
        assistant("I look.", Call(id="x", name="one", arguments='{"b": 1, "a": 2.50}'), Call(id="y", name="two")),
        user("and also", Result(call="y", parts=(Text(text="Y"),)), Result(call="x", error=True)),
        tools=(Tool(name="one"), Tool(name="two")),
    )
    assert written[1]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "x", "name": "one", "input": {"b": 1, "a": 2.5}},
        {"type": "tool_use", "id": "y", "name": "two", "input": {}},
    ]
    assert list(written[1]["content"][1]["input"]) == ["b", "a"]
    assert written[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "y", "content": "Y"},
        {"type": "tool_result", "tool_use_id": "x", "is_error": True},
        {"type": "text", "text": "and also"},
    ]


def test_a_result_that_comes_late_is_given_in_time() -> None:
    written = messages(
        assistant(Call(id="x", name="one")),
        user("wait"),
        assistant("fine"),
        user(Result(call="x", parts=(Text(text="X"),))),
    )
    assert [message["role"] for message in written] == ["assistant", "user", "assistant"]
    assert written[1]["content"][0] == {"type": "tool_result", "tool_use_id": "x", "content": "X"}


def test_a_call_without_a_result_gets_an_empty_one() -> None:
    for turns in ((user("a"), assistant(Call(id="x", name="one"))), (assistant(Call(id="x", name="one")), user("b"))):
        body, losses = write(*turns)
        assert body["messages"][-1]["content"][0]["tool_use_id"] == "x"
        assert body["messages"][-1]["content"][0]["is_error"] is True
        assert [kind for _, kind in losses] == ["hint"]
        assert losses[0][0].endswith(".parts[0].result")


def test_a_result_without_a_call_is_sent_as_text() -> None:
    body, losses = write(user(Result(call="lost", name="look_up", parts=(Text(text="found"),))))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "Result of tool call look_up lost:"},
        {"type": "text", "text": "found"},
    ]
    assert losses == [("turns[0].parts[0]", "meaning")]


def test_ids_become_legal_and_unique_and_stay_paired() -> None:
    def turn(id: str) -> tuple[Turn, Turn]:
        return assistant(Call(id=id, name="one")), user(Result(call=id, parts=(Text(text="r:" + id),)))

    written = messages(*turn("a:b"), *turn("a.b"), *turn("a:b"), *turn(""), *turn("a_b"))
    calls = [block["id"] for message in written[::2] for block in message["content"]]
    results = [(block["tool_use_id"], block["content"]) for message in written[1::2] for block in message["content"]]
    assert calls == ["a_b", "a_b_2", "a_b_3", "call_3", "a_b_4"]
    assert results == list(zip(calls, ["r:a:b", "r:a.b", "r:a:b", "r:", "r:a_b"], strict=True))


@pytest.mark.parametrize(
    ("call", "expected", "lost"),
    [
        (Call(id="x", name="n", arguments="not json"), {"input": "not json"}, True),
        (Call(id="x", name="n", arguments="[1]"), {"input": [1]}, True),
        (Call(id="x", name="n", arguments="[" * 5000), {"input": "[" * 5000}, True),
        (Call(id="x", name="n", arguments=" "), {}, False),
        (Call(id="x", name="n", arguments="print(1)", custom=True), {"input": "print(1)"}, False),
    ],
)
def test_arguments_are_an_object_whatever_they_were(call: Call, expected: Any, lost: bool) -> None:
    body, losses = write(user("a"), assistant(call), user(Result(call="x")))
    assert body["messages"][1]["content"][0]["input"] == expected
    assert (("turns[1].parts[0].arguments", "tuning") in losses) is lost


def test_results_hold_images_documents_and_native_blocks() -> None:
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}
    parts = (
        Text(text="see", cache=Cache()),
        Media(kind="image", data=PNG),
        Foreign(dialect="anthropic", block=found),
        Thinking(text="hm"),
        Media(kind="audio", data=b"x"),
    )
    body, losses = write(assistant(Call(id="x", name="n")), user(Result(call="x", parts=parts, cache=Cache(ttl="1h"))))
    result = body["messages"][1]["content"][0]
    assert [block["type"] for block in result["content"]] == ["text", "image", "search_result"]
    assert result["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert result["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert losses == [("turns[1].parts[0].parts[3]", "meaning"), ("turns[1].parts[0].parts[4]", "meaning")]


def test_blocks_that_only_turns_hold_are_a_loss_in_results() -> None:
    upload = Foreign(dialect="anthropic", block={"type": "container_upload", "file_id": "f"})
    body, losses = write(assistant(Call(id="x", name="n")), user(Result(call="x", parts=(upload, Text(text="r")))))
    assert body["messages"][1]["content"] == [{"type": "tool_result", "tool_use_id": "x", "content": "r"}]
    assert losses == [("turns[1].parts[0].parts[0]", "meaning")]


def test_the_cache_point_of_a_result_without_a_call_stays() -> None:
    body, _ = write(user(Result(call="lost", parts=(Text(text="found"),), cache=Cache())))
    assert body["messages"][0]["content"][1] == {
        "type": "text",
        "text": "found",
        "cache_control": {"type": "ephemeral"},
    }


def test_a_system_turn_between_a_users_words_waits_for_them() -> None:
    body, _ = write(user("a"), system("now"), assistant(""), user("b"), model=OPUS)
    assert [message["role"] for message in body["messages"]] == ["user", "system"]
    assert [block["text"] for block in body["messages"][0]["content"]] == ["a", "b"]


# --- parts


@pytest.mark.parametrize(
    ("media", "source"),
    [
        (Media(kind="image", data=PNG), ("base64", "image/png")),
        (Media(kind="image", data=b"\xff\xd8\xff.", mime="image/png"), ("base64", "image/jpeg")),
        (Media(kind="image", data=b"?", mime="image/jpg"), ("base64", "image/jpeg")),
        (Media(kind="image", data=b"RIFF....WEBP"), ("base64", "image/webp")),
        (Media(kind="image", data=b"GIF89a"), ("base64", "image/gif")),
        (Media(kind="document", data=b"%PDF-1.7"), ("base64", "application/pdf")),
        (Media(kind="document", data="é".encode(), mime="text/csv; charset=utf-8"), ("text", "text/plain")),
        (Media(kind="document", data=b"{}", mime="application/json"), ("text", "text/plain")),
    ],
)
def test_media_by_their_bytes(media: Media, source: tuple[str, str]) -> None:
    body, losses = write(user(media))
    block = body["messages"][0]["content"][0]
    assert block["type"] == media.kind
    assert (block["source"]["type"], block["source"]["media_type"]) == source
    assert losses == []


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="image", data=b"<svg/>", mime="image/svg+xml"),
        Media(kind="image", data=b""),
        Media(kind="document", data=b"PK\x03\x04\x00", mime="application/zip"),
        Media(kind="document", data=b"\xff\x00"),
        Media(kind="audio", data=b"x", mime="audio/wav"),
        Media(kind="video", url="https://example.org/a.mp4"),
        Media(kind="image", url="gs://bucket/a.png"),
    ],
)
def test_media_that_are_not_taken_are_a_loss(media: Media) -> None:
    body, losses = write(user("see", media))
    assert body["messages"][0]["content"] == "see"
    assert losses == [("turns[0].parts[1]", "meaning")]


def test_media_by_link_file_and_name() -> None:
    body, losses = write(
        user(
            Media(kind="image", url="https://example.org/a.png", detail="high"),
            Media(kind="document", url="https://example.org/a.pdf", name="a.pdf", cache=Cache(ttl="forever")),
            Media(kind="document", file=FileRef(realm="anthropic", id="file_1")),
        )
    )
    assert body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        {
            "type": "document",
            "source": {"type": "url", "url": "https://example.org/a.pdf"},
            "title": "a.pdf",
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ]
    assert losses == [("turns[0].parts[0].detail", "hint"), ("turns[0].parts[1].cache.ttl", "hint")]


@pytest.mark.parametrize(
    ("media", "needed"),
    [
        (Media(kind="image", url="https://example.org/a"), False),
        (Media(kind="image", url="https://example.org/a", mime="image/webp"), False),
        (Media(kind="image", url="https://example.org/a", mime="image/bmp"), True),
        (Media(kind="image", url="http://example.org/a.png"), True),
        (Media(kind="document", url="https://example.org/a.pdf"), False),
        (Media(kind="document", url="https://example.org/a.txt", mime="text/plain"), True),
        (Media(kind="audio", url="http://example.org/a.mp3"), False),
        (Media(kind="image", data=b"x"), False),
    ],
)
def test_links_that_must_be_fetched(media: Media, needed: bool) -> None:
    assert needs_bytes(media) is needed


def test_thinking_goes_back_byte_for_byte_and_in_place() -> None:
    home = Seal(realm="anthropic", token="EqQB+/c2ln==")
    body, losses = write(
        user("a"),
        assistant(
            Thinking(text=" two  words\n", seal=home), Thinking(withheld=True, seal=home), "b", Call(id="x", name="n")
        ),
        user(Result(call="x")),
    )
    assert body["messages"][1]["content"][:3] == [
        {"type": "thinking", "thinking": " two  words\n", "signature": home.token},
        {"type": "redacted_thinking", "data": home.token},
        {"type": "text", "text": "b"},
    ]
    assert losses == []


def test_thinking_without_a_signature_is_a_loss() -> None:
    body, losses = write(user("a"), assistant(Thinking(text="mine"), "b"), user("c"))
    assert body["messages"][1]["content"] == "b"
    assert losses == [("turns[1].parts[0]", "meaning")]


def test_native_citations_go_back_and_others_do_not() -> None:
    fields = {"type": "page_location", "document_index": 0, "start_page_number": 1, "end_page_number": 2}
    native = Citation(title=None, quote="q", rest=Rest("anthropic", fields))
    body, losses = write(user("a"), assistant(Text(text="b", citations=(native, Citation(url="u")))), user("c"))
    assert body["messages"][1]["content"][0]["citations"] == [fields | {"cited_text": "q", "document_title": None}]
    assert losses == [("turns[1].parts[0].citations[1]", "hint")]


def test_what_other_dialects_left_over_is_a_loss() -> None:
    alien = Rest("openai_chat", {"odd": 1, "cheap": 2}, frozenset({"cheap"}))
    body, losses = write(
        Turn(role="user", parts=(Text(text="a", rest=alien),), name="kim", rest=alien),
        system(Foreign(dialect="gemini", block={"x": 1})),
        rest=alien,
    )
    assert "odd" not in json.dumps(body)
    assert dict(losses) == {
        "turns[0].parts[0].odd": "tuning",
        "turns[0].parts[0].cheap": "hint",
        "turns[0].name": "tuning",
        "turns[0].odd": "tuning",
        "turns[0].cheap": "hint",
        "turns[1]": "tuning",
        "turns[1].parts[0]": "meaning",
        "odd": "tuning",
        "cheap": "hint",
    }


def test_what_this_dialect_left_over_is_said_again() -> None:
    rest = Rest("anthropic", {"container": "c", "metadata": {"user_id": "no"}, "output_config": {"effort": "low"}})
    body, losses = write(model="claude-opus-4-6", user="me", rest=rest, shape=Shape(kind="schema", schema=CLOSED))
    assert body["container"] == "c"
    assert body["metadata"] == {"user_id": "me"}
    assert body["output_config"].keys() == {"effort", "format"}
    assert losses == []


# --- cache points

CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}


def test_at_most_four_cache_points_are_sent() -> None:
    marked = Text(text="x", cache=Cache())
    result = Result(call="c", parts=(marked,))
    body, losses = write(
        system(marked),
        user(marked),
        assistant(marked, Call(id="c", name="t")),
        user(result, marked),
        tools=(Tool(name="t", cache=Cache(ttl="5m")),),
    )
    assert "cache_control" in body["tools"][0]
    assert "cache_control" in body["system"][0]
    assert [json.dumps(message).count("cache_control") for message in body["messages"]] == [0, 0, 2]
    assert losses == [("cache", "hint"), ("cache", "hint")]
    body, losses = write(system(*[marked] * 5), user(marked), cache=Cache(ttl="1h"))
    assert body["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert [block.get("cache_control") is not None for block in body["system"]] == [False, False, False, True, True]
    assert "cache_control" in body["messages"][0]["content"][0]
    assert losses == [("cache", "hint")] * 3


# --- tools


def test_tools_and_what_is_missing_of_them() -> None:
    schema = {"properties": {"z": {"type": "string", "pattern": "^a"}, "a": {}}}
    body, losses = write(
        tools=(
            Tool(name="bare"),
            Tool(name="some", description="d", schema=schema, strict=False),
            Tool(name="null", schema={"type": "object", "properties": None, "required": None}),
            Foreign(dialect="anthropic", block={"type": "web_search_20250305", "name": "web_search"}),
            Foreign(dialect="gemini", block={"googleSearch": {}}),
            Tool(name="bare"),
            Tool(name="a.b"),
        )
    )
    assert body["tools"] == [
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}},
        {"name": "some", "description": "d", "input_schema": schema | {"type": "object"}},
        {"name": "null", "input_schema": {"type": "object", "properties": {}, "required": []}},
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "a_b", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "tool_choice" not in body
    assert losses == [("tools[4]", "meaning"), ("tools[5]", "meaning"), ("tools[6].name", "meaning")]


def test_a_free_text_tool_gets_a_text_field() -> None:
    body, losses = write(tools=(Tool(name="poem", custom=True),))
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert losses == [("tools[0].custom", "meaning")]


def test_strict_tools_where_the_family_has_them() -> None:
    tool = Tool(name="t", strict=True, schema=CLOSED | {"properties": {"n": {"type": "integer", "minimum": 1}}})
    body, losses = write(tools=(tool,))
    assert body["tools"][0]["strict"] is True
    assert body["tools"][0]["input_schema"]["properties"]["n"] == {"type": "integer", "description": '{"minimum":1}'}
    assert losses == [("tools[0].schema.properties.n.minimum", "tuning")]
    body, losses = write(tools=(tool,), model="claude-3-5-haiku-20241022")
    assert body["tools"][0]["input_schema"] == tool.schema
    assert losses == [("tools[0].strict", "tuning")]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="auto"), True, {"type": "auto"}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (ToolChoice(mode="required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="named", names=("t",)), None, {"type": "tool", "name": "t"}),
    ],
)
def test_the_choice_of_tools(choice: ToolChoice | None, parallel: bool | None, expected: Any) -> None:
    body, losses = write(tools=(Tool(name="t"),), tool_choice=choice, parallel=parallel)
    assert body.get("tool_choice") == expected
    assert losses == []


def test_choices_that_can_not_be_made() -> None:
    some = ToolChoice(mode="required", names=("a", "b"))
    body, losses = write(tools=(Tool(name="a"), Tool(name="b"), Tool(name="c")), tool_choice=some)
    assert body["tool_choice"] == {"type": "any"}
    assert losses == [("tool_choice.names", "tuning")]
    body, losses = write(tool_choice=ToolChoice(mode="required"), parallel=False)
    assert "tool_choice" not in body
    assert losses == [("tool_choice", "meaning")]
    body, losses = write(model="claude-opus-5-5", tools=(Tool(name="a"),), tool_choice=ToolChoice(mode="required"))
    assert body["tool_choice"] == {"type": "auto"}
    assert losses == [("tool_choice", "meaning")]


# --- knobs


def test_sampling_in_the_range_and_the_combination_that_is_taken() -> None:
    body, losses = write(model="claude-3-5-haiku-latest", sampling=Sampling(temperature=1.7, top_p=0.5, top_k=9))
    assert (body["temperature"], body["top_p"], body["top_k"]) == (1, 0.5, 9)
    assert losses == [("sampling.temperature", "tuning")]
    body, losses = write(sampling=Sampling(temperature=0.2, top_p=0.5))
    assert body["temperature"] == 0.2
    assert "top_p" not in body
    assert losses == [("sampling.top_p", "tuning")]
    body, losses = write(model=OPUS, sampling=Sampling(temperature=0.2, top_k=3))
    assert not {"temperature", "top_k"} & body.keys()
    assert losses == [("sampling.temperature", "tuning"), ("sampling.top_k", "tuning")]


def test_knobs_without_a_counterpart_are_losses() -> None:
    knobs = Sampling(
        seed=0,
        frequency_penalty=1,
        presence_penalty=1,
        logit_bias={"1": 1},
        n=2,
        logprobs=True,
        top_logprobs=2,
        min_p=0.1,
    )
    _, losses = write(sampling=knobs, modalities=("text", "audio"))
    assert {path for path, _ in losses} == {
        *(f"sampling.{name}" for name in ("seed", "frequency_penalty", "presence_penalty", "logit_bias", "n")),
        *(f"sampling.{name}" for name in ("logprobs", "top_logprobs", "min_p")),
        "modalities",
    }
    assert write(sampling=Sampling(n=1, logprobs=False), modalities=("text",))[1] == []


def test_stop_user_stream_and_max_tokens() -> None:
    body, losses = write(stop=("END", " \n"), user="u", stream=True, usage_in_stream=True, max_tokens=9)
    assert body["stop_sequences"] == ["END"]
    assert body["metadata"] == {"user_id": "u"}
    assert (body["stream"], body["max_tokens"]) == (True, 9)
    assert losses == [("stop[1]", "tuning")]


# --- thinking


@pytest.mark.parametrize(
    ("model", "reasoning", "max_tokens", "thinking", "effort"),
    [
        (SONNET, Reasoning(effort="high"), None, {"type": "enabled", "budget_tokens": 16384}, None),
        (SONNET, Reasoning(budget=3000), 5000, {"type": "enabled", "budget_tokens": 3000}, None),
        (SONNET, Reasoning(effort="medium"), 5000, {"type": "enabled", "budget_tokens": 4000}, None),
        (SONNET, Reasoning(enabled=True), None, {"type": "enabled", "budget_tokens": 8192}, None),
        (SONNET, Reasoning(effort="none"), None, None, None),
        (SONNET, Reasoning(budget=0), None, None, None),
        (SONNET, None, None, None, None),
        ("claude-opus-4-20250514", Reasoning(effort="max"), None, {"type": "enabled", "budget_tokens": 25600}, None),
        ("claude-opus-4-6", Reasoning(effort="max"), None, {"type": "adaptive"}, "max"),
        ("claude-opus-4-6", Reasoning(budget=2048), None, {"type": "enabled", "budget_tokens": 2048}, None),
        ("claude-opus-4-6", Reasoning(budget=-1), None, {"type": "adaptive"}, None),
        (OPUS, Reasoning(effort="xhigh"), 100, {"type": "adaptive", "display": "summarized"}, "xhigh"),
        (OPUS, Reasoning(adaptive=True, show=False), None, {"type": "adaptive", "display": "omitted"}, None),
        ("claude-opus-5", Reasoning(effort="none"), None, {"type": "disabled"}, None),
        ("claude-opus-5", Reasoning(show=True), None, {"type": "adaptive", "display": "summarized"}, None),
        ("claude-sonnet-5-5", Reasoning(enabled=False), None, {"type": "between_tools"}, None),
    ],
)
def test_thinking(model: str, reasoning: Any, max_tokens: Any, thinking: Any, effort: Any) -> None:
    body, losses = write(model=model, reasoning=reasoning, max_tokens=max_tokens)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert losses == []


@pytest.mark.parametrize(
    ("model", "more", "thinking", "effort", "path"),
    [
        (SONNET, {"reasoning": Reasoning(effort="low"), "max_tokens": 1000}, None, None, "reasoning"),
        (
            SONNET,
            {"reasoning": Reasoning(budget=10)},
            {"type": "enabled", "budget_tokens": 1024},
            None,
            "reasoning.budget",
        ),
        ("claude-3-5-haiku-latest", {"reasoning": Reasoning(effort="low")}, None, None, "reasoning"),
        (
            OPUS,
            {"reasoning": Reasoning(budget=9000)},
            {"type": "adaptive", "display": "summarized"},
            "high",
            "reasoning.budget",
        ),
        (
            OPUS,
            {"reasoning": Reasoning(effort="minimal")},
            {"type": "adaptive", "display": "summarized"},
            "low",
            "reasoning.effort",
        ),
        ("claude-opus-4-6", {"reasoning": Reasoning(effort="xhigh")}, {"type": "adaptive"}, "high", "reasoning.effort"),
        ("claude-fable-5", {"reasoning": Reasoning(effort="none")}, None, "low", "reasoning"),
        (
            SONNET,
            {
                "reasoning": Reasoning(effort="low"),
                "tools": (Tool(name="t"),),
                "tool_choice": ToolChoice(mode="required"),
            },
            None,
            None,
            "reasoning",
        ),
    ],
)
def test_thinking_that_is_not_to_be_had(model: str, more: Any, thinking: Any, effort: Any, path: str) -> None:
    body, losses = write(model=model, **more)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert losses == [(path, "tuning")]


def test_a_model_that_always_thinks_is_only_told_the_effort_when_a_call_is_forced() -> None:
    tools = {"tools": (Tool(name="t"),), "tool_choice": ToolChoice(mode="required")}
    body, losses = write(model="claude-fable-5", reasoning=Reasoning(effort="high"), **tools)
    assert "thinking" not in body
    assert body["output_config"] == {"effort": "high"}
    assert body["tool_choice"] == {"type": "any"}
    assert losses == []
    body, losses = write(model="claude-opus-5", **tools)
    assert body["thinking"] == {"type": "disabled"}
    assert body["tool_choice"] == {"type": "any"}
    assert losses == []


def test_thinking_fixes_sampling() -> None:
    body, losses = write(reasoning=Reasoning(effort="low"), sampling=Sampling(temperature=0.5, top_p=0.97, top_k=5))
    assert body["top_p"] == 0.97
    assert losses == [("sampling.temperature", "tuning"), ("sampling.top_k", "tuning")]


def test_an_adaptive_wish_becomes_a_budget_where_there_is_no_other_way() -> None:
    body, losses = write(reasoning=Reasoning(adaptive=True))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 8192}
    assert losses == [("reasoning.adaptive", "tuning")]
    body, losses = write(reasoning=Reasoning(show=True))
    assert "thinking" not in body
    assert losses == [("reasoning.show", "hint")]


def test_a_tool_loop_begun_without_thinking_goes_on_without() -> None:
    loop = (user("a"), assistant(Call(id="x", name="n")), user(Result(call="x")))
    body, losses = write(*loop, reasoning=Reasoning(effort="low"))
    assert "thinking" not in body
    assert losses == [("reasoning", "tuning")]
    sealed = (
        user("a"),
        assistant(Thinking(text="t", seal=Seal(realm="r", token="s")), Call(id="x", name="n")),
        loop[2],
    )
    assert write(*sealed, reasoning=Reasoning(effort="low"))[0]["thinking"]["type"] == "enabled"
    assert write(*loop, user("b"), assistant("done"), user("c"), reasoning=Reasoning(effort="low"))[0]["thinking"]
    assert write(*loop, model=OPUS, reasoning=Reasoning(effort="low"))[0]["thinking"]["type"] == "adaptive"


# --- shape


def test_a_schema_is_enforced_where_the_family_can() -> None:
    schema = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}, "required": ["b"]}
    body, losses = write(shape=Shape(kind="schema", name="report", schema=schema, strict=True))
    assert body["output_config"]["format"] == {
        "type": "json_schema",
        "schema": schema | {"additionalProperties": False},
    }
    assert losses == [("shape.name", "hint")]


def test_the_description_of_a_shape_goes_into_its_schema() -> None:
    body, losses = write(shape=Shape(kind="schema", description="d", schema=CLOSED))
    assert body["output_config"]["format"]["schema"]["description"] == "d"
    assert losses == []
    body, losses = write(shape=Shape(kind="schema", description="d", schema=CLOSED | {"description": "own"}))
    assert body["output_config"]["format"]["schema"]["description"] == "own"
    assert losses == [("shape.description", "hint")]


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (SONNET, Shape(kind="json")),
        ("claude-3-5-haiku-latest", Shape(kind="schema", name="report", schema=CLOSED)),
        (SONNET, Shape(kind="schema", name="report", schema={"type": "object"})),
    ],
)
def test_elsewhere_the_model_is_asked_for_json(model: str, shape: Shape) -> None:
    body, losses = write(system("top"), user("a"), model=model, shape=shape)
    assert "output_config" not in body
    assert body["system"][0]["text"] == "top"
    assert "JSON" in body["system"][1]["text"]
    if shape.schema is not None:
        assert json.loads(body["system"][1]["text"].split("\n", 1)[1]) == shape.schema
        assert "report" in body["system"][1]["text"]
    assert losses == [("shape", "tuning")]
    assert write(shape=Shape(kind="text"))[1] == []
