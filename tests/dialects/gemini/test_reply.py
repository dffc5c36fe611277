"""Whole answers: what stands around the parts."""

import json
from typing import Any

import pytest

from uni_api.canon import Citation, Rest, Text
from uni_api.dialects import gemini
from uni_api.errors import Fault


def answer(**candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", **candidate}]}


def test_id_model_and_time() -> None:
    body = {**answer(), "responseId": "r1", "modelVersion": "m", "createTime": "2026-05-04T20:01:02.264968Z"}
    reply = gemini.read_reply(body, "r")
    assert (reply.id, reply.model, reply.created) == ("r1", "m", 1777924862)
    bare = gemini.read_reply({**answer(), "createTime": "yesterday"}, "r")
    assert (bare.id, bare.model, bare.created, bare.usage) == (None, None, None, None)


def test_what_canon_has_no_word_for_is_kept() -> None:
    body = {**answer(avgLogprobs=-0.1, safetyRatings=[]), "usageMetadata": {"trafficType": "ON_DEMAND"}}
    reply = gemini.read_reply(body, "r")
    assert reply.choices[0].rest == Rest("gemini", {"avgLogprobs": -0.1, "safetyRatings": []})
    assert reply.rest == Rest("gemini", {"usageMetadata": {"trafficType": "ON_DEMAND"}})
    assert reply.usage is None


def test_sound_is_counted_apart() -> None:
    counts = {
        "promptTokenCount": 9,
        "candidatesTokenCount": 5,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}, {"modality": "AUDIO", "tokenCount": 7}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    }
    usage = gemini.read_reply({**answer(), "usageMetadata": counts}, "r").usage
    assert usage is not None
    assert (usage.input, usage.input_audio, usage.output, usage.output_audio) == (9, 7, 5, 5)


@pytest.mark.parametrize(
    ("word", "reason", "raw"),
    [
        ("STOP", "stop", "STOP"),
        ("MAX_TOKENS", "length", "MAX_TOKENS"),
        ("RECITATION", "filter", "RECITATION"),
        ("SPII", "filter", "SPII"),
        ("UNEXPECTED_TOOL_CALL", "other", "UNEXPECTED_TOOL_CALL"),
        ("INVENTED_LATER", "other", "INVENTED_LATER"),
        (2, "length", "MAX_TOKENS"),
        (99, "other", "OTHER"),
    ],
)
def test_every_ending_has_a_reason(word: object, reason: str, raw: str) -> None:
    finish = gemini.read_reply(answer(finishReason=word), "r").choices[0].finish
    assert finish is not None
    assert (finish.reason, finish.raw) == (reason, raw)


def test_a_call_of_an_undeclared_tool_is_a_call_where_the_answer_holds_it() -> None:
    called = {"parts": [{"functionCall": {"name": "f", "args": {}}}]}
    finish = gemini.read_reply(answer(content=called, finishReason="UNEXPECTED_TOOL_CALL"), "r").choices[0].finish
    assert finish is not None
    assert (finish.reason, finish.raw) == ("calls", "UNEXPECTED_TOOL_CALL")


def test_an_answer_that_names_no_ending_has_none() -> None:
    assert gemini.read_reply(answer(finishReason=None), "r").choices[0].finish is None


def test_recited_sources() -> None:
    source = {"startIndex": 0, "endIndex": 1, "uri": "https://a.example", "license": "mit"}
    (part,) = gemini.read_reply(answer(citationMetadata={"citationSources": [source]}), "r").choices[0].parts
    assert isinstance(part, Text)
    assert part.citations == (
        Citation(url="https://a.example", start=0, end=1, rest=Rest("gemini", {"license": "mit"})),
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"candidates": []},
        {"candidates": "x"},
        {"error": {"code": 500, "message": "no"}},
        {"promptFeedback": {"blockReason": "OTHER"}},
    ],
)
def test_what_is_no_answer_is_a_fault(body: dict[str, Any]) -> None:
    with pytest.raises(Fault):
        gemini.read_reply(json.loads(json.dumps(body)), "r")
