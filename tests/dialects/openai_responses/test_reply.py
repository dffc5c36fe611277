"""Whole answers: items in their order, each part with what it says, and nothing dropped."""

import base64
import json
from typing import Any

import pytest

from tests.cassettes.records import needs_records
from tests.dialects.openai_responses.frames import REALM, call, message, reasoning, recorded, response, said
from uni_api.canon import Call, Citation, Finish, Foreign, Media, Part, Rest, Seal, Text, Thinking, Token, Usage
from uni_api.dialects import openai_responses
from uni_api.errors import Fault, FaultKind

NAME = openai_responses.name
MISCOUNTED = "openai-responses-d744d9529540"  # its host counted fewer than no tokens


def parts(*items: Any) -> tuple[Part, ...]:
    return openai_responses.read_reply(response(*items), REALM).choices[0].parts


def test_an_answer() -> None:
    body = response(message(said("Good day.")), metadata={"a": "b"}, service_tier="default", error=None)
    reply = openai_responses.read_reply(body, REALM)
    assert (reply.id, reply.model, reply.created) == ("resp_1", "gpt-test", 7)
    assert reply.choices[0].parts == (Text(text="Good day."),)
    assert reply.choices[0].finish == Finish("stop", "completed")
    assert reply.usage == Usage(input=5, output=7)
    assert reply.rest == Rest(NAME, {"metadata": {"a": "b"}, "service_tier": "default"})


def test_a_refusal() -> None:
    found = parts(message({"type": "refusal", "refusal": "No."}))
    assert found == (Text(text="No.", refusal=True),)


def test_sources() -> None:
    link = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 1, "end_index": 3}
    file = {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 2}
    [text] = parts(message(said("Abc.", link, file)))
    assert isinstance(text, Text)
    assert text.citations == (
        Citation(url="https://a.example", title="A", start=1, end=3),
        Citation(title="a.txt", rest=Rest(NAME, file)),
    )


def test_the_phase_of_a_message_is_kept() -> None:
    found = parts(message(said("Hm."), phase="commentary"), message(said("So."), phase="final_answer"))
    assert found == (
        Text(text="Hm.", rest=Rest(NAME, {"phase": "commentary"}, frozenset({"phase"}))),
        Text(text="So.", rest=Rest(NAME, {"phase": "final_answer"}, frozenset({"phase"}))),
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (reasoning("One.", "Two."), [Thinking(text="One.\n\nTwo.", summary=True)]),
        (
            reasoning("One.", encrypted_content="blob"),
            [Thinking(text="One.", summary=True, seal=Seal(realm=REALM, token="blob", id="rs_1"))],
        ),
        (
            reasoning(encrypted_content="blob"),
            [Thinking(withheld=True, seal=Seal(realm=REALM, token="blob", id="rs_1"))],
        ),
        (reasoning(), [Thinking(withheld=True)]),
        (
            reasoning(content=[{"type": "reasoning_text", "text": "Hm."}], encrypted_content="blob"),
            [Thinking(text="Hm.", seal=Seal(realm=REALM, token="blob", id="rs_1"))],
        ),
        (
            reasoning("So.", content=[{"type": "reasoning_text", "text": "Hm."}], encrypted_content="blob"),
            [
                Thinking(text="Hm."),
                Thinking(text="So.", summary=True, seal=Seal(realm=REALM, token="blob", id="rs_1")),
            ],
        ),
    ],
)
def test_reasoning(item: Any, expected: list[Part]) -> None:
    assert list(parts(item)) == expected


def test_calls() -> None:
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "run", "input": "ls -l"}
    body = response(call(arguments='{"city": "Umeå"}', namespace="travel"), custom)
    choice = openai_responses.read_reply(body, REALM).choices[0]
    assert choice.parts == (
        Call(id="call_1", name="weather", arguments='{"city": "Umeå"}', rest=Rest(NAME, {"namespace": "travel"})),
        Call(id="c2", name="run", arguments="ls -l", custom=True),
    )
    assert choice.finish == Finish("calls", "completed")


def test_items_of_tools_that_the_api_runs_are_kept_whole() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    assert parts(search, message(said("Found."))) == (Foreign(dialect=NAME, block=search), Text(text="Found."))


