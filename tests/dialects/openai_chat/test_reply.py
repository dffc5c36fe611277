"""Whole chat completions: read from every host's spelling, written as the official SDK reads them."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from openai.types.chat import ChatCompletion

from tests.cassettes.records import OPENAI_FAMILIES, needs_records, records
from tests.dialects import laws
from uni_api.canon import (
    Call,
    Choice,
    Citation,
    Finish,
    Foreign,
    Media,
    Part,
    Reply,
    Request,
    Rest,
    Seal,
    Text,
    Thinking,
    Token,
    Usage,
)
from uni_api.dialects.openai_chat import read_reply, read_request, write_reply
from uni_api.errors import Fault

REALM = "openai_chat:host"
ASKED = Request(model="asked", turns=())
HI = [{"role": "user", "content": "Hi"}]


def answer(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [*choices],
        **fields,
    }


def choice(finish: str | None = "stop", /, index: int = 0, **message: Any) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish}


def parts(**message: Any) -> tuple[Part, ...]:
    return read_reply(answer(choice(**message)), REALM).choices[0].parts


def sdk(reply: Reply, request: Request = ASKED) -> ChatCompletion:
    return ChatCompletion.model_validate_json(msgspec.json.encode(write_reply(reply, request)), strict=True)


# --- reading ---


def test_a_plain_answer() -> None:
    body = answer(choice(content="Hello"), usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
    assert read_reply(body, REALM) == Reply(
        id="chatcmpl-1",
        model="m",
        created=5,
        choices=(Choice(parts=(Text(text="Hello"),), finish=Finish("stop", "stop")),),
        usage=Usage(input=1, output=2),
        rest=Rest("openai_chat", {"usage": body["usage"]}),
    )


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ({"content": None}, ()),
        ({"content": ""}, ()),
        ({}, ()),
        ({"content": "a", "reasoning_content": "hm"}, (Thinking(text="hm"), Text(text="a"))),
        ({"content": "a", "reasoning": "hm"}, (Thinking(text="hm"), Text(text="a"))),
        ({"content": None, "refusal": "no"}, (Text(text="no", refusal=True),)),
        ({"content": "<think>hm</think>a"}, (Thinking(text="hm"), Text(text="a"))),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Thinking(text="hm"), Text(text="a")),
        ),
        (
            {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            (Call(id="c", name="f", arguments="{}"),),
        ),
        (
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x y"}}]},
            (Call(id="c", name="f", arguments="x y", custom=True),),
        ),
        ({"function_call": {"name": "", "arguments": ""}, "audio": {"data": ""}}, ()),
        (
            {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}]},
            (Media(kind="image", mime="image/png", data=b"x"),),
        ),
    ],
    ids=repr,
)
def test_what_a_message_says(message: dict[str, Any], wanted: tuple[Part, ...]) -> None:
    assert parts(**message) == wanted


def test_a_call_without_an_id_gets_one_that_is_always_the_same() -> None:
    calls = [{"type": "function", "function": {"name": "f", "arguments": "{}"}}] * 2
    first, second = parts(tool_calls=calls)
    assert isinstance(first, Call) and isinstance(second, Call)
    assert first.id.startswith("call_") and first.id != second.id
    assert parts(tool_calls=calls) == (first, second)


def test_reasoning_details_are_thinking_with_the_seals_of_the_realm() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "f", "index": 0},
        {"type": "reasoning.summary", "summary": "sum", "index": 1},
        {"type": "reasoning.encrypted", "data": "d", "id": "rs_1"},
        {"type": "unheard.of", "x": 1},
    ]
    found = parts(content="a", reasoning="hmsum", reasoning_details=details)
    assert found == (
        Thinking(text="hm", seal=Seal(realm=REALM, token="s"), rest=_rest(format="f", index=0)),
        Thinking(text="sum", summary=True, rest=_rest(index=1)),
        Thinking(withheld=True, seal=Seal(realm=REALM, token="d"), rest=_rest(id="rs_1")),
        Text(text="a"),
    )


def _rest(**fields: Any) -> Rest:
    return Rest("openai_chat", fields, frozenset(fields))


def test_a_thought_signature_is_the_calls_seal() -> None:
    extra = {"google": {"thought_signature": "sig"}}
    (call,) = parts(
        tool_calls=[
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}
        ]
    )
    assert isinstance(call, Call) and call.seal == Seal(realm=REALM, token="sig") and call.rest is None


def test_sources_are_citations_of_the_text() -> None:
    spot = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 1}
    (text,) = parts(content="a", annotations=[{"type": "url_citation", "url_citation": spot}])
    assert text == Text(text="a", citations=(Citation(url="https://a.example", title="A", start=0, end=1),))


def test_choices_come_in_the_order_of_their_index() -> None:
    reply = read_reply(answer(choice(index=1, content="b"), choice("length", index=0, content="a")), REALM)
    assert [one.parts for one in reply.choices] == [(Text(text="a"),), (Text(text="b"),)]
    assert [one.finish for one in reply.choices] == [Finish("length", "length"), Finish("stop", "stop")]


def test_log_probabilities() -> None:
    rival = {"token": "b", "logprob": -2.0, "bytes": None}
    one = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [rival]}
    body = answer({**choice(content="a"), "logprobs": {"content": [one], "refusal": None}})
    token = Token(text="a", logprob=-0.5, bytes=(97,), top=(Token(text="b", logprob=-2.0),))
    reply = read_reply(body, REALM)
    assert reply.choices[0].logprobs == (token,)
    again = sdk(reply).choices[0].logprobs
    assert again is not None and again.content is not None
    assert again.content[0].top_logprobs[0].logprob == -2.0


@pytest.mark.parametrize("finish", [None, "", "unheard_of"])
def test_a_missing_or_unknown_finish(finish: str | None) -> None:
    found = read_reply(answer(choice(finish, content="a")), REALM).choices[0].finish
    assert found == (Finish("other", finish) if finish else None)


def test_a_filtered_answer_may_have_no_message() -> None:
    reply = read_reply(answer({"index": 0, "finish_reason": "content_filter"}), REALM)
    assert reply.choices == (Choice(finish=Finish("filter", "content_filter")),)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({}, "protocol", "it has no choices"),
        (answer(), "protocol", "it has no choices"),
        (answer(choices=3), "protocol", "choices must be an array"),
        (answer({"index": 0}), "protocol", "choices[0] has no message"),
        (answer(choice(content=5)), "protocol", "choices[0].message.content must be"),
        ({"error": {"message": "over", "code": 429}}, "rate", "over"),
        ({"error": "x", "choices": []}, "overloaded", "x"),
        (
            answer({"index": 0, "error": {"message": "m", "code": 502}, "message": {}, "finish_reason": "error"}),
            "overloaded",
            "m",
        ),
    ],
    ids=repr,
)
def test_what_is_no_reply(body: dict[str, Any], kind: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        read_reply(body, REALM)
    assert caught.value.kind == kind and words in caught.value.message


@given(laws.json_values)
def test_no_message_raises_anything_but_a_fault(value: Any) -> None:
    for name in ("content", "tool_calls", "reasoning_details", "annotations", "audio", "images", "refusal", "role"):
        for body in (answer(choice(**{name: value})), answer({**choice(content="a"), name: value}), {"choices": value}):
            try:
                read_reply(body, REALM)
            except Fault as fault:
                assert fault.message


# --- writing ---


def test_a_reply_is_what_the_sdk_expects() -> None:
    reply = Reply(
        id="msg_1",
        model="claude",
        created=7,
        choices=(
            Choice(
                parts=(Thinking(text="hm"), Text(text="a"), Call(id="c", name="f", arguments="{}")),
                finish=Finish("calls", "tool_use"),
            ),
        ),
        usage=Usage(input=1, cache_read=2, output=3, reasoning=1),
    )
    told = sdk(reply)
    assert (told.id, told.model, told.created, told.object) == ("chatcmpl-msg_1", "claude", 7, "chat.completion")
    message = told.choices[0].message
    assert message.content == "a" and message.refusal is None
    assert message.model_extra == {"reasoning_content": "hm"}
    assert message.tool_calls is not None and message.tool_calls[0].type == "function"
    assert told.choices[0].finish_reason == "tool_calls"
    assert told.usage is not None and told.usage.prompt_tokens == 3


def test_content_is_null_only_beside_something_else() -> None:
    def content(*parts: Part) -> str | None:
        return sdk(Reply(choices=(Choice(parts=parts),))).choices[0].message.content

    assert content(Call(id="c", name="f")) is None
    assert content(Text(text="no", refusal=True)) is None
    assert content() == ""
    assert content(Thinking(text="hm")) == ""


def test_a_client_that_speaks_of_functions_is_answered_so() -> None:
    request = read_request({"model": "m", "messages": HI, "functions": [{"name": "f"}]})
    reply = Reply(choices=(Choice(parts=(Call(id="c", name="f", arguments="{}"),), finish=Finish("calls")),))
    told = sdk(reply, request).choices[0]
    assert told.finish_reason == "function_call"
    assert told.message.function_call is not None and told.message.function_call.name == "f"
    assert told.message.tool_calls is None


def test_sources_images_and_sound() -> None:
    link = Citation(url="https://a.example", title="A", start=0, end=1)
    reply = Reply(
        choices=(
            Choice(
                parts=(
                    Text(text="one ", citations=(link,)),
                    Text(text="two", citations=(link, Citation(title="no link"))),
                    Media(kind="image", mime="image/png", data=b"x"),
                    Media(kind="audio", data=b"y"),
                    Foreign(dialect="elsewhere", block={"type": "secret"}),
                )
            ),
        )
    )
    message = sdk(reply).choices[0].message
    assert message.annotations is not None
    assert [note.url_citation.start_index for note in message.annotations] == [0, 4]
    assert message.audio is not None and message.audio.data == "eQ=="
    extra = message.model_extra or {}
    assert extra["images"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}]
    assert "secret" not in str(extra)


@given(laws.replies(most_choices=3))
def test_every_reply_is_one_of_the_sdks(reply: Reply) -> None:
    told = sdk(reply)
    assert [one.index for one in told.choices] == list(range(len(reply.choices)))


def test_usage_is_told_as_its_host_counted_and_completed() -> None:
    counted = {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 9, "audio_tokens": None},
        "completion_tokens_details": None,
        "cost": 3,
    }
    told = write_reply(read_reply(answer(choice(content="a"), usage=counted), REALM), ASKED)["usage"]
    assert told == {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 9, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        "cost": 3,
    }


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "format": "f", "index": 0}]},
        {"reasoning": "hm", "reasoning_content": None, "thinking": None, "reasoning_details": []},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}, {"type": "reasoning.text", "text": ""}]},
        {"thinking": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": ""}]},
    ],
    ids=repr,
)
def test_reasoning_without_seals_is_told_in_one_way(message: dict[str, Any]) -> None:
    told = write_reply(read_reply(answer(choice(content="a", **message)), REALM), ASKED)["choices"][0]["message"]
    assert told == {"role": "assistant", "content": "a", "refusal": None, "reasoning_content": "hm"}


# --- law 1 for replies ---


def _kept(one: Any, other: Any, path: str = "") -> str | None:
    """The first thing of `one` that `other` lacks, or None. Nulls and empty values count as nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name, value in one.items():
            if value in (None, "", [], 0):
                continue
            if name not in other:
                return f"{path}.{name}"
            if (found := _kept(value, other[name], f"{path}.{name}")) is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        each = [_kept(a, b, f"{path}[{index}]") for index, (a, b) in enumerate(zip(one, other, strict=True))]
        return next((inner for inner in each if inner is not None), None)
    return None if one == other or (one in (None, "") and path.endswith("finish_reason")) else path


