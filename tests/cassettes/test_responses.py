"""The Responses format through the running gateway.

Every recorded answer, of OpenAI and of other hosts, must say to the official OpenAI SDK's chat client what its own JSON
says; every recorded chat request must become a body that the API's request types accept, and that still says everything
the client said, or admits the loss.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from openai import OpenAI
from openai.types.responses import response_create_params

from tests.cassettes import oracle, typed
from tests.cassettes.records import FOLDER, Record, needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import Said, reckoned
from tests.cassettes.test_requests import Target, listening
from tests.cassettes.views import Tokens, View, Voice, differences, value_of
from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery, Replay
from tests.fakes.upstream import Upstream, answer, event, stream
from tests.gateway import KEY, Gateway, channel, config, gateway

FAMILIES = ("openai-responses", "azure", "xai", "openrouter", "openai-compat")

ACCEPTED: Mapping[str, str] = {
    "openai-responses-9f94d9b3c266": "asked for in the background: the answer is not in it",
    "openai-responses-d744d9529540": "the host counted fewer than no tokens",
    "azure-e44a981d4f89": "the host answered in the chat format",
}
"""Answers that rightly say something else, or nothing, to a chat client, each with its reason."""


@cache
def exchanges() -> tuple[Record, ...]:
    found = []
    for family in FAMILIES:
        with (FOLDER / f"{family}.jsonl").open(encoding="utf-8") as lines:
            found += [json.loads(line) for line in lines]
    return tuple(
        one for one in found if one["method"] == "POST" and one["path"].endswith("/responses") and one["status"] == 200
    )


def heard_directly(record: Record) -> View:
    """What the recorded JSON says, in the words of the chat format."""
    response, items = _answer(record)
    voice = Voice()
    for item in items:
        match item["type"]:
            case "message":
                for content in item["content"]:
                    voice.text += content.get("text", "")
                    voice.refusal += content.get("refusal", "")
            case "reasoning":
                for name in ("content", "summary"):
                    voice.reasoning += "\n\n".join(piece["text"] for piece in item.get(name) or [])
            case "function_call":
                voice.calls.append((item["name"], value_of(item["arguments"]), item["call_id"]))
            case "custom_tool_call":
                voice.calls.append((item["name"], value_of(item["input"]), item["call_id"]))
            case _:
                pass
    voice.finish = "tool_calls" if voice.calls else "stop"
    if response["status"] == "incomplete":
        voice.finish = {"max_output_tokens": "length"}[response["incomplete_details"]["reason"]]
    return View({0: voice}, _tokens(response.get("usage")))


def _answer(record: Record) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The response object, and its items; a stream's items as they were done. Of several answers in one stream the
    first counts."""
    if not record["stream"]:
        response = json.loads(record["response_body"])
        return response, response["output"]
    done: dict[int, dict[str, Any]] = {}
    response = {}
    for line in record["response_body"].splitlines():
        told = json.loads(line[5:]) if line.startswith("data: {") else {}
        response = told.get("response", response)
        if told.get("type") == "response.output_item.done":
            done[told["output_index"]] = told["item"]
        if told.get("type") in ("response.completed", "response.incomplete"):
            break
    for place, item in enumerate(response["output"]):
        done.setdefault(place, item)
    return response, [done[place] for place in sorted(done)]


def _tokens(usage: Any) -> Tokens | None:
    if usage is None:
        return None
    given, taken = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return Tokens(
        usage["input_tokens"],
        usage["output_tokens"],
        usage["total_tokens"],
        given.get("cached_tokens", 0),
        taken.get("reasoning_tokens", 0),
    )


@dataclass(frozen=True)
class Stage:
    """The gateway before a replay of the recorded answers."""

    gateway: Gateway
    upstream: Replay

    def compare(self, cut: Cut, *, streams: bool | None = None) -> tuple[int, dict[str, Any]]:
        """How many answers were heard with their bytes cut so, and which of them say something else."""
        self.upstream.delivery = Delivery(cut=cut)
        heard = oracle.hear_openai(exchanges(), self.gateway.base_url, self.gateway.key, streams)
        wrong: dict[str, Any] = {}
        for number, seen in heard.items():
            record = dict(self.upstream.records[number])
            try:
                found = differences(heard_directly(record), seen) if isinstance(seen, View) else repr(seen)
            except KeyError as error:
                found = f"the record has no {error}"
            if found:
                wrong[record["id"]] = found
        return len(heard), wrong


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstream = stack.enter_context(Replay(exchanges()))
        names = [f"rec-{number}" for number in range(len(upstream.records))]
        plan = config(channel("only", f"{upstream.url}/v1/responses", names))
        yield Stage(stack.enter_context(gateway(plan)), upstream)


CUTS = {
    "whole": (whole, None),
    "inside characters and line ends": (awkwardly, True),
    "every 7 bytes": (every(7), True),
    "at random": (randomly(5), True),
}


@needs_records
@pytest.mark.parametrize("name", CUTS)
def test_answers_say_the_same(stage: Stage, name: str) -> None:
    cut, streams = CUTS[name]
    total, wrong = stage.compare(cut, streams=streams)
    print(f"responses {name}: identical {total - len(wrong)}/{total}")
    assert total >= (130 if streams else 480)
    assert not {id: found for id, found in wrong.items() if id not in ACCEPTED}


_ANSWERED: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}

TARGETS = {
    name: Target(
        name,
        "/v1/responses",
        "responses",
        answer(_ANSWERED),
        stream(event({"type": "response.completed", "response": _ANSWERED}, "response.completed")),
        lambda body: problems(body),
    )
    for name in ("gpt-4o", "gpt-5", "anything")
}


