"""Streams as the official SDK expects them."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from openai.types.chat import ChatCompletionChunk

from tests.dialects import laws
from uni_api.canon import (
    Broke,
    Call,
    Citation,
    Cited,
    Closed,
    Event,
    Finish,
    Finished,
    Foreign,
    Grew,
    Media,
    Metered,
    Noted,
    Opened,
    Reply,
    Request,
    Rest,
    Scored,
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
    Token,
    Usage,
    fold,
    unfold,
)
from uni_api.dialects import openai_chat
from uni_api.dialects.openai_chat import read_request, writer
from uni_api.errors import Fault
from uni_api.framing import SseDecoder

ASKED = Request(model="asked", turns=())
WITH_USAGE = Request(model="asked", turns=(), usage_in_stream=True)
SEAL = Seal(realm="r", token="t")


def stream(*events: Event, request: Request = ASKED) -> bytes:
    codec = writer(request)
    return b"".join(codec.feed(event) for event in events) + codec.close()


def chunks(*events: Event, request: Request = ASKED) -> list[dict[str, Any]]:
    frames = SseDecoder().feed(stream(*events, request=request))
    assert frames[-1].data == b"[DONE]"
    found = [json.loads(frame.data) for frame in frames[:-1]]
    for one in found:
        if '"custom"' not in json.dumps(one):
            # The SDK's chunks do not know custom calls yet, though its whole answers do.
            ChatCompletionChunk.model_validate_json(msgspec.json.encode(one), strict=True)
    return found


def deltas(*events: Event, request: Request = ASKED) -> list[dict[str, Any]]:
    """The deltas after the one with the role, up to the finish chunk."""
    found = [one["choices"][0] for one in chunks(*events, request=request) if one["choices"]]
    assert found[0]["delta"]["role"] == "assistant"
    return [one["delta"] for one in found[1:] if one["finish_reason"] is None]


def test_text() -> None:
    found = chunks(
        Started(id="msg_1", model="claude", created=7),
        Opened(0, Text()),
        Grew(0, 'Say "hé"\n'),
        Closed(0),
        Finished(Finish("stop", "end_turn")),
    )
    head = {"id": "chatcmpl-msg_1", "object": "chat.completion.chunk", "created": 7, "model": "claude"}
    plain = {"index": 0, "logprobs": None, "finish_reason": None}
    assert found == [
        {**head, "choices": [{**plain, "delta": {"role": "assistant", "content": "", "refusal": None}}]},
        {**head, "choices": [{**plain, "delta": {"content": 'Say "hé"\n'}}]},
        {**head, "choices": [{**plain, "delta": {}, "finish_reason": "stop"}]},
    ]


def test_calls_are_numbered_from_nought_whatever_came_before() -> None:
    found = deltas(
        Opened(0, Text()),
        Grew(0, "a"),
        Closed(0),
        Opened(1, Call(id="x", name="f")),
        Grew(1, '{"a"'),
        Opened(2, Call(id="y", name="g", custom=True)),
        Grew(2, "in"),
        Grew(1, ":1}"),
        Closed(1),
        Closed(2),
        Finished(Finish("calls")),
    )
    assert [delta["tool_calls"][0] for delta in found[1:]] == [
        {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 1, "id": "y", "type": "custom", "custom": {"name": "g", "input": ""}},
        {"index": 1, "custom": {"input": "in"}},
        {"index": 0, "function": {"arguments": ":1}"}},
    ]


def test_usage_is_shown_only_when_asked_for() -> None:
    events: list[Event] = [Opened(0, Text()), Grew(0, "a"), Metered(Usage(input=9)), Finished(Finish("stop"))]
    later = Metered(Usage(input=1, cache_read=2, output=3))
    assert all("usage" not in one for one in chunks(*events, later))
    found = chunks(*events, later, request=WITH_USAGE)
    assert all(one["usage"] is None for one in found[:-1])
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["prompt_tokens"] == 3 and found[-1]["usage"]["total_tokens"] == 6


def test_an_unknown_usage_has_no_chunk() -> None:
    assert chunks(Opened(0, Text()), Finished(Finish("stop")), request=WITH_USAGE)[-1]["choices"]


def test_nothing_follows_an_error() -> None:
    data = stream(Opened(0, Text()), Grew(0, "a"), Broke(Fault("overloaded", "gone")), Broke(Fault("rate", "again")))
    last = data.split(b"\n\n")[-2]
    assert json.loads(last.removeprefix(b"data: "))["error"]["message"] == "gone"
    assert b"[DONE]" not in data and b'finish_reason":"' not in data and b"again" not in data


def test_thinking_and_its_seal() -> None:
    found = deltas(
        Opened(0, Thinking()),
        Grew(0, "h"),
        Grew(0, "m"),
        Sealed(0, SEAL),
        Closed(0),
        Opened(1, Thinking(withheld=True, seal=SEAL)),
        Closed(1),
        Finished(Finish("stop")),
    )
    assert found[:2] == [{"reasoning_content": "h"}, {"reasoning_content": "m"}]
    first, second = found[2]["reasoning_details"][0], found[3]["reasoning_details"][0]
    assert first.pop("signature").startswith("ua1.") and second.pop("data").startswith("ua1.")
    assert first == {"type": "reasoning.text", "text": "hm", "format": "uni-api-v1", "index": 0}
    assert second == {"type": "reasoning.encrypted", "format": "uni-api-v1", "index": 1}


def test_a_late_seal_follows_its_call() -> None:
    found = deltas(Opened(0, Call(id="x", name="f")), Sealed(0, SEAL), Closed(0), Finished(Finish("calls")))
    assert list(found[1]["tool_calls"][0]) == ["index", "function", "extra_content"]


def test_the_outline_rides_in_the_finish_chunk() -> None:
    found = chunks(
        Opened(0, Foreign(dialect="elsewhere", block={"type": "x"})),
        Closed(0),
        Opened(1, Text()),
        Grew(1, "a"),
        Closed(1),
        Finished(Finish("stop")),
    )
    last = found[-1]["choices"][0]
    assert last["finish_reason"] == "stop" and last["delta"]["extra_content"]["uni_api"].startswith("ua1.")


def test_sources_follow_their_text() -> None:
    link = Citation(url="https://a.example", title="A", start=0, end=1)
    found = deltas(
        Opened(0, Text()),
        Grew(0, "abc"),
        Closed(0),
        Opened(1, Text()),
        Grew(1, "d"),
        Cited(1, link),
        Cited(1, Citation(title="no link")),
        Closed(1),
        Finished(Finish("stop")),
    )
    assert found[-1]["annotations"] == [
        {
            "index": 0,
            "type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "A", "start_index": 3, "end_index": 4},
        }
    ]


def test_images_sound_and_refusals() -> None:
    found = deltas(
        Opened(0, Media(kind="image", mime="image/png", data=b"x")),
        Closed(0),
        Opened(1, Media(kind="audio", data=b"y")),
        Closed(1),
        Opened(2, Text(refusal=True)),
        Grew(2, "no"),
        Closed(2),
        Finished(Finish("refusal")),
    )
    assert found[0]["images"][0]["image_url"]["url"] == "data:image/png;base64,eA=="
    assert found[1]["audio"]["data"] == "eQ=="
    assert found[2] == {"refusal": "no"}


def test_several_choices() -> None:
    found = chunks(
        Opened(0, Text(), 0),
        Opened(1, Text(), 1),
        Grew(1, "b"),
        Grew(0, "a"),
        Closed(0),
        Closed(1),
        Finished(Finish("stop"), 0),
        Finished(Finish("length"), 1),
    )
    told = [(one["choices"][0]["index"], one["choices"][0]["delta"].get("content")) for one in found]
    assert told == [(0, ""), (1, ""), (1, "b"), (0, "a"), (0, None), (1, None)]
    assert [one["choices"][0]["finish_reason"] for one in found[-2:]] == ["stop", "length"]


def test_log_probabilities() -> None:
    found = chunks(Opened(0, Text()), Scored((Token(text="a", logprob=-0.5),)), Finished(Finish("stop")))
    assert found[1]["choices"][0]["logprobs"]["content"][0]["token"] == "a"


def test_a_client_that_speaks_of_functions_is_answered_so() -> None:
    request = read_request({"model": "m", "messages": [{"role": "user"}], "functions": [{"name": "f"}]})
    found = chunks(
        Opened(0, Call(id="x", name="f")), Grew(0, "{}"), Closed(0), Finished(Finish("calls")), request=request
    )
    told = [one["choices"][0]["delta"].get("function_call") for one in found[1:3]]
    assert told == [{"name": "f", "arguments": ""}, {"arguments": "{}"}]
    assert found[-1]["choices"][0]["finish_reason"] == "function_call"


def test_leftovers_of_this_dialect_are_told() -> None:
    found = chunks(
        Opened(0, Text()),
        Noted(Rest("openai_chat", {"message": {"channel": "final"}}), 0),
        Noted(Rest("elsewhere", {"message": {"secret": 1}}), 0),
        Noted(Rest("openai_chat", {"usage": {"cost": 3}})),
        Metered(Usage(input=1)),
        Finished(Finish("stop")),
        request=WITH_USAGE,
    )
    assert {"channel": "final"} in [one["choices"][0]["delta"] for one in found if one["choices"]]
    assert found[-1]["usage"]["cost"] == 3
    assert "secret" not in str(found)


def test_parts_that_are_left_open_are_closed_by_the_finish() -> None:
    found = deltas(Opened(0, Thinking()), Grew(0, "h"), Sealed(0, SEAL), Finished(Finish("stop")))
    assert found[-1]["reasoning_details"][0]["text"] == "h"


@pytest.mark.parametrize("events", [(), (Started(id="x"),)])
def test_an_empty_answer_is_still_a_choice(events: tuple[Event, ...]) -> None:
    found = chunks(*events)
    assert [one["choices"][0]["finish_reason"] for one in found] == [None, "stop"]


def test_a_stream_without_a_finish_gets_one() -> None:
    assert chunks(Opened(0, Call(id="x", name="f")), Closed(0))[-1]["choices"][0]["finish_reason"] == "tool_calls"


@given(laws.replies(most_choices=2))
def test_what_is_written_is_read_by_this_dialects_own_reader(reply: Reply) -> None:
    found = laws.events_of(openai_chat.reader("x"), [stream(*unfold(reply), request=WITH_USAGE)])
    laws.check_grammar(found)
    again = fold(found)
    for one, other in zip(reply.choices, again.choices, strict=True):
        for kind in (Text, Thinking):
            said = "".join(
                part.text for part in one.parts if isinstance(part, kind) and not getattr(part, "refusal", False)
            )
            heard = "".join(
                part.text for part in other.parts if isinstance(part, kind) and not getattr(part, "refusal", False)
            )
            assert said == heard or kind is Thinking
        assert [part.id for part in one.parts if isinstance(part, Call)] == [
            part.id for part in other.parts if isinstance(part, Call)
        ]
    assert again.usage == reply.usage