def _common(body: dict[str, Any]) -> dict[str, Any]:
    """`body` without what is known to be spelt otherwise: the id's prefix, other names of reasoning, our seals."""
    body = json.loads(json.dumps(body))
    body.pop("id")
    body.pop("usage", None)
    for one in body["choices"]:
        message = one.get("message", {})
        message.pop("reasoning_details", None)
        message["reasoning_content"] = message.pop("reasoning", None) or message.get("reasoning_content")
        content = message.get("content")
        if isinstance(content, list) or "<think>" in str(content):
            del one["message"]
        if one.get("finish_reason") == "eos":
            one["finish_reason"] = "stop"
        for token in (one.get("logprobs") or {}).get("content") or [] if isinstance(one.get("logprobs"), dict) else []:
            for entry in (token, *token["top_logprobs"]):
                entry.pop("id", None)
    return body


@needs_records
@pytest.mark.parametrize("family", OPENAI_FAMILIES)
def test_nothing_of_a_recorded_reply_is_lost(family: str) -> None:
    checked = 0
    for record in records(family):
        if record["stream"]:
            continue
        body = json.loads(record["response_body"])
        if "error" in body and not body.get("choices"):
            continue
        asked = record["request_json"] if isinstance(record["request_json"], dict) else {}
        request = read_request({"model": "m", "messages": HI, "functions": asked.get("functions") or None})
        again = laws.plain(write_reply(read_reply(body, REALM), request))
        lost = _kept(_common(body), _common(again))
        assert lost is None, (record["id"], lost)
        checked += 1
    assert checked
