"""Requests as bodies: what is said where, and what can't be said is a loss."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.records import needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import leaves
from tests.cassettes.test_responses import problems, unsaid
from tests.dialects.laws import check_write_keeps, images, names, objects, said_parts, texts
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
    keep_realm,
)
from uni_api.dialects import openai_chat, openai_responses
from uni_api.dialects.openai_responses._models import family_of

NAME = openai_responses.name
USER = Turn(role="user", parts=(Text(text="Hi."),))
SEALED = ["reasoning.encrypted_content"]


def write(request: Request) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body = openai_responses.write_request(request, losses)
    return body, [f"{loss.path} ({loss.kind})" for loss in losses.items]


def asked(*turns: Turn, model: str = "gpt-4o", **more: Any) -> tuple[dict[str, Any], list[str]]:
    return write(Request(model=model, turns=turns or (USER,), **more))


def items(*parts: Part, role: Any = "user") -> tuple[list[dict[str, Any]], list[str]]:
    body, lost = asked(Turn(role=role, parts=parts))
    return body["input"], lost


def chat(**more: Any) -> tuple[dict[str, Any], list[str]]:
    """What becomes of a chat request."""
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi."}], **more}
    return write(openai_chat.read_request(body))


def test_the_least() -> None:
    assert asked() == ({"model": "gpt-4o", "input": [{"role": "user", "content": "Hi."}], "store": False}, [])


def test_turns_stay_where_they_stand() -> None:
    body, lost = asked(
        Turn(role="system", parts=(Text(text="Be kind."),)),
        USER,
        Turn(role="system", parts=(Text(text="Be brief."),), rest=Rest("openai_chat", {":role": "developer"})),
        Turn(role="assistant", parts=(Text(text="Hello."),)),
        Turn(role="user", parts=()),
    )
    assert body["input"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi."},
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": ""},
    ]
    assert not lost


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            Media(kind="image", mime="image/png", data=b"x", detail="low"),
            {"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,eA=="},
        ),
        (
            Media(kind="image", url="https://a.example/b.png"),
            {"type": "input_image", "detail": "auto", "image_url": "https://a.example/b.png"},
        ),
        (
            Media(kind="image", file=FileRef("here", "file_1")),
            {"type": "input_image", "detail": "auto", "file_id": "file_1"},
        ),
        (
            Media(kind="document", mime="application/pdf", data=b"x", name="a.pdf"),
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,eA=="},
        ),
        (
            Media(kind="document", mime="application/pdf", data=b"x"),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,eA=="},
        ),
        (
            Media(kind="document", url="https://a.example/b.pdf"),
            {"type": "input_file", "file_url": "https://a.example/b.pdf"},
        ),
        (Media(kind="document", file=FileRef("here", "file_1")), {"type": "input_file", "file_id": "file_1"}),
        (
            Media(kind="audio", mime="audio/mpeg", data=b"x"),
            {"type": "input_audio", "input_audio": {"data": "eA==", "format": "mp3"}},
        ),
    ],
)
def test_media(media: Media, block: Any) -> None:
    assert items(Text(text="See:"), media) == (
        [{"role": "user", "content": [{"type": "input_text", "text": "See:"}, block]}],
        [],
    )


@pytest.mark.parametrize(
    ("media", "fetched"),
    [
        (Media(kind="image", url="https://a.example/b.png"), False),
        (Media(kind="image", url="gs://bucket/b.png"), True),
        (Media(kind="document", url="http://a.example/b.pdf"), False),
        (Media(kind="audio", url="https://a.example/b.mp3"), True),
        (Media(kind="video", url="https://a.example/b.mp4"), False),
        (Media(kind="image", data=b"x"), False),
    ],
)
def test_which_links_are_fetched(media: Media, fetched: bool) -> None:
    assert openai_responses.needs_bytes(media) is fetched


def test_media_that_is_not_taken_is_a_loss() -> None:
    found, lost = items(Text(text="See:"), Media(kind="video", data=b"x"), Media(kind="audio", url="https://a.example"))
    assert found == [{"role": "user", "content": "See:"}]
    assert lost == ["turns[0].parts[1] (meaning)", "turns[0].parts[2] (meaning)"]


def test_a_file_that_a_chat_client_stored_at_the_same_maker() -> None:
    content = [{"type": "file", "file": {"file_id": "file_1"}}, {"type": "text", "text": "Sum up."}]
    body, lost = chat(messages=[{"role": "user", "content": content}])
    assert body["input"][0]["content"][0] == {"type": "input_file", "file_id": "file_1"}
    assert not lost


def test_a_tool_loop() -> None:
    body, lost = asked(
        USER,
        Turn(
            role="assistant",
            parts=(
                Thinking(text="Hm.", summary=True, seal=Seal(realm="here", token="blob", id="rs_1")),
                Call(id="a", name="weather", arguments='{"city":  "Umeå"}'),
                Call(id="b", name="run", arguments="ls", custom=True),
            ),
        ),
        Turn(role="user", parts=(Result(call="a", parts=(Text(text="Snow."),)), Result(call="b"), Text(text="So?"))),
    )
    assert body["input"][1:] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "blob",
        },
        {"type": "function_call", "call_id": "a", "name": "weather", "arguments": '{"city":  "Umeå"}'},
        {"type": "custom_tool_call", "call_id": "b", "name": "run", "input": "ls"},
        {"type": "function_call_output", "call_id": "a", "output": "Snow."},
        {"type": "custom_tool_call_output", "call_id": "b", "output": ""},
        {"role": "user", "content": "So?"},
    ]
    assert not lost


def test_a_result_with_an_image_is_a_list() -> None:
    image = Media(kind="image", mime="image/png", data=b"x")
    found, lost = items(Result(call="a", parts=(Text(text="See:"), image, Media(kind="audio", data=b"x")), error=True))
    assert found[0]["output"] == [
        {"type": "input_text", "text": "See:"},
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,eA=="},
    ]
    assert lost == ["turns[0].parts[0].parts[2] (meaning)", "turns[0].parts[0].error (tuning)"]


def test_ids_that_are_too_long_are_shortened_alike() -> None:
    id = "x" * 65
    body, lost = asked(
        Turn(role="assistant", parts=(Call(id=id, name="f"),)), Turn(role="user", parts=(Result(call=id),))
    )
    call, result = body["input"]
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64
    assert lost == ["turns[0].parts[0].id (hint)", "turns[1].parts[0].call (hint)"]


def test_texts_in_a_row_are_one_message() -> None:
    quoted = Text(text="b.", citations=(Citation(quote="b"),))
    found, lost = items(Text(text="a"), Text(text="b"), quoted, role="assistant")
    assert found[0] == {"role": "assistant", "content": "ab"}
    assert found[1]["content"] == [{"type": "output_text", "text": "b.", "annotations": []}]
    assert lost == ["turns[0].parts[2].citations[0] (hint)"]


def test_reasoning_that_nothing_follows_is_left_out() -> None:
    thought = Thinking(withheld=True, seal=Seal(realm="here", token="blob"))
    assert items(thought, role="assistant") == ([], ["turns[0].parts[0] (tuning)"])


def test_what_an_answer_can_not_hold() -> None:
    found, lost = items(
        Thinking(text="Hm."),
        Media(kind="image", data=b"x"),
        Foreign(dialect="elsewhere", block={"type": "odd"}),
        Text(text="So.", cache=Cache(), seal=Seal(realm="here", token="t")),
        role="assistant",
    )
    assert found == [{"role": "assistant", "content": "So."}]
    assert lost == [
        "turns[0].parts[0] (tuning)",
        "turns[0].parts[1] (meaning)",
        "turns[0].parts[2] (meaning)",
        "turns[0].parts[3].seal (hint)",
        "turns[0].parts[3].cache (hint)",
    ]


def test_cache_marks_in_the_makers_own_spelling() -> None:
    def part(**mark: Any) -> list[dict[str, Any]]:
        return [{"type": "text", "text": "Long.", **mark}]

    own = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
    body, lost = chat(messages=[{"role": "user", "content": part(**own)}])
    assert body["input"][0]["content"] == [{"type": "input_text", "text": "Long.", **own}]
    assert not lost
    body, lost = chat(messages=[{"role": "user", "content": part(cache_control={"type": "ephemeral"})}])
    assert body["input"][0]["content"] == "Long."
    assert lost == ["turns[0].parts[0].cache (hint)"]


def test_tools() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    search = {"type": "web_search", "search_context_size": "low"}
    body, lost = asked(
        tools=(
            Tool(name="weather", description="Tells it.", schema=schema, strict=True),
            Tool(name="time"),
            Tool(name="run", custom=True),
            Foreign(dialect=NAME, block=search),
            Foreign(dialect="elsewhere", block={"type": "odd"}),
        ),
        tool_choice=ToolChoice(mode="named", names=("run",)),
        parallel=False,
    )
    empty = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {"type": "function", "name": "weather", "description": "Tells it.", "parameters": schema, "strict": True},
        # The API is strict unless told otherwise, which the chat format is not.
        {"type": "function", "name": "time", "parameters": empty, "strict": False},
        {"type": "custom", "name": "run"},
        search,
    ]
    assert body["tool_choice"] == {"type": "custom", "name": "run"}
    assert body["parallel_tool_calls"] is False
    assert lost == ["tools[4] (meaning)"]


def test_tools_in_a_chat_request_that_only_this_api_has() -> None:
    grammar = {"syntax": "lark", "definition": "start: WORD"}
    custom = {"name": "say", "format": {"type": "grammar", "grammar": grammar}}
    place = {"type": "approximate", "approximate": {"country": "SE"}}
    body, lost = chat(
        tools=[{"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "custom", "custom": custom}],
        web_search_options={"search_context_size": "high", "user_location": place},
    )
    assert body["tools"] == [
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "custom", "name": "say", "format": {"type": "grammar", **grammar}},
        {
            "type": "web_search",
            "search_context_size": "high",
            "user_location": {"type": "approximate", "country": "SE"},
        },
    ]
    assert not lost


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(mode="auto"), "auto"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="named", names=("a",)), {"type": "function", "name": "a"}),
        (
            ToolChoice(mode="auto", names=("a", "b")),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "a"}, {"type": "custom", "name": "b"}],
            },
        ),
        (
            ToolChoice(mode="required", names=("a",)),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "a"}]},
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, written: Any) -> None:
    body, lost = asked(tools=(Tool(name="a"), Tool(name="b", custom=True)), tool_choice=choice)
    assert body["tool_choice"] == written
    assert not lost


def test_a_choice_without_tools() -> None:
    assert asked(tool_choice=ToolChoice(mode="auto")) == asked()
    assert asked(tool_choice=ToolChoice(mode="required"))[1] == ["tool_choice (meaning)"]


def test_shapes() -> None:
    schema = {"type": "object", "properties": {}}
    full = Shape(kind="schema", name="n", description="d", schema=schema, strict=True)
    assert asked(shape=full)[0]["text"] == {
        "format": {"type": "json_schema", "name": "n", "description": "d", "schema": schema, "strict": True}
    }
    bare = asked(shape=Shape(kind="schema", schema=schema))[0]["text"]["format"]
    assert bare == {"type": "json_schema", "name": "answer", "schema": schema}
    assert asked(shape=Shape(kind="json"))[0]["text"] == {"format": {"type": "json_object"}}
    assert asked(shape=Shape(kind="text"))[0]["text"] == {"format": {"type": "text"}}
    assert chat(verbosity="low")[0]["text"] == {"verbosity": "low"}


@pytest.mark.parametrize(
    ("model", "reasoning", "written", "include", "lost"),
    [
        ("gpt-5", None, None, SEALED, []),
        ("openai/gpt-5-nano", None, None, SEALED, []),
        ("gpt-4o", None, None, None, []),
        ("gpt-5-chat-latest", None, None, None, []),
        ("some-deployment", None, None, None, []),
        ("some-deployment", Reasoning(effort="low"), {"effort": "low"}, SEALED, []),
        ("some-deployment", Reasoning(effort="none"), {"effort": "none"}, None, []),
        ("gpt-5", Reasoning(effort="high", show=True), {"effort": "high", "summary": "auto"}, SEALED, []),
        ("gpt-5", Reasoning(show=True), {"summary": "auto"}, SEALED, []),
        ("gpt-5", Reasoning(budget=1024), {"effort": "low"}, SEALED, ["reasoning.budget (tuning)"]),
        ("gpt-5", Reasoning(budget=8000), {"effort": "medium"}, SEALED, ["reasoning.budget (tuning)"]),
        ("gpt-5", Reasoning(budget=20000), {"effort": "high"}, SEALED, ["reasoning.budget (tuning)"]),
        ("gpt-5", Reasoning(budget=20000, effort="low"), {"effort": "low"}, SEALED, ["reasoning.budget (tuning)"]),
        ("gpt-5", Reasoning(enabled=True), None, SEALED, []),
        ("gpt-5", Reasoning(enabled=False), {"effort": "minimal"}, SEALED, ["reasoning (tuning)"]),
        ("gpt-5.2", Reasoning(enabled=False), {"effort": "none"}, SEALED, []),
        ("o3", Reasoning(budget=0), {"effort": "low"}, SEALED, ["reasoning (tuning)"]),
        ("gpt-4o", Reasoning(enabled=False), None, None, []),
        ("gpt-4o", Reasoning(effort="high"), None, None, ["reasoning (tuning)"]),
        ("some-deployment", Reasoning(enabled=True), {"effort": "medium"}, SEALED, []),
    ],
)
def test_reasoning(model: str, reasoning: Reasoning | None, written: Any, include: Any, lost: Sequence[str]) -> None:
    body, found = asked(model=model, reasoning=reasoning)
    assert (body.get("reasoning"), body.get("include"), found) == (written, include, lost)


def test_whoever_brings_sealed_reasoning_gets_it_again() -> None:
    thought = Thinking(withheld=True, seal=Seal(realm="here", token="blob"))
    body, _ = asked(USER, Turn(role="assistant", parts=(thought, Text(text="So."))), USER, model="some-deployment")
    assert body["include"] == SEALED


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-5", True),
        ("gpt-5-2025-08-07", True),
        ("gpt-5.6-sol", True),
        ("gpt-5-chat-latest", False),
        ("gpt-5.2-chat", False),
        ("gpt-4.1-mini", False),
        ("gpt-3.5-turbo", False),
        ("chatgpt-4o-latest", False),
        ("ft:gpt-4o:acme", False),
        ("o1", True),
        ("o4-mini-deep-research", True),
        ("codex-mini-latest", True),
        ("gpt-oss-120b", True),
        ("x-ai/grok-4.3", True),
        ("grok-4-fast-non-reasoning", False),
        ("grok-3", None),
        ("o100", None),
        ("qwen3", None),
    ],
)
def test_families(model: str, reasons: bool | None) -> None:
    assert family_of(model).reasons is reasons


def test_sampling() -> None:
    body, lost = asked(
        max_tokens=100,
        sampling=Sampling(temperature=0.5, top_p=0.9, logprobs=True, top_logprobs=3, n=1),
        stream=True,
        user="u",
    )
    assert {name: value for name, value in body.items() if name not in ("model", "input", "store")} == {
        "max_output_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_logprobs": 3,
        "include": ["message.output_text.logprobs"],
        "stream": True,
        "user": "u",
    }
    assert not lost


def test_models_that_tell_no_log_probabilities() -> None:
    scored = Sampling(logprobs=True, top_logprobs=3)
    body, lost = asked(model="o3", sampling=scored)
    assert "top_logprobs" not in body
    assert (body["include"], lost) == (SEALED, ["sampling.top_logprobs (tuning)", "sampling.logprobs (tuning)"])
    assert asked(model="gpt-5.2", sampling=scored)[0]["include"] == [*SEALED, "message.output_text.logprobs"]


def test_what_the_api_lacks_is_a_loss() -> None:
    sampling = Sampling(seed=1, n=2, top_k=3, min_p=0.1, frequency_penalty=1, presence_penalty=1, logit_bias={"1": 2.0})
    body, lost = asked(sampling=sampling, stop=("a", "b"), max_tokens=1, modalities=("text", "audio"), cache=Cache())
    assert body["max_output_tokens"] == 16
    assert set(lost) == {
        "sampling.seed (tuning)",
        "sampling.n (tuning)",
        "sampling.top_k (tuning)",
        "sampling.min_p (tuning)",
        "sampling.frequency_penalty (tuning)",
        "sampling.presence_penalty (tuning)",
        "sampling.logit_bias (tuning)",
        "stop[0] (tuning)",
        "stop[1] (tuning)",
        "max_tokens (tuning)",
        "modalities (meaning)",
        "cache (hint)",
    }


def test_fields_that_both_formats_of_the_maker_share() -> None:
    shared = {
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "store": True,
        "truncation": "auto",
        "previous_response_id": "resp_0",
        "include": ["web_search_call.results"],
    }
    body, lost = chat(**shared, prediction={"type": "content", "content": "x"}, reasoning={"summary": "detailed"})
    assert {name: body[name] for name in shared if name != "include"} == {
        name: value for name, value in shared.items() if name != "include"
    }
    assert body["include"] == [*SEALED, "web_search_call.results"]
    assert body["reasoning"] == {"summary": "detailed"}
    assert lost == ["prediction (hint)"]


def test_the_end_user_in_the_clients_spelling() -> None:
    assert chat(user="u")[0]["user"] == "u"
    assert chat(safety_identifier="s")[0]["safety_identifier"] == "s"
    both = chat(user="u", safety_identifier="s")[0]
    assert (both["user"], both["safety_identifier"]) == ("u", "s")


def test_leftovers_of_this_dialect_are_put_back_and_others_are_losses() -> None:
    body, lost = asked(rest=Rest(NAME, {"truncation": "auto", "store": True}))
    assert (body["truncation"], body["store"], lost) == ("auto", True, [])
    body, lost = asked(rest=Rest("elsewhere", {"metadata": {}, "odd": 1}))
    assert "metadata" not in body
    assert lost == ["metadata (tuning)", "odd (tuning)"]


def test_names_of_participants_are_a_loss() -> None:
    assert asked(Turn(role="user", parts=(Text(text="Hi."),), name="Ann"))[1] == ["turns[0].name (tuning)"]


_USER_PARTS = st.one_of(texts, images, st.builds(Result, call=names, parts=st.lists(texts, max_size=2).map(tuple)))
_TURNS = st.lists(
    st.one_of(
        st.builds(Turn, role=st.just("user"), parts=st.lists(_USER_PARTS, max_size=4).map(tuple)),
        st.builds(Turn, role=st.just("system"), parts=st.lists(texts, max_size=2).map(tuple)),
        st.builds(
            Turn,
            role=st.just("assistant"),
            parts=st.lists(
                said_parts()
                | st.builds(
                    Thinking,
                    summary=st.booleans(),
                    text=st.text(max_size=5),
                    seal=st.builds(Seal, realm=st.just("here"), token=names, id=st.none() | names),
                )
                | st.builds(Call, id=names, name=names, arguments=objects, custom=st.booleans()),
                max_size=5,
            ).map(tuple),
        ),
    ),
    max_size=5,
)


@given(_TURNS)
def test_nothing_is_lost_silently(turns: list[Turn]) -> None:
    check_write_keeps(openai_responses.write_request, Request(model="gpt-5", turns=tuple(turns)))


def _chats() -> list[dict[str, Any]]:
    return [
        one["request_json"]
        for one in records("openai-chat")
        if isinstance(one["request_json"], dict) and isinstance(one["request_json"].get("messages"), list)
    ]


def _judged(body: dict[str, Any], model: str) -> tuple[int, int, list[str]]:
    losses = Losses()
    request = keep_realm(openai_chat.read_request({**body, "model": model}), "here", losses)
    written = json.loads(json.dumps(openai_responses.write_request(request, losses)))
    total, held, gone = unsaid(body, written, losses.summary())
    return total, held, [*gone, *problems(written)]


@needs_records
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5", "anything"])
def test_recorded_chat_requests(model: str) -> None:
    found = [_judged(body, model) for body in _chats()]
    assert len(found) > 400
    assert [wrong for _, _, wrong in found if wrong] == []
    assert sum(held for _, held, _ in found) >= 0.98 * sum(total for total, _, _ in found)


@pytest.mark.parametrize("name", RICH)
def test_rich_requests(name: str) -> None:
    assert any(True for _ in leaves(RICH[name]))
    assert _judged(RICH[name], "gpt-5")[2] == []