def test_an_image() -> None:
    data = b"\x89PNG image"
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "output_format": "webp"}
    whole = item | {"result": base64.b64encode(data).decode()}
    assert parts(whole) == (Media(kind="image", mime="image/webp", data=data, rest=Rest(NAME, {":item": item})),)
    for broken in (None, "", "not base64!", "é"):
        assert parts(item | {"result": broken}) == (Foreign(dialect=NAME, block=item | {"result": broken}),)


def test_blobs_in_other_items_are_sealed_as_well() -> None:
    found = parts({"type": "compaction", "id": "cmp_1", "encrypted_content": "blob", "created_by": "x"})
    assert found == (
        Thinking(
            withheld=True,
            seal=Seal(realm=REALM, token="blob", id="cmp_1"),
            rest=Rest(NAME, {":item": {"type": "compaction", "created_by": "x"}}),
        ),
    )
    empty = {"type": "compaction", "id": "cmp_1"}
    assert parts(empty) == (Foreign(dialect=NAME, block=empty),)


def test_log_probabilities() -> None:
    token = {
        "token": "Hi",
        "logprob": -0.5,
        "bytes": [72, 105],
        "top_logprobs": [{"token": "Ho", "logprob": -1, "bytes": [72, 111]}],
    }
    choice = openai_responses.read_reply(response(message(said("Hi", logprobs=[token]))), REALM).choices[0]
    rival = Token(text="Ho", logprob=-1, bytes=(72, 111))
    assert choice.logprobs == (Token(text="Hi", logprob=-0.5, bytes=(72, 105), top=(rival,)),)


@pytest.mark.parametrize(
    ("details", "finish"),
    [
        ({"reason": "max_output_tokens"}, Finish("length", "max_output_tokens")),
        ({"reason": "content_filter"}, Finish("filter", "content_filter")),
        ({"reason": "max_messages"}, Finish("other", "max_messages")),
        (None, Finish("other", "incomplete")),
    ],
)
def test_incomplete_answers(details: Any, finish: Finish) -> None:
    body = response(message(said("I was")), status="incomplete", incomplete_details=details)
    assert openai_responses.read_reply(body, REALM).choices[0].finish == finish


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (response(status="failed", error={"code": "server_error", "message": "Oh."}), "overloaded"),
        (response(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow."}), "rate"),
        (response(status="failed"), "overloaded"),
        ({"error": {"code": "invalid_prompt", "message": "No."}}, "bad_request"),
        ({"type": "error", "code": "server_error", "message": "Oh."}, "overloaded"),
        (response(status="cancelled"), "protocol"),
        (response(status="queued"), "protocol"),
        ({"id": "chatcmpl-1", "choices": []}, "protocol"),
        ({}, "protocol"),
        ([], "protocol"),
    ],
)
def test_what_is_no_answer_is_a_fault(body: Any, kind: FaultKind) -> None:
    with pytest.raises(Fault) as caught:
        openai_responses.read_reply(body, REALM)
    assert caught.value.kind == kind


def test_no_shape_of_an_item_raises() -> None:
    odd: list[Any] = [None, 1, "x", [], {}, {"type": 5}, {"type": "message", "content": None}]
    odd += [{"type": "message", "content": [None, {"type": "odd"}]}, {"type": "reasoning", "summary": [{"text": 5}]}]
    odd += [{"type": "function_call"}, {"type": "custom_tool_call", "input": 5}, {"type": "message", "role": "user"}]
    reply = openai_responses.read_reply(response(*odd, usage={"input_tokens": "many"}), REALM)
    assert reply.usage == Usage()
    assert len(reply.choices[0].parts) == 8


@needs_records
def test_recorded_answers() -> None:
    whole = [one for one in recorded() if not one["stream"]]
    assert len(whole) > 330
    for record in whole:
        body = json.loads(record["response_body"])
        reply = openai_responses.read_reply(body, REALM)
        calls = [item for item in body["output"] if item["type"] in ("function_call", "custom_tool_call")]
        assert sum(isinstance(part, Call) for part in reply.choices[0].parts) == len(calls), record["id"]
        if record["id"] != MISCOUNTED:
            assert reply.usage is not None and reply.usage.prompt == body["usage"]["input_tokens"], record["id"]
            assert reply.usage.total == body["usage"]["total_tokens"], record["id"]
