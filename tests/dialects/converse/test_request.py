"""Requests: messages, tools, thinking, knobs and cache points, per model family; every body as the SDK takes it."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec import structs

from tests.dialects import laws
from tests.dialects.converse.service import problems, request_problems
from uni_api.canon import (
    Cache,
    Call,
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
from uni_api.dialects.converse import needs_bytes, write_request

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_4_6 = "us.anthropic.claude-sonnet-4-6"
NEWEST = "global.anthropic.claude-opus-4-8"
NOVA = "amazon.nova-lite-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
LLAMA = "meta.llama3-2-1b-instruct-v1:0"
TITAN = "amazon.titan-text-express-v1"
USER = Turn(role="user", parts=(Text(text="Hi"),))
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = Tool(name="f", description="does", schema=SCHEMA)
PNG = b"\x89PNG\r\n\x1a\nrest"


def user(*parts: Part) -> Turn:
    return Turn(role="user", parts=parts)


def assistant(*parts: Part) -> Turn:
    return Turn(role="assistant", parts=parts)


def written(*turns: Turn, model: str = CLAUDE, losses: Losses | None = None, **more: Any) -> dict[str, Any]:
    body = write_request(Request(model=model, turns=turns or (USER,), **more), Losses() if losses is None else losses)
    assert problems(body) == []
    return body


def lost(*turns: Turn, **more: Any) -> list[str]:
    losses = Losses()
    written(*turns, losses=losses, **more)
    return [loss.path for loss in losses.items]


def messages(*turns: Turn, **more: Any) -> list[Any]:
    found: list[Any] = written(*turns, **more)["messages"]
    return found


def fields(model: str, **more: Any) -> Any:
    return written(model=model, **more).get("additionalModelRequestFields")


# --- messages ---------------------------------------------------------------------------------------------------------


def test_a_plain_request() -> None:
    system = Turn(role="system", parts=(Text(text="Be kind."),))
    assert written(system, USER, max_tokens=9, stop=("END",), sampling=Sampling(temperature=0.5, top_p=0.25)) == {
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "system": [{"text": "Be kind."}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "stopSequences": ["END"]},
    }


def test_roles_alternate_and_the_user_begins() -> None:
    said = messages(assistant(Text(text="a")), assistant(Text(text="b")), user(Text(text="c")), user(Text(text="d")))
    assert said == [
        {"role": "user", "content": [{"text": "(no message)"}]},
        {"role": "assistant", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "user", "content": [{"text": "c"}, {"text": "d"}]},
    ]


def test_a_system_turn_in_the_middle_goes_to_the_top() -> None:
    late = Turn(role="system", parts=(Text(text="Late."),))
    body = written(USER, assistant(Text(text="a")), late, user(Text(text="b")))
    assert body["system"] == [{"text": "Late."}]
    assert lost(USER, late) == ["turns[1]"]


def test_a_model_without_system_prompts_hears_it_from_the_user() -> None:
    system = Turn(role="system", parts=(Text(text="Be kind."),))
    body = written(system, USER, model=TITAN)
    assert body == {"messages": [{"role": "user", "content": [{"text": "Be kind."}, {"text": "Hi"}]}]}
    assert messages(system, model=TITAN) == [{"role": "user", "content": [{"text": "Be kind."}]}]


def test_calls_and_results() -> None:
    said = messages(
        USER,
        assistant(Text(text="Wait."), Call(id="c1", name="f", arguments='{"a": 1}'), Call(id="c2", name="f")),
        user(
            Text(text="Here."),
            Result(call="c2", parts=(Text(text="two"),), error=True),
            Result(call="c1", parts=(Text(text="one"), Media(kind="image", mime="image/png", data=PNG))),
        ),
        tools=(TOOL,),
    )
    assert said[1]["content"] == [
        {"text": "Wait."},
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}},
        {"toolUse": {"toolUseId": "c2", "name": "f", "input": {}}},
    ]
    image = {"image": {"format": "png", "source": {"bytes": base64.b64encode(PNG).decode()}}}
    assert said[2]["content"] == [
        {"toolResult": {"toolUseId": "c2", "content": [{"text": "two"}], "status": "error"}},
        {"toolResult": {"toolUseId": "c1", "content": [{"text": "one"}, image]}},
        {"text": "Here."},
    ]


def test_a_failed_result_has_no_status_where_the_model_takes_none() -> None:
    turns = (USER, assistant(Call(id="c", name="f")), user(Result(call="c", parts=(Text(text="no"),), error=True)))
    assert "status" not in messages(*turns, model=LLAMA)[2]["content"][0]["toolResult"]
    assert "turns[2].parts[0].error" in lost(*turns, model=LLAMA)


def test_missing_empty_and_orphaned_results() -> None:
    said = messages(
        USER,
        assistant(Call(id="c1", name="f"), Call(id="c2", name="f")),
        user(Result(call="c1"), Result(call="gone", name="g", parts=(Text(text="x"),))),
    )
    assert said[2]["content"] == [
        {"toolResult": {"toolUseId": "c1", "content": [{"text": "(no output)"}]}},
        {"toolResult": {"toolUseId": "c2", "content": [{"text": "(no result)"}], "status": "error"}},
        {"text": "Result of tool call g gone:"},
        {"text": "x"},
    ]


def test_ids_are_legal_and_each_is_used_once() -> None:
    long = "x" * 80
    said = messages(
        USER,
        assistant(Call(id="a b", name="f")),
        user(Result(call="a b", parts=(Text(text="1"),))),
        assistant(
            Call(id="a b", name="f"), Call(id=long, name="f"), Call(id=long + "y", name="f"), Call(id="", name="f")
        ),
        user(),
    )
    assert [block["toolUse"]["toolUseId"] for block in said[3]["content"]] == [
        "a_b_2",
        "x" * 64,
        "x" * 62 + "_2",
        "call_4",
    ]


def test_arguments_that_are_no_object_are_kept() -> None:
    calls = (Call(id="1", name="f", arguments="[1]"), Call(id="2", name="f", arguments="{"), Call(id="3", name="f"))
    said = messages(USER, assistant(*calls, Call(id="4", name="f", arguments="raw", custom=True)))
    assert [block["toolUse"]["input"] for block in said[1]["content"]] == [
        {"input": [1]},
        {"input": "{"},
        {},
        {"input": "raw"},
    ]


def test_thinking_goes_back_only_with_its_seal() -> None:
    seal = Seal(realm="r", token="c2ln")
    thoughts = (Thinking(text="Hm.", seal=seal), Thinking(withheld=True, seal=seal), Thinking(text="bare"))
    said = messages(USER, assistant(*thoughts, Text(text="a")), USER)
    assert said[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "c2ln"}},
        {"text": "a"},
    ]


def test_a_final_assistant_turn_is_continued_or_answered() -> None:
    turns = (USER, assistant(Text(text="So ")))
    assert messages(*turns)[-1] == {"role": "assistant", "content": [{"text": "So"}]}
    assert messages(*turns, model=LLAMA)[-1] == {"role": "user", "content": [{"text": "Continue."}]}
    assert messages(*turns, model=CLAUDE_4_6)[-1]["role"] == "user"


def test_text_without_words_is_left_out() -> None:
    assert messages(user(Text(text=" "), Text(text="Hi"), Text())) == [{"role": "user", "content": [{"text": "Hi"}]}]
    assert messages(user(Text())) == [{"role": "user", "content": [{"text": "(no message)"}]}]


# --- media ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "form"),
    [
        (Media(kind="image", mime="image/gif", data=PNG), "png"),
        (Media(kind="image", data=b"\xff\xd8\xff"), "jpeg"),
        (Media(kind="image", mime="image/jpg", data=b"?"), "jpeg"),
        (Media(kind="image", data=b"RIFF1234WEBP"), "webp"),
        (Media(kind="image", data=b"GIF89a"), "gif"),
        (Media(kind="document", mime="text/plain; charset=utf-8", data=b"x"), "txt"),
        (Media(kind="document", mime="application/octet-stream", data=b"%PDF-1.4"), "pdf"),
        (Media(kind="document", mime="text/markdown", data=b"x"), "md"),
        (Media(kind="document", mime="application/json", data=b"{}"), "txt"),
        (Media(kind="document", name="a.XLSX", data=b"\0\xff"), "xlsx"),
        (Media(kind="video", mime="video/mp4", data=b"x"), "mp4"),
        (Media(kind="video", mime="video/3gpp", data=b"x"), "three_gp"),
        (Media(kind="video", mime="video/quicktime", data=b"x"), "mov"),
        (Media(kind="audio", mime="audio/x-wav", data=b"x"), "wav"),
        (Media(kind="audio", mime="audio/mpeg", data=b"x"), "mpeg"),
    ],
)
def test_formats(media: Media, form: str) -> None:
    block = messages(user(media, Text(text="Hi")))[0]["content"][0][media.kind]
    assert block["format"] == form
    assert base64.b64decode(block["source"]["bytes"]) == media.data


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="image", mime="image/tiff", data=b"II*"),
        Media(kind="image", data=b""),
        Media(kind="image", url="https://x.example/a.png"),
        Media(kind="image", url="s3://bucket/a.png"),
        Media(kind="document", file=FileRef(realm="r", id="x")),
        Media(kind="document", data=b"\0\1\2"),
        Media(kind="audio", mime="audio/midi", data=b"x"),
    ],
)
def test_what_is_not_taken_is_lost(media: Media) -> None:
    assert messages(user(media, Text(text="Hi"))) == [{"role": "user", "content": [{"text": "Hi"}]}]
    assert lost(user(media, Text(text="Hi"))) == ["turns[0].parts[0]"]


def test_every_link_must_be_fetched() -> None:
    for kind in ("image", "audio", "video", "document"):
        assert needs_bytes(Media(kind=kind, url="https://x.example/a"))
    assert not needs_bytes(Media(kind="image", url="s3://bucket/a"))
    assert not needs_bytes(Media(kind="image", data=PNG))


def test_documents_have_neutral_names_of_their_own_and_words_beside_them() -> None:
    names = ("report.pdf", "a_b  c.d.pdf", "report", None, "[x] (1)", "_", "e" * 300)
    parts = [Media(kind="document", mime="application/pdf", data=b"%PDF-", name=name) for name in names]
    content = messages(user(*parts))[0]["content"]
    assert [block["document"]["name"] for block in content[:-1]] == [
        "report",
        "a-b c-d",
        "report (2)",
        "document",
        "[x] (1)",
        "-",
        "e" * 200,
    ]
    assert content[-1] == {"text": "(see the document)"}


def test_an_assistant_says_no_media() -> None:
    assert "turns[1].parts[1]" in lost(USER, assistant(Text(text="a"), Media(kind="image", data=PNG)), USER)


# --- tools ------------------------------------------------------------------------------------------------------------


def config(model: str = CLAUDE, turns: tuple[Turn, ...] = (USER,), **more: Any) -> Any:
    return written(*turns, model=model, **{"tools": (TOOL,), **more}).get("toolConfig")


SPEC = {"toolSpec": {"name": "f", "description": "does", "inputSchema": {"json": SCHEMA}}}


def test_tools() -> None:
    assert config() == {"tools": [SPEC]}
    bare = config(tools=(Tool(name="g"),))["tools"][0]["toolSpec"]
    assert bare == {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ToolChoice(mode="auto"), None),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="named", names=("f",)), {"tool": {"name": "f"}}),
        (ToolChoice(mode="named", names=("g",)), {"any": {}}),
        (ToolChoice(mode="required", names=("f", "g")), {"any": {}}),
    ],
)
def test_choices(choice: ToolChoice, wanted: Any) -> None:
    assert config(tool_choice=choice).get("toolChoice") == wanted


def test_a_call_is_forced_as_far_as_the_model_lets_itself_be() -> None:
    named = ToolChoice(mode="named", names=("f",))
    assert config("mistral.mistral-large-3-675b-instruct", tool_choice=named)["toolChoice"] == {"any": {}}
    assert "toolChoice" not in config(LLAMA, tool_choice=named)
    assert "tool_choice" in lost(model=LLAMA, tools=(TOOL,), tool_choice=named)


def test_no_tools_are_offered_when_none_may_be_called() -> None:
    none = ToolChoice(mode="none")
    assert config(tool_choice=none) is None
    assert lost(tools=(TOOL,), tool_choice=none) == ["tools"]


HISTORY = (USER, assistant(Call(id="c", name="f")), user(Result(call="c", parts=(Text(text="x"),))))


def test_a_history_with_calls_keeps_its_tools() -> None:
    assert config(turns=HISTORY, tool_choice=ToolChoice(mode="none")) == {"tools": [SPEC]}
    assert "tool_choice" in lost(*HISTORY, tools=(TOOL,), tool_choice=ToolChoice(mode="none"))
    stub = {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    assert config(turns=HISTORY, tools=()) == {"tools": [{"toolSpec": stub}]}


def test_a_model_without_tools() -> None:
    body = written(*HISTORY, model=TITAN, tools=(TOOL,), tool_choice=ToolChoice(mode="auto"), parallel=True)
    assert body == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    assert {"tools", "tool_choice", "parallel"} <= set(lost(*HISTORY, model=TITAN, tools=(TOOL,), parallel=False,
                                                            tool_choice=ToolChoice(mode="auto")))  # fmt: skip


def test_strict_tools_where_the_model_has_them() -> None:
    strict = Tool(name="f", schema=SCHEMA, strict=True)
    spec = config(tools=(strict,))["tools"][0]["toolSpec"]
    assert spec["strict"] is True
    assert spec["inputSchema"]["json"]["additionalProperties"] is False
    assert "strict" not in config(NOVA, tools=(strict,))["tools"][0]["toolSpec"]
    open_schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert "strict" not in config(tools=(Tool(name="f", schema=open_schema, strict=True),))["tools"][0]["toolSpec"]


def test_names_of_tools_are_legal() -> None:
    tools = (Tool(name="a.b"), Tool(name="a_b"), Tool(name="n" * 70), Tool(name="c", custom=True))
    names = [tool["toolSpec"]["name"] for tool in config(tools=tools)["tools"]]
    assert names == ["a_b", "n" * 64, "c"]
    assert lost(tools=tools)[:2] == ["tools[0].name", "tools[1]"]


def test_tools_of_the_service_are_kept() -> None:
    own: Any = Foreign(dialect="converse", block={"systemTool": {"name": "nova_grounding"}})
    assert config(NOVA_2, tools=(own,)) == {"tools": [own.block]}
    assert lost(tools=(Foreign(dialect="gemini", block={"googleSearch": {}}),)) == ["tools[0]"]


# --- thinking and knobs -----------------------------------------------------------------------------------------------

LOW, HIGH, MAX, NONE = (Reasoning(effort=word) for word in ("low", "high", "max", "none"))


@pytest.mark.parametrize(
    ("model", "reasoning", "wanted"),
    [
        (CLAUDE, LOW, {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        (CLAUDE, Reasoning(budget=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        (CLAUDE, Reasoning(budget=10), {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (CLAUDE, NONE, None),
        (CLAUDE_4_6, HIGH, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        (CLAUDE_4_6, Reasoning(budget=5000), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
        (NEWEST, Reasoning(adaptive=True), {"thinking": {"type": "adaptive", "display": "summarized"}}),
        (
            NEWEST,
            Reasoning(effort="xhigh", show=False),
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "xhigh"}},
        ),
        ("anthropic.claude-sonnet-5", NONE, {"thinking": {"type": "disabled"}}),
        (NOVA, HIGH, None),
        (NOVA_2, LOW, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        (NOVA_2, MAX, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA_2, Reasoning(enabled=True), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
        (NOVA_2, NONE, None),
        (GPT_OSS, HIGH, {"reasoning_effort": "high"}),
        (GPT_OSS, NONE, {"reasoning_effort": "low"}),
        ("openai.gpt-5.6-terra", MAX, {"reasoning": {"effort": "max"}}),
        ("openai.gpt-5.6-terra", NONE, {"reasoning": {"effort": "none"}}),
        ("openai.gpt-5.6-terra", Reasoning(effort="minimal"), {"reasoning": {"effort": "low"}}),
        ("qwen.qwen3-32b-v1:0", HIGH, {"reasoning_config": "high"}),
        ("qwen.qwen3-32b-v1:0", NONE, None),
        ("us.deepseek.r1-v1:0", HIGH, None),
    ],
)
def test_thinking(model: str, reasoning: Reasoning, wanted: Any) -> None:
    assert fields(model, reasoning=reasoning) == wanted


def test_a_budget_leaves_room_for_the_answer() -> None:
    body = written(reasoning=Reasoning(budget=10_000), max_tokens=5_000)
    assert body["inferenceConfig"] == {"maxTokens": 5_000}
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 4_000}}
    assert fields(CLAUDE, reasoning=HIGH, max_tokens=500) is None
    assert written(reasoning=HIGH)["inferenceConfig"] == {"maxTokens": 64_000}


def test_high_effort_of_nova_has_no_limit_and_no_temperature() -> None:
    more: Any = {"model": NOVA_2, "max_tokens": 9, "sampling": Sampling(temperature=0.5)}
    assert "inferenceConfig" not in written(reasoning=HIGH, **more)
    assert {"max_tokens", "sampling.temperature"} <= set(lost(reasoning=HIGH, **more))
    assert written(reasoning=LOW, **more)["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5}


def test_a_forced_call_wins_over_thinking() -> None:
    more: Any = {"tools": (TOOL,), "tool_choice": ToolChoice(mode="required"), "reasoning": HIGH}
    body = written(**more)
    assert "additionalModelRequestFields" not in body
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert "reasoning" in lost(**more)
    assert fields("anthropic.claude-sonnet-5", **more) == {"thinking": {"type": "disabled"}}


def test_a_loop_that_does_not_begin_with_thinking_goes_on_without() -> None:
    assert "additionalModelRequestFields" not in written(*HISTORY, reasoning=HIGH)
    sealed = assistant(Thinking(text="Hm", seal=Seal(realm="r", token="s")), Call(id="c", name="f"))
    assert written(USER, sealed, HISTORY[2], reasoning=HIGH)["additionalModelRequestFields"]


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (CLAUDE, {"top_k": 5}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        ("cohere.command-r-v1:0", {"k": 5}),
        (LLAMA, None),
        (NEWEST, None),
    ],
)
def test_top_k_stands_where_the_model_has_it(model: str, wanted: Any) -> None:
    assert fields(model, sampling=Sampling(top_k=5)) == wanted
    assert ("sampling.top_k" in lost(model=model, sampling=Sampling(top_k=5))) is (wanted is None)


def test_knobs_that_are_not_there_are_lost() -> None:
    sampling = Sampling(
        temperature=1.5, top_p=0.5, min_p=0.1, seed=1, frequency_penalty=0.1, logit_bias={"1": 1.0}, n=2, logprobs=True
    )
    assert written(model=LLAMA, sampling=sampling, stop=("END", " ", ""))["inferenceConfig"] == {
        "temperature": 1,
        "topP": 0.5,
        "stopSequences": ["END"],
    }
    assert set(lost(model=LLAMA, sampling=sampling, stop=("END", " "))) == {
        *(f"sampling.{name}" for name in ("temperature", "min_p", "seed", "frequency_penalty", "logit_bias", "n")),
        "sampling.logprobs",
        "stop[1]",
    }
    assert {"sampling.temperature", "sampling.top_p"} == set(
        lost(model=NEWEST, sampling=Sampling(temperature=1, top_p=1))
    )


def test_a_schema_is_enforced_where_the_model_does() -> None:
    shape = Shape(kind="schema", name="n", description="d", schema=SCHEMA)
    given = written(shape=shape)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert (given["name"], given["description"]) == ("n", "d")
    assert json.loads(given["schema"]) == SCHEMA | {"additionalProperties": False}
    asked = written(model=NOVA, shape=shape)
    assert "outputConfig" not in asked
    assert '{"type":"object"' in asked["system"][0]["text"]
    assert written(shape=Shape(kind="json"))["system"][0]["text"].startswith("Answer with one JSON object")
    assert written(shape=Shape(kind="text")) == written()
    assert written(model=TITAN, shape=shape)["messages"][0]["content"][0]["text"].startswith("Answer with JSON")


# --- cache points and the rest ----------------------------------------------------------------------------------------

POINT = {"cachePoint": {"type": "default"}}
CACHED = (
    Turn(role="system", parts=(Text(text="S", cache=Cache()),)),
    user(Text(text="U", cache=Cache(ttl="1h")), Text(text="V")),
)


def test_cache_points_follow_their_bearers() -> None:
    body = written(*CACHED, tools=(Tool(name="f", cache=Cache(ttl="5m")),))
    assert body["system"] == [{"text": "S"}, POINT]
    assert body["messages"][0]["content"] == [
        {"text": "U"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "V"},
    ]
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default", "ttl": "5m"}}


def test_cache_points_only_where_the_model_has_caches() -> None:
    body = written(*CACHED, model=NOVA, tools=(Tool(name="f", cache=Cache(ttl="5m")),))
    assert body["system"] == [{"text": "S"}, POINT]
    assert body["messages"][0]["content"] == [{"text": "U"}, POINT, {"text": "V"}]
    assert len(body["toolConfig"]["tools"]) == 1
    assert "cachePoint" not in json.dumps(written(*CACHED, model=LLAMA, cache=Cache()))
    assert set(lost(*CACHED, model=LLAMA, cache=Cache())) == {
        "turns[0].parts[0].cache",
        "turns[1].parts[0].cache",
        "cache",
    }


def test_a_request_that_is_cached_as_a_whole_ends_in_a_cache_point() -> None:
    assert messages(cache=Cache())[0]["content"] == [{"text": "Hi"}, POINT]


def test_at_most_four_cache_points() -> None:
    texts = tuple(Text(text=str(number), cache=Cache()) for number in range(6))
    body = written(*CACHED, user(*texts), tools=(Tool(name="f", cache=Cache()),))
    assert json.dumps(body).count("cachePoint") == 4
    content = body["messages"][0]["content"]
    assert content[-2:] == [{"text": "5"}, POINT]
    assert content[-4:-2] == [{"text": "4"}, POINT]


def test_results_end_in_their_cache_point_and_hold_none() -> None:
    result = Result(call="c", parts=(Text(text="x", cache=Cache()),), cache=Cache())
    assert messages(USER, HISTORY[1], user(result))[2]["content"] == [
        {"toolResult": {"toolUseId": "c", "content": [{"text": "x"}]}},
        POINT,
    ]


def test_the_end_user_is_a_label_in_the_log() -> None:
    assert written(user="u-1")["requestMetadata"] == {"user": "u-1"}
    assert lost(user="naïve") == ["user"]


def test_leftovers_of_this_dialect_are_put_back() -> None:
    rest = Rest(
        "converse",
        {
            "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
            "additionalModelRequestFields": {"top_k": 1, "x": 2},
        },
    )
    body = written(rest=rest, sampling=Sampling(top_k=5))
    assert body["guardrailConfig"] == rest.fields["guardrailConfig"]
    assert body["additionalModelRequestFields"] == {"top_k": 5, "x": 2}
    guarded = Foreign(dialect="converse", block={"guardContent": {"text": {"text": "g"}}})
    assert messages(user(guarded))[0]["content"] == [guarded.block]
    assert lost(rest=Rest("elsewhere", {"odd": 1})) == ["odd"]


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [CLAUDE, NOVA_2, GPT_OSS, LLAMA])
@settings(max_examples=40, deadline=None)
@given(request=laws.requests)
def test_any_request_is_valid_and_nothing_is_lost_silently(model: str, request: Request) -> None:
    changed = structs.replace(request, model=model)
    found = problems(write_request(changed, Losses()))
    # The seals of the strategy are any text.
    assert [one for one in found if not one.endswith("redactedContent: not base64")] == []
    laws.check_write_keeps(write_request, changed)


def test_the_validator_sees_faults() -> None:
    assert request_problems({"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]})
    assert request_problems({"messages": [{"role": "users", "content": [{"text": "a"}]}]})
    assert request_problems({"messages": [], "inferenceConfig": {"temperature": 2}})
    assert request_problems({"messages": [], "novel": 1})
