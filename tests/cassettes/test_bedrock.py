"""Recorded Converse answers, whole and streamed, against what the vendor's own SDK parses from the same bytes."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.eventstream import EventStream  # type: ignore[import-untyped]
from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.model import ServiceModel  # type: ignore[import-untyped]
from botocore.parsers import EventStreamJSONParser, create_parser  # type: ignore[import-untyped]
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.cassettes import oracle
from tests.cassettes.records import FOLDER, Record, needs_records
from tests.cassettes.views import Tokens, View, Voice, differences, of_chunks, of_completion
from tests.dialects.laws import check_grammar
from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery, Replay, body
from tests.gateway import Gateway, channel, config, gateway
from uni_api.canon import Event, Request
from uni_api.dialects import converse, openai_chat
from uni_api.framing import EventStreamDecoder, SseDecoder

pytestmark = needs_records

ASKED = Request(model="m", turns=(), stream=True, usage_in_stream=True)

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
}


@cache
def recorded(endpoint: str) -> tuple[Record, ...]:
    if not FOLDER.is_dir():
        return ()
    with (FOLDER / "bedrock.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return tuple(one for one in records if one["endpoint"] == endpoint and one["status"] == 200)


CONVERSE = (*recorded("converse"), *recorded("converse-stream"))


@cache
def _operation(name: str) -> Any:
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2")).operation_model(name)


# --- what the SDK hears -----------------------------------------------------------------------------------------------


def parsed_whole(raw: bytes) -> View:
    response = {"status_code": 200, "headers": {}, "body": _without_tags(raw)}
    answer = create_parser("rest-json").parse(response, _operation("Converse").output_shape)
    voice = Voice(finish=_FINISH[answer["stopReason"]])
    for block in answer["output"]["message"]["content"]:
        match block:
            case {"text": text} | {"citationsContent": {"content": [{"text": text}]}}:
                voice.text += text
            case {"reasoningContent": {"reasoningText": {"text": text}}}:
                voice.reasoning += text
            case {"toolUse": use} if use.get("type") != "server_tool_use":
                voice.calls.append((use["name"], use["input"], use["toolUseId"]))
    return View({0: voice}, _tokens(answer["usage"]))


def _without_tags(raw: bytes) -> bytes:
    """A few answers were made up by hand, with a `type` beside a block's one field, which the SDK does not read."""
    answer = json.loads(raw)
    for block in answer["output"]["message"]["content"]:
        block.pop("type", None)
    return json.dumps(answer).encode()


class _Body:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def stream(self) -> Iterator[bytes]:
        yield self._raw

    def close(self) -> None: ...


