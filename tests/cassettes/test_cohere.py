"""Cohere's own chat format through the running gateway.

Every recorded answer must say to the official OpenAI SDK what its own JSON says, and what Cohere's SDK hears; every
recorded chat request must become a body that Cohere's own request types accept, and that still says everything the
client said, or admits the loss.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import cohere
import httpx
import pytest

from tests.cassettes import clients, oracle
from tests.cassettes.records import FOLDER, Record, needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import Said, reckoned
from tests.cassettes.test_requests import Target, listening
from tests.cassettes.views import Tokens, View, Voice, differences, value_of
from tests.dialects.cohere.schema import problems
from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery, Replay
from tests.fakes.upstream import Upstream, answer
from tests.gateway import Gateway, channel, config, gateway
from uni_api.dialects.cohere import read_error

CHAT = "/v2/chat"

FINISHES = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


ERRORS = {401: "auth", 404: "not_found"}


@cache
def _all() -> tuple[Record, ...]:
    with (FOLDER / "cohere.jsonl").open(encoding="utf-8") as lines:
        return tuple(map(json.loads, lines))


@cache
def exchanges() -> tuple[Record, ...]:
    """What is in scope: the older version's chat, generation, ranking, counting and listing are not."""
    return tuple(one for one in _all() if one["path"] == CHAT and one["status"] == 200)


def messages_of(record: Record) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each message or piece of one, and what stands around it: an event's delta, or the whole answer."""
    if not record["stream"]:
        body = json.loads(record["response_body"])
        yield body["message"], body
        return
    for line in record["response_body"].splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            delta = json.loads(data).get("delta") or {}
            yield delta.get("message") or {}, delta


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def heard_directly(record: Record) -> View | str:
    """What the recorded JSON says, in the words of the OpenAI format; of a failed answer, the error's sentence."""
    voice, tokens = Voice(), None
    calls: list[dict[str, str]] = []
    for message, around in messages_of(record):
        voice.reasoning += message.get("tool_plan") or ""
        for block in listed(message.get("content")):
            voice.text += block.get("text", "")
            voice.reasoning += block.get("thinking", "")
        for call in listed(message.get("tool_calls")):
            if "id" in call:
                calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
            calls[-1]["arguments"] += call["function"]["arguments"]
        if "error" in around:
            return str(around["error"])
        if "finish_reason" in around:
            voice.finish = FINISHES[around["finish_reason"]]
            tokens = _tokens(around["usage"])
    voice.calls = [(call["name"], value_of(call["arguments"]), call["id"]) for call in calls]
    return View({0: voice}, tokens)


def _tokens(usage: dict[str, Any]) -> Tokens:
    counts = usage["tokens"]
    prompt, completion = int(counts["input_tokens"]), int(counts["output_tokens"])
    cached, reasoning = int(usage.get("cached_tokens", 0)), int(counts.get("reasoning_tokens", 0))
    return Tokens(prompt, completion, prompt + completion, cached, reasoning)


def heard_by_sdk(client: cohere.ClientV2, model: str, *, stream: bool) -> View:
    """What Cohere's own SDK makes of the answer. Its models may come without any of their fields."""
    voice, tokens, drafts = Voice(), None, list[dict[str, str]]()
    asked: dict[str, Any] = {"model": model, "messages": clients.GREETING}
    answers: list[Any] = list(client.chat_stream(**asked)) if stream else [client.chat(**asked)]
    for said in answers:
        around: Any = getattr(said, "delta", None) if stream else said
        spoken = getattr(around, "message", None)
        voice.reasoning += getattr(spoken, "tool_plan", None) or ""
        for block in listed(getattr(spoken, "content", None)):
            voice.text += getattr(block, "text", None) or ""
            voice.reasoning += getattr(block, "thinking", None) or ""
        for call in listed(getattr(spoken, "tool_calls", None)):
            if getattr(call, "id", None):
                drafts.append({"id": call.id, "name": call.function.name, "arguments": ""})
            drafts[-1]["arguments"] += call.function.arguments or ""
        if finish := getattr(around, "finish_reason", None):
            voice.finish = FINISHES.get(finish, finish)
            tokens = _tokens(around.usage.dict()) if around.usage.tokens else None
    voice.calls = [(call["name"], value_of(call["arguments"]), call["id"]) for call in drafts]
    return View({0: voice}, tokens)


def wrong_in(record: Record, seen: Any) -> Any:
    """What `seen` says otherwise than the record; nothing when both say the same."""
    wanted = heard_directly(record)
    if isinstance(wanted, str):
        return None if isinstance(seen, Exception) and wanted in str(seen) else (wanted, repr(seen))
    return differences(wanted, seen) if isinstance(seen, View) else repr(seen)