def problems(body: Any) -> list[str]:
    """What the vendor's request types say against `body`. They have a type for sound, and no message that may hold
    it."""
    silent = {**body, "input": [_without_sound(item) for item in body["input"]]}
    shape = (
        response_create_params.ResponseCreateParamsStreaming
        if body.get("stream")
        else response_create_params.ResponseCreateParamsNonStreaming
    )
    return typed._problems(silent, shape, "body")


def _without_sound(item: dict[str, Any]) -> dict[str, Any]:
    content = item.get("content")
    if not isinstance(content, list):
        return item
    return {**item, "content": [part for part in content if part["type"] != "input_audio"]}


KNOBS: Mapping[str, tuple[str, ...]] = {
    "max_tokens": ("max_output_tokens",),
    "max_completion_tokens": ("max_output_tokens",),
    "reasoning_effort": ("reasoning",),
    "response_format": ("text",),
    "logprobs": ("message.output_text.logprobs", "sampling.logprobs"),
    "parallel_tool_calls": ("parallel_tool_calls", "parallel"),
    "web_search_options": ("web_search",),
}
"""Where a knob may be found again, where that is not under its own name: in the body, or in the ledger."""

SHORTENED = "call_" + "x" * 60
"""The beginning of ids that are longer than the API takes: another stands for them in the body."""


def unsaid(body: dict[str, Any], received: Any, losses: str) -> tuple[int, int, list[str]]:
    """How many things the client said, how many of them the upstream's body holds, and what is neither held nor lost.

    Arguments travel as the text that they are; what that text says is read here.
    """
    arguments = [value_of(item["arguments"]) for item in received["input"] if "arguments" in item]
    said = Said([received, arguments])
    return reckoned(body, said, losses, KNOBS, cut=(SHORTENED,))


def judge(target: Target, requests: Mapping[str, dict[str, Any]]) -> tuple[int, int, dict[str, list[str]]]:
    total = held = 0
    wrong: dict[str, list[str]] = {}
    with listening(target, [bool(body.get("stream")) for body in requests.values()]) as (running, upstream):
        for number, (name, body) in enumerate(requests.items()):
            reply = running.post(json.dumps(body | {"model": f"rec-{number}"}).encode())
            assert reply.status == 200, (name, reply.body)
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


_SAID: list[dict[str, Any]] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "First I ponder."}],
        "encrypted_content": "first+blob/==",
    },
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "phase": "commentary",
        "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}],
    },
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "snow"}},
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "second+blob/=="},
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city":  "Umeå"}',
        "status": "completed",
    },
]
_WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def _said_in_pieces() -> Iterator[bytes]:
    """The answer as a stream: what grows comes in pieces, and every item whole when it is done."""
    for place, item in enumerate(_SAID):
        empty = {name: [] if isinstance(value, list) else value for name, value in item.items()}
        if "arguments" in item:
            empty["arguments"] = ""
        yield event({"type": "response.output_item.added", "output_index": place, "item": empty})
        at: dict[str, Any] = {"output_index": place, "content_index": 0, "summary_index": 0}
        match item:
            case {"content": [{"text": text}]}:
                part = {"type": "output_text", "text": "", "annotations": []}
                yield event({"type": "response.content_part.added", **at, "part": part})
                kind = "output_text"
            case {"summary": [{"text": text}]}:
                kind = "reasoning_summary_text"
            case {"arguments": text}:
                kind = "function_call_arguments"
            case _:
                kind, text = "", ""
        for piece in (text[:4], text[4:]):
            if piece:
                yield event({"type": f"response.{kind}.delta", **at, "delta": piece})
        yield event({"type": "response.output_item.done", "output_index": place, "item": item})
    yield event({"type": "response.completed", "response": _ANSWERED | {"output": _SAID}})


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_chat_client_gives_every_item_back(streamed: bool) -> None:
    script = stream(*_said_in_pieces()) if streamed else answer(_ANSWERED | {"output": _SAID})
    history: list[Any] = [{"role": "user", "content": "What is the weather?"}]
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream({"gpt-5": [script, answer(_ANSWERED)], "other": answer(_ANSWERED)}))
        elsewhere = upstream.url.replace("127.0.0.1", "localhost")
        plan = {
            "providers": [
                channel("home", f"{upstream.url}/v1/responses", ["gpt-5"]),
                channel("elsewhere", f"{elsewhere}/v1/responses", ["other"]),
            ],
            "api_keys": [{"api": KEY, "model": ["all"]}],
        }
        running = stack.enter_context(gateway(plan))
        client = stack.enter_context(OpenAI(base_url=running.base_url, api_key=KEY, max_retries=0, timeout=20))
        asked: dict[str, Any] = {"model": "gpt-5", "messages": history, "tools": [_WEATHER]}
        if streamed:
            with client.chat.completions.stream(**asked) as chunks:
                message = chunks.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**asked).choices[0].message
        assert (message.content, message.tool_calls and message.tool_calls[0].id) == ("Let me look.", "call_1")
        history += [message.to_dict(exclude_none=True), {"role": "tool", "tool_call_id": "call_1", "content": "Snow."}]
        received = {}
        for model in ("gpt-5", "other"):
            client.chat.completions.create(**asked | {"model": model})
            received[model] = json.loads(upstream.received[-1].body)
    bare = {name: value for name, value in _SAID[4].items() if name not in ("id", "status")}
    spoken = {"role": "assistant", "content": "Let me look.", "phase": "commentary"}
    given = [
        _SAID[0],
        spoken,
        *_SAID[2:4],
        bare,
        {"type": "function_call_output", "call_id": "call_1", "output": "Snow."},
    ]
    assert received["gpt-5"]["input"][1:] == given
    assert received["gpt-5"]["include"] == ["reasoning.encrypted_content"]
    assert received["gpt-5"]["store"] is False
    assert "blob" not in json.dumps(received["other"])
