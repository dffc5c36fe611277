"""Streams: the goldens, the laws over recorded answers, and what breaks."""

import json
import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import laws
from tests.dialects.gemini.records import ROOT, Record, answers, chunks, load
from uni_api.canon import (
    Broke,
    Call,
    Event,
    Finished,
    Foreign,
    Losses,
    Media,
    Opened,
    Part,
    Reply,
    Request,
    Result,
    Text,
    Thinking,
    Turn,
    fold,
)
from uni_api.dialects import gemini
from uni_api.errors import Fault
from uni_api.framing import Frame

GOLDEN = ROOT / "tests" / "golden" / "gemini"
CASES = sorted(path for path in GOLDEN.iterdir() if path.is_dir())


def events(data: bytes, cuts: Iterable[int] = ()) -> list[Event]:
    """The events of a whole stream, its bytes cut at `cuts`."""
    edges = [0, *sorted(cuts), len(data)]
    return laws.events_of(gemini.reader("realm"), [data[start:end] for start, end in pairwise(edges)])


def said(chunk: object, *more: object) -> list[Event]:
    """The events of chunks given as values, without the end of the stream."""
    reader = gemini.reader("realm")
    return [event for each in (chunk, *more) for event in reader.feed(Frame(json.dumps(each).encode()))]


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, "finishReason": finish, **more}]}


def plain(part: Part) -> dict[str, Any]:
    """A part in the words of canon.json."""
    out: dict[str, Any]
    match part:
        case Text():
            out = {"text": part.text}
            fields = ("url", "title", "quote", "start", "end")
            if part.citations:
                out["citations"] = [
                    {name: value for name in fields if (value := getattr(citation, name)) is not None}
                    for citation in part.citations
                ]
        case Thinking():
            out = {"thinking": part.text}
        case Call():
            out = {"call": part.name, "arguments": part.arguments}
        case Media():
            out = {"media": part.mime}
        case Foreign():
            return {"foreign": part.block}
        case Result():
            raise AssertionError("a model gives no results")
    if part.seal is not None:
        assert part.seal.realm == "realm"
        out["seal"] = part.seal.token
    return out


def summary(reply: Reply) -> dict[str, Any]:
    (choice,) = reply.choices
    assert choice.finish is not None
    assert reply.usage is not None
    return {
        "parts": [plain(part) for part in choice.parts],
        "finish": {"reason": choice.finish.reason, "raw": choice.finish.raw, "detail": choice.finish.detail},
        "usage": {name: getattr(reply.usage, name) for name in ("input", "cache_read", "output", "reasoning")},
    }


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_goldens(case: Path) -> None:
    """Law 4: the body, the stream and the stream cut anywhere say the same."""
    expected = json.loads((case / "canon.json").read_text())
    batch = stream = None
    if (case / "reply.json").exists():
        batch = gemini.read_reply(json.loads((case / "reply.json").read_text()), "realm")
        assert summary(batch) == expected
    if (case / "stream.txt").exists():
        stream = laws.check_splits(lambda: gemini.reader("realm"), (case / "stream.txt").read_bytes())
        laws.check_grammar(stream)
        assert summary(fold(stream)) == expected
    if batch is not None and stream is not None:
        laws.check_stream_is_batch(stream, batch)


@pytest.mark.parametrize("case", [case for case in CASES if (case / "reply.json").exists()], ids=lambda path: path.name)
def test_law_3_a_reply_sent_back_gives_the_provider_its_own_parts(case: Path) -> None:
    wire = json.loads((case / "reply.json").read_text())
    (choice,) = gemini.read_reply(wire, "realm").choices
    turns = (Turn(role="user", parts=(Text(text="?"),)), Turn(role="assistant", parts=choice.parts))
    body = gemini.write_request(Request(model="gemini-2.5-flash", turns=turns), Losses())
    sent = body["contents"][1]["parts"] if choice.parts else []
    for part in (*sent, *wire["candidates"][0]["content"]["parts"]):
        if "functionCall" in part:
            part["functionCall"].setdefault("args", {})
            part["functionCall"].pop("id", None)
    assert sent == wire["candidates"][0]["content"]["parts"]