def parsed_stream(raw: bytes) -> View:
    shape = _operation("ConverseStream").output_shape.members["stream"]
    voice = Voice()
    usage: Any = None
    calls: dict[int, tuple[str, list[str], str]] = {}
    for event in EventStream(_Body(raw), shape, EventStreamJSONParser(), "ConverseStream"):
        match event:
            case {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": place}}:
                if use.get("type") != "server_tool_use":
                    calls[place] = (use["name"], [], use["toolUseId"])
            case {"contentBlockDelta": {"delta": delta, "contentBlockIndex": place}}:
                voice.text += delta.get("text", "")
                voice.reasoning += delta.get("reasoningContent", {}).get("text", "")
                if place in calls:
                    calls[place][1].append(delta.get("toolUse", {}).get("input", ""))
            case {"messageStop": {"stopReason": word}}:
                voice.finish = _FINISH[word]
            case {"metadata": metadata}:
                usage = metadata["usage"]
    voice.calls = [(name, json.loads("".join(pieces) or "{}"), id) for name, pieces, id in calls.values()]
    return View({0: voice}, _tokens(usage))


def invoked_events(raw: bytes) -> list[bytes]:
    """The events of a model's own stream that InvokeModel wrapped."""
    shape = _operation("InvokeModelWithResponseStream").output_shape.members["body"]
    stream = EventStream(_Body(raw), shape, EventStreamJSONParser(), "InvokeModelWithResponseStream")
    return [event["chunk"]["bytes"] for event in stream]


def _tokens(usage: Any) -> Tokens:
    cached = usage.get("cacheReadInputTokens", 0)
    prompt = usage["inputTokens"] + cached + usage.get("cacheWriteInputTokens", 0)
    return Tokens(prompt, usage["outputTokens"], usage["totalTokens"], cached)


# --- what a client is told --------------------------------------------------------------------------------------------


def told_whole(raw: bytes) -> View:
    reply = converse.read_reply(json.loads(raw), "home")
    answer = openai_chat.write_reply(reply, ASKED)
    return of_completion(ChatCompletion.model_validate(answer | {"id": "x", "model": "m", "created": 1}))


def events(raw: bytes, cut: Cut = whole) -> list[Event]:
    decoder, reader = EventStreamDecoder(), converse.reader("home")
    frames = [frame for piece in cut(raw) for frame in decoder.feed(piece)]
    said = [event for frame in [*frames, *decoder.close()] for event in reader.feed(frame)]
    return [*said, *reader.close()]


def told_stream(raw: bytes) -> View:
    writer, frames = openai_chat.writer(ASKED), SseDecoder()
    sent = b"".join(writer.feed(event) for event in events(raw)) + writer.close()
    datas = [frame.data for frame in frames.feed(sent)]
    assert datas.pop() == b"[DONE]"
    return of_chunks(
        ChatCompletionChunk.model_validate(json.loads(data) | {"id": "x", "model": "m", "created": 1}) for data in datas
    )


# --- the suites -------------------------------------------------------------------------------------------------------


def _judge(how: str, total: int, wrong: dict[str, Any]) -> None:
    print(f"bedrock, {how}: identical {total - len(wrong)}/{total}")
    assert not wrong, "\n".join(f"{id}: {str(found)[:700]}" for id, found in list(wrong.items())[:12])


def test_whole_answers_say_the_same() -> None:
    chosen = recorded("converse")
    assert len(chosen) > 200
    compared = {one["id"]: differences(parsed_whole(body(one)), told_whole(body(one))) for one in chosen}
    _judge("whole answers", len(chosen), {id: found for id, found in compared.items() if found})


def test_streams_say_the_same() -> None:
    chosen = recorded("converse-stream")
    assert len(chosen) > 40
    compared = {one["id"]: differences(parsed_stream(body(one)), told_stream(body(one))) for one in chosen}
    _judge("streams", len(chosen), {id: found for id, found in compared.items() if found})


CUTS = {"byte by byte": every(1), "every 7 bytes": every(7), "in awkward places": awkwardly, "at random": randomly(5)}


@pytest.mark.parametrize("name", CUTS)
def test_streams_do_not_depend_on_the_cut(name: str) -> None:
    chosen = recorded("converse-stream")
    wrong = {one["id"]: "differs" for one in chosen if events(body(one), CUTS[name]) != events(body(one))}
    _judge(name, len(chosen), wrong)


def test_streams_keep_the_grammar() -> None:
    for one in recorded("converse-stream"):
        check_grammar(events(body(one)))


def test_blobs_of_streams_are_the_sdks() -> None:
    """Messages of InvokeModel's streams as well: their payload is what the SDK decodes."""
    chosen = recorded("invoke-stream")
    assert len(chosen) > 30
    for one in chosen:
        wanted = invoked_events(body(one))
        decoder = EventStreamDecoder()
        frames = [*decoder.feed(body(one)), *decoder.close()]
        assert [base64.b64decode(json.loads(frame.data)["bytes"]) for frame in frames] == wanted
        assert {frame.event for frame in frames} == {b"chunk"}


# --- the suites through a running gateway -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """The gateway before one upstream that replays every Converse record, and what the SDK hears of each."""

    upstream: Replay
    gateway: Gateway

    def wrong(self, *, streams: bool, cut: Cut = whole) -> tuple[int, dict[str, Any]]:
        self.upstream.delivery = Delivery(cut=cut)
        heard = oracle.hear_openai(CONVERSE, self.gateway.base_url, self.gateway.key, streams)
        found: dict[str, Any] = {}
        for number, seen in heard.items():
            record = CONVERSE[number]
            wanted = (parsed_stream if streams else parsed_whole)(body(record))
            different = differences(wanted, seen) if isinstance(seen, View) else repr(seen)
            if different:
                found[record["id"]] = different
        return len(heard), found


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstream = stack.enter_context(Replay(CONVERSE))
        models = [f"rec-{number}" for number in range(len(CONVERSE))]
        plan = config(channel("bedrock", upstream.url, models, engine="bedrock"))
        yield Stage(upstream, stack.enter_context(gateway(plan)))


def test_whole_answers_through_the_gateway(stage: Stage) -> None:
    _judge("whole answers through the gateway", *stage.wrong(streams=False))


@pytest.mark.parametrize("name", ["whole", "every 7 bytes", "at random"])
def test_streams_through_the_gateway(stage: Stage, name: str) -> None:
    _judge(f"streams through the gateway, {name}", *stage.wrong(streams=True, cut=CUTS.get(name, whole)))


# --- errors -----------------------------------------------------------------------------------------------------------

_KINDS = {
    "security token": "auth",
    "Input Tokens Exceeded": "too_long",
    "model identifier is invalid": "not_found",
    "doesn't support the": "bad_request",
    "Malformed input": "bad_request",
}


def test_recorded_errors() -> None:
    with (FOLDER / "errors.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    chosen = [one for one in records if one["endpoint"].startswith("converse")]
    assert len(chosen) > 5
    for one in chosen:
        fault = converse.read_error(one["status"], body(one))
        assert (fault.status, fault.message) == (one["status"], json.loads(one["response_body"])["message"])
        assert fault.kind == next(kind for words, kind in _KINDS.items() if words in fault.message)