@dataclass(frozen=True)
class Stage:
    """The gateway before a replay of the recorded answers."""

    gateway: Gateway
    upstream: Replay
    records: tuple[Record, ...]

    def compare(self, cut: Cut, *, streams: bool | None = None) -> tuple[int, dict[str, Any]]:
        """How many answers were heard with their bytes cut so, and which of them say something else."""
        self.upstream.delivery = Delivery(cut=cut, framing="chunked")
        heard = oracle.hear_openai(self.records, self.gateway.base_url, self.gateway.key, streams)
        wrong = {
            self.records[number]["id"]: found
            for number, seen in heard.items()
            if (found := wrong_in(self.records[number], seen))
        }
        return len(heard), wrong


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstream = stack.enter_context(Replay(exchanges()))
        names = [f"rec-{number}" for number in range(len(exchanges()))]
        plan = config(channel("co", upstream.url + "/v1/chat", names, engine="cohere"))
        yield Stage(stack.enter_context(gateway(plan)), upstream, exchanges())


@needs_records
def test_what_is_in_scope() -> None:
    others = {"".join(one["path"].partition("/models/")[:2]) for one in _all() if one["path"] != CHAT}
    assert others == {"/v1/chat", "/v1/generate", "/v1/models/", "/v1/rerank", "/v1/tokenize", "/v2/rerank"}
    assert len(exchanges()) == sum(one["path"] == CHAT for one in _all()) >= 111


@needs_records
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_answers_say_the_same(stage: Stage, streams: bool) -> None:
    total, wrong = stage.compare(whole, streams=streams)
    print(f"cohere {'streams' if streams else 'whole'}: identical {total - len(wrong)}/{total}")
    assert total >= 27
    assert not wrong


@needs_records
def test_the_sdk_hears_what_the_gateway_is_held_to() -> None:
    """So that what answers are compared with above is not our own reading alone."""
    wrong: dict[str, Any] = {}
    failed = 0
    with Replay(exchanges()) as upstream, httpx.Client() as http:
        client = cohere.ClientV2(api_key="sk-direct", base_url=upstream.url, httpx_client=http)
        for number, record in enumerate(exchanges()):
            seen, wanted = heard_by_sdk(client, f"rec-{number}", stream=record["stream"]), heard_directly(record)
            if isinstance(wanted, str):
                failed += seen.voices[0].finish == "ERROR"
            elif found := differences(wanted, seen):
                wrong[record["id"]] = found
    print(f"cohere as its SDK hears it: {len(exchanges()) - len(wrong)}/{len(exchanges())}, {failed} failed")
    assert not wrong
    assert failed >= 1


@needs_records
def test_recorded_errors_are_told() -> None:
    with (FOLDER / "errors.jsonl").open(encoding="utf-8") as lines:
        told = tuple(one for one in map(json.loads, lines) if one["provider"] == "cohere")
    names = [f"rec-{number}" for number in range(len(told))]
    assert len(told) >= 4
    with Replay(told) as upstream, gateway(config(channel("co", upstream.url, names, engine="cohere"))) as running:
        for stream in (False, True):
            for number, record in enumerate(told):
                asked = {"model": f"rec-{number}", "messages": clients.GREETING, "stream": stream}
                reply = running.post(json.dumps(asked).encode())
                fault = read_error(record["status"], record["response_body"].encode())
                assert (fault.kind, reply.status) == (ERRORS[record["status"]], record["status"])
                assert fault.message == json.loads(record["response_body"])["message"]
                beginning = fault.message.partition("*")[0]
                assert reply.json()["error"]["message"].startswith(beginning)


CUTS = {
    "inside characters and line ends": awkwardly,
    "every 7 bytes": every(7),
    "at random": randomly(5),
}


@needs_records
@pytest.mark.parametrize("name", CUTS)
def test_streams_say_the_same_however_they_are_cut(stage: Stage, name: str) -> None:
    total, wrong = stage.compare(CUTS[name], streams=True)
    print(f"cohere {name}: identical {total - len(wrong)}/{total}")
    assert total >= 27
    assert not wrong