def test_ids_are_minted_apart_and_the_same_again() -> None:
    data = (GOLDEN / "tool_parallel" / "stream.txt").read_bytes()
    first, second = (
        [part.id for part in fold(events(data)).choices[0].parts if isinstance(part, Call)] for _ in range(2)
    )
    assert first == second
    assert first[0] == "own-1"
    assert len(set(first)) == 3
    other = fold(events(data.replace(b"r-1", b"r-2"))).choices[0].parts[1]
    assert isinstance(other, Call)
    assert other.id not in first


def test_text_goes_on_until_a_signature_ends_it() -> None:
    stream = said(
        chunk({"text": "a"}),
        chunk({"text": "b", "thoughtSignature": "cw=="}),
        chunk({"text": "c"}),
        chunk({"text": "", "thoughtSignature": "dA=="}),
        chunk({"text": "", "thoughtSignature": "dQ=="}),
        chunk({"text": "d"}),
        chunk({}, {"text": ""}, {"thought": True}),
    )
    parts = [plain(part) for part in fold(stream).choices[0].parts]
    assert parts == [
        {"text": "ab", "seal": "cw=="},
        {"text": "c"},
        {"text": "", "seal": "dA=="},
        {"text": "", "seal": "dQ=="},
        {"text": "d"},
    ]


def test_a_call_in_pieces_that_is_cut_off_is_said_as_far_as_it_came() -> None:
    pieces = (
        {"name": "f", "willContinue": True, "args": {"a": 1}},
        {"partialArgs": [{"jsonPath": "$.b[x]", "stringValue": "?"}, {"jsonPath": "$['c']"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a.b", "numberValue": 2}, {"jsonPath": "$[0]"}], "willContinue": True},
        {"name": "g", "willContinue": True},
    )
    stream = said(*(chunk({"functionCall": piece}) for piece in pieces))
    assert [plain(part) for part in fold(stream).choices[0].parts] == [
        {"call": "f", "arguments": '{"a":1,"b":"?","c":null}'}
    ]
    data = b"".join(b"data: " + json.dumps(chunk({"functionCall": piece})).encode() + b"\n\n" for piece in pieces)
    calls = [event.part for event in events(data) if isinstance(event, Opened)]
    assert [call.name for call in calls if isinstance(call, Call)] == ["f", "g"]


def test_several_candidates_have_parts_of_their_own() -> None:
    stream = events(
        b'data: {"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]}},'
        b'{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}\n\n'
        b'data: {"candidates":[{"index":0,"content":{"parts":[{"text":"c"}]},"finishReason":"OTHER"}]}\n\n'
    )
    reply = fold(stream)
    assert [[plain(part) for part in choice.parts] for choice in reply.choices] == [[{"text": "ac"}], [{"text": "b"}]]
    assert [choice.finish and choice.finish.reason for choice in reply.choices] == ["other", "stop"]


def test_log_probabilities() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "tokenId": 1, "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e", "logProbability": -1}]}
        ],
    }
    (choice,) = fold(said(chunk({"text": "é"}, logprobsResult=result))).choices
    (token,) = choice.logprobs
    assert (token.text, token.logprob, token.bytes) == ("é", -0.5, (195, 169))
    assert [(rival.text, rival.logprob) for rival in token.top] == [("é", -0.5), ("e", -1.0)]


def test_a_blocked_prompt_is_a_fault_with_its_reason() -> None:
    (broke,) = said({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}})
    assert isinstance(broke, Broke)
    assert (broke.fault.kind, broke.fault.code) == ("filtered", "PROHIBITED_CONTENT")
    assert "PROHIBITED_CONTENT" in broke.fault.message
    with pytest.raises(Fault, match="SAFETY"):
        gemini.read_reply({"promptFeedback": {"blockReason": "SAFETY"}}, "r")


def test_a_block_after_content_ends_the_answer() -> None:
    reader = gemini.reader("r")
    stream = list(reader.feed(Frame(json.dumps(chunk({"text": "a"})).encode())))
    stream += reader.feed(Frame(b'{"promptFeedback":{"blockReason":"SAFETY"}}'))
    stream += reader.close()
    finish = fold(stream).choices[0].finish
    assert finish is not None
    assert (finish.reason, finish.raw) == ("filter", "SAFETY")


def test_an_error_inside_the_stream_breaks_it() -> None:
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}}
    reader = gemini.reader("r")
    reader.feed(Frame(json.dumps(chunk({"text": "a"})).encode()))
    (broke,) = reader.feed(Frame(json.dumps(error).encode()))
    assert isinstance(broke, Broke)
    assert (broke.fault.kind, broke.fault.status) == ("overloaded", 503)
    assert reader.feed(Frame(b"{}")) == []
    assert reader.close() == []
    with pytest.raises(Fault, match="overloaded"):
        gemini.read_reply(error, "r")


@pytest.mark.parametrize("data", [b"{", b"null", b'"x"', b"[1]", b"\xff", b"[" * 5000])
def test_a_frame_of_another_kind_breaks_the_stream(data: bytes) -> None:
    (broke,) = gemini.reader("r").feed(Frame(data))
    assert isinstance(broke, Broke)
    assert broke.fault.kind == "protocol"