_ANSWERED = {
    "id": "c-1",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
    "finish_reason": "COMPLETE",
    "usage": {"tokens": {"input_tokens": 1, "output_tokens": 1}},
}
_EVENTS = (
    {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi."}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _ANSWERED["usage"]}},
)


def _streamed(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events)


_STREAMED = answer(_streamed(*_EVENTS) + b"data: [DONE]\n\n", kind="text/event-stream")

TARGETS = {
    name: Target(name, "/v1/chat", "cohere", answer(_ANSWERED), _STREAMED, problems)
    for name in ("command-a-03-2025", "command-a-reasoning-08-2025")
}

KNOBS: Mapping[str, tuple[str, ...]] = {
    "top_p": ("p",),
    "top_k": ("k",),
    "max_completion_tokens": ("max_tokens",),
    "reasoning_effort": ("thinking", "reasoning"),
    "response_format": ("response_format", "shape"),
    "parallel_tool_calls": ("parallel",),
}
"""Where a knob may be found again, where that is not under its own name: in the body, or in the ledger."""


def _arguments(received: Any) -> list[Any]:
    """The arguments of all calls as values: as text they are spelt as the client spelt them."""
    calls = [call for message in received["messages"] for call in message.get("tool_calls", ())]
    return [value_of(call["function"]["arguments"]) for call in calls]


def unsaid(body: dict[str, Any], received: Any, losses: str) -> tuple[int, int, list[str]]:
    """How many things the client said, how many of them `received` holds, and what is neither held nor lost."""
    said = Said([received, _arguments(received)])
    return reckoned(body, said, losses, KNOBS)


def judge(target: Target, requests: Mapping[str, dict[str, Any]]) -> tuple[int, int, dict[str, list[str]]]:
    total = held = 0
    wrong: dict[str, list[str]] = {}
    with listening(target, [bool(body.get("stream")) for body in requests.values()]) as (running, upstream):
        for number, (name, body) in enumerate(requests.items()):
            reply = running.post(json.dumps(body | {"model": f"rec-{number}"}).encode())
            assert reply.status == 200, (name, reply.body)
            assert upstream.received[-1].path == CHAT
            received = json.loads(upstream.received[-1].body)
            said, kept, found = unsaid(body, received, reply.headers.get("x-uni-api-losses", ""))
            total, held = total + said, held + kept
            if found := found + target.problems(received):
                wrong[name] = found
    return total, held, wrong


@needs_records
@pytest.mark.parametrize("name", TARGETS)
def test_recorded_chat_requests_translate(name: str) -> None:
    requests = {
        record["id"]: record["request_json"]
        for record in records("openai-chat")
        if isinstance(record["request_json"], dict) and isinstance(record["request_json"].get("messages"), list)
    }
    total, held, wrong = judge(TARGETS[name], requests)
    print(f"{name}: {len(requests) - len(wrong)}/{len(requests)} legal and whole; {held}/{total} held")
    assert not wrong
    assert held >= 0.98 * total


@pytest.mark.parametrize("name", TARGETS)
def test_rich_requests_translate(name: str) -> None:
    total, held, wrong = judge(TARGETS[name], RICH)
    print(f"{name}: rich requests, {held}/{total} held")
    assert not wrong


SOURCE = {"type": "document", "id": "d", "document": {"id": "d", "title": "Facts", "url": "https://example.com/f"}}


def test_plans_and_thoughts_come_back_to_their_host() -> None:
    """A client that sends the assistant's message back as it got it."""
    message = {
        "role": "assistant",
        "tool_plan": "I look it up.",
        "content": [{"type": "thinking", "thinking": "Oslo, then."}, {"type": "text", "text": "One moment."}],
        "tool_calls": [{"id": "f_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}}],
        "citations": [{"start": 0, "end": 3, "text": "One", "sources": [SOURCE], "content_index": 1}],
    }
    called = _ANSWERED | {"message": message, "finish_reason": "TOOL_CALL"}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with (
        Upstream({"*": answer(called)}) as upstream,
        gateway(config(channel("co", upstream.url, ["command-a-plus"], engine="cohere"))) as on,
    ):
        asked: dict[str, Any] = {"model": "command-a-plus", "messages": clients.GREETING, "tools": [tool]}
        echoed = on.post(json.dumps(asked).encode()).json()["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": "f_1", "content": "rain"}
        on.post(json.dumps(asked | {"messages": [*clients.GREETING, echoed, result]}).encode())
        sent = json.loads(upstream.received[-1].body)["messages"]
    assert sent[1] == message
    assert sent[2] == {"role": "tool", "tool_call_id": "f_1", "content": "rain"}


def test_an_answer_that_fails_after_content_is_told_in_the_stream() -> None:
    failed = {"finish_reason": "ERROR", "usage": {}, "error": "invalid tool generation", "error_type": "INVALID"}
    script = answer(_streamed(*_EVENTS[:-1], {"type": "message-end", "delta": failed}), kind="text/event-stream")
    with Upstream({"*": script}) as upstream, gateway(config(channel("c", upstream.url, ["m"], engine="cohere"))) as on:
        reply = on.post(json.dumps({"model": "m", "stream": True, "messages": clients.GREETING}).encode())
    assert reply.status == 200
    events = [line for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    assert '"content":"Hi."' in reply.body.decode()
    assert json.loads(events[-1].removeprefix("data: "))["error"]["message"] == "invalid tool generation"


def test_an_error_before_content_is_an_error_answer() -> None:
    script = answer({"id": "x", "message": "model 'm' not found, make sure the correct model ID was used"}, 404)
    with Upstream({"*": script}) as upstream, gateway(config(channel("c", upstream.url, ["m"], engine="cohere"))) as on:
        reply = on.post(json.dumps({"model": "m", "stream": True, "messages": clients.GREETING}).encode())
    assert (reply.status, reply.json()["error"]["code"]) == (404, "model_not_found")