def test_an_end_before_the_end_is_told() -> None:
    (broke,) = gemini.reader("r").close()
    assert isinstance(broke, Broke)
    stream = events(b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n')
    assert isinstance(stream[-1], Broke)
    assert not any(isinstance(event, Finished) for event in stream)
    with pytest.raises(Fault):
        gemini.read_reply({"candidates": []}, "r")


def test_marks_of_other_framings_are_tolerated() -> None:
    frames = [b"[" + json.dumps(chunk({"text": "a"})).encode() + b"]", b"[DONE]", b""]
    reader = gemini.reader("r")
    assert len([event for frame in frames for event in reader.feed(Frame(frame))]) == 3


WORDS = (
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "id",
    "willContinue",
    "partialArgs",
    "jsonPath",
    "stringValue",
    "inlineData",
    "data",
    "mimeType",
    "index",
    "finishReason",
    "groundingMetadata",
    "groundingSupports",
    "groundingChunks",
    "segment",
    "startIndex",
    "endIndex",
    "groundingChunkIndices",
    "web",
    "uri",
    "usageMetadata",
    "promptTokenCount",
    "promptTokensDetails",
    "logprobsResult",
    "chosenCandidates",
    "token",
    "promptFeedback",
    "blockReason",
    "createTime",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
wild = st.fixed_dictionaries(
    {
        "candidates": st.lists(
            st.fixed_dictionaries({"content": st.fixed_dictionaries({"parts": st.lists(json_values, max_size=4)})})
            | json_values,
            max_size=3,
        )
    }
)


@given(st.lists(json_values | wild, max_size=3))
def test_no_json_raises(values: list[Any]) -> None:
    reader = gemini.reader("r")
    for value in values:
        reader.feed(Frame(json.dumps(value).encode()))
    reader.close()


def direct(record: Record) -> dict[str, Any]:
    """What a direct parse of a recorded answer sees in its first candidate."""
    view: dict[str, Any] = {"text": "", "thinking": "", "calls": [], "finish": None, "usage": None}
    for each in chunks(record):
        for candidate in each.get("candidates", [])[:1]:
            for part in candidate.get("content", {}).get("parts", []):
                if "text" in part:
                    view["thinking" if part.get("thought") else "text"] += part["text"]
                if "functionCall" in part:
                    view["calls"].append((part["functionCall"].get("name"), part["functionCall"].get("args") or {}))
            view["finish"] = candidate.get("finishReason") or view["finish"]
        counts = each.get("usageMetadata", {})
        if "totalTokenCount" in counts or "thoughtsTokenCount" in counts:
            tools = counts.get("toolUsePromptTokenCount", 0)
            thoughts = counts.get("thoughtsTokenCount", 0)
            view["usage"] = (
                counts.get("promptTokenCount", 0) + tools,
                counts.get("candidatesTokenCount", 0) + thoughts,
                thoughts,
                counts.get("cachedContentTokenCount", 0),
            )
    view["finish"] = {1: "STOP"}.get(view["finish"], view["finish"])
    return view


def through_canon(reply: Reply) -> dict[str, Any]:
    parts = reply.choices[0].parts
    finish, usage = reply.choices[0].finish, reply.usage
    return {
        "text": "".join(part.text for part in parts if isinstance(part, Text)),
        "thinking": "".join(part.text for part in parts if isinstance(part, Thinking)),
        "calls": [(part.name, json.loads(part.arguments)) for part in parts if isinstance(part, Call)],
        "finish": finish and finish.raw,
        "usage": usage and (usage.prompt, usage.output, usage.reasoning, usage.cache_read),
    }


def test_recorded_answers_say_what_a_direct_parse_sees() -> None:
    records = answers(stream=False)
    for record in records:
        reply = gemini.read_reply(json.loads(record["response_body"]), "realm")
        assert through_canon(reply) == direct(record), record["id"]
    assert len(records) > 200


def test_recorded_streams_say_what_a_direct_parse_sees_at_any_split() -> None:
    dice = random.Random(7)
    records = answers(stream=True)
    for record in records:
        data = record["response_body"].encode()
        stream = events(data)
        laws.check_grammar(stream)
        expected = direct(record)
        if "partialArgs" in record["response_body"]:
            expected["calls"] = through_canon(fold(stream))["calls"]
        assert through_canon(fold(stream)) == expected, record["id"]
        for _ in range(3):
            assert events(data, [dice.randrange(len(data)) for _ in range(5)]) == stream
    assert len(records) > 100


def test_recorded_answers_of_the_sister_platform() -> None:
    """Vertex AI speaks the same dialect; older relays frame a stream as one JSON list."""
    seen = 0
    for record in (*load("vertex"), *load("gemini")):
        framing = record.get("stream_format")
        if record["endpoint"] not in ("generateContent", "streamGenerateContent"):
            continue
        if framing != "json-array" and record["family"] == "gemini":
            continue
        body = record["response_body"]
        if framing == "json-array":
            whole = b"data: " + json.dumps(json.loads(body)).encode() + b"\n\n"
            reply = fold(events(whole))
            body = "".join(f"data: {json.dumps(each)}\n\n" for each in json.loads(body))
        elif record["stream"]:
            reply = fold(events(body.encode()))
        else:
            reply = gemini.read_reply(json.loads(body), "realm")
        expected = direct({**record, "response_body": body})
        if "partialArgs" in body:
            expected["calls"] = through_canon(reply)["calls"]
        assert through_canon(reply) == expected, record["id"]
        seen += 1
    assert seen > 150


def test_recorded_signatures_go_back_byte_for_byte() -> None:
    """Law 3 over every recorded answer that bears one, with the answer's own order and neighbours."""
    seen = 0
    for record in answers(stream=False):
        wire = json.loads(record["response_body"])["candidates"][0].get("content", {}).get("parts", [])
        signatures = [part["thoughtSignature"] for part in wire if "thoughtSignature" in part]
        if not signatures:
            continue
        parts = gemini.read_reply(json.loads(record["response_body"]), "realm").choices[0].parts
        turns = (Turn(role="user", parts=(Text(text="?"),)), Turn(role="assistant", parts=parts))
        body = gemini.write_request(Request(model="gemini-3-flash-preview", turns=turns), Losses())
        sent = body["contents"][1]["parts"]
        assert [part["thoughtSignature"] for part in sent if "thoughtSignature" in part] == signatures
        for part in sent:
            types.Part.model_validate(part)
        seen += 1
    assert seen > 50
