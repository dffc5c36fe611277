"""Ollama's own format through the running gateway.

Every recorded answer must say to the official OpenAI SDK what its own JSON says; every recorded chat request must
become a body that the API takes, and that still says everything the client said, or admits the loss.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.cassettes import clients, oracle
from tests.cassettes.records import FOLDER, Record, needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import Said, reckoned
from tests.cassettes.test_requests import Target, listening
from tests.cassettes.views import Tokens, View, Voice, differences
from tests.dialects.ollama.schema import problems
from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery, Replay
from tests.fakes.upstream import Upstream, answer
from tests.gateway import Gateway, channel, config, gateway


@cache
def exchanges() -> tuple[Record, ...]:
    with (FOLDER / "ollama.jsonl").open(encoding="utf-8") as lines:
        return tuple(one for one in map(json.loads, lines) if one["status"] == 200)


def lines_of(record: Record) -> list[dict[str, Any]]:
    body = record["response_body"]
    return [json.loads(line) for line in body.splitlines() if line.strip()] if record["stream"] else [json.loads(body)]


def heard_directly(record: Record) -> View:
    """What the recorded JSON says, in the words of the OpenAI format."""
    voice, tokens = Voice(), None
    for line in lines_of(record):
        message = line.get("message") or {"content": line["response"]}
        voice.text += message.get("content", "")
        voice.reasoning += message.get("thinking", "")
        for call in message.get("tool_calls", []):
            voice.calls.append((call["function"]["name"], call["function"]["arguments"], call.get("id", "")))
        if line["done"]:
            prompt, completion = line.get("prompt_eval_count", 0), line["eval_count"]
            tokens = Tokens(prompt, completion, prompt + completion)
            voice.finish = "length" if line["done_reason"] == "length" else "tool_calls" if voice.calls else "stop"
    return View({0: voice}, tokens)


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
        wrong: dict[str, Any] = {}
        for number, seen in heard.items():
            record = self.records[number]
            found = differences(heard_directly(record), seen) if isinstance(seen, View) else repr(seen)
            if found:
                wrong[record["id"]] = found
        return len(heard), wrong


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstream = stack.enter_context(Replay(exchanges()))
        names = [f"rec-{number}" for number in range(len(exchanges()))]
        plan = config(channel("local", upstream.url, names, engine="ollama"))
        yield Stage(stack.enter_context(gateway(plan)), upstream, exchanges())


CUTS = {
    "whole": whole,
    "inside characters and line ends": awkwardly,
    "every 7 bytes": every(7),
    "at random": randomly(5),
}


@needs_records
@pytest.mark.parametrize("name", CUTS)
def test_answers_say_the_same(stage: Stage, name: str) -> None:
    total, wrong = stage.compare(CUTS[name])
    print(f"ollama {name}: identical {total - len(wrong)}/{total}")
    assert total >= 30
    assert not wrong


@needs_records
def test_whole_answers_say_the_same_as_streams_of_one_line() -> None:
    """Which is what the API itself sends for a short answer."""
    as_streams = tuple(one | {"stream": True, "response_headers": {}} for one in exchanges() if not one["stream"])
    with Replay(as_streams) as upstream:
        names = [f"rec-{number}" for number in range(len(as_streams))]
        with gateway(config(channel("local", upstream.url, names, engine="ollama"))) as running:
            total, wrong = Stage(running, upstream, as_streams).compare(every(11))
    assert total >= 20
    assert not wrong


_ANSWERED = {
    "model": "m",
    "created_at": "2026-11-24T00:00:00Z",
    "message": {"role": "assistant", "content": "Hi."},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 1,
    "eval_count": 1,
}
_LINE = json.dumps(_ANSWERED).encode() + b"\n"
_STREAMED = answer(_LINE, kind="application/x-ndjson")

TARGETS = {
    name: Target(name, "/api/chat", "ollama", answer(_ANSWERED), _STREAMED, problems)
    for name in ("llama3.2", "gpt-oss")
}

KNOBS: Mapping[str, tuple[str, ...]] = {
    "max_tokens": ("num_predict",),
    "max_completion_tokens": ("num_predict",),
    "reasoning_effort": ("think", "reasoning"),
    "response_format": ("format", "shape"),
    "parallel_tool_calls": ("parallel",),
}
"""Where a knob may be found again, where that is not under its own name: in the body, or in the ledger."""


def unsaid(body: dict[str, Any], received: Any, losses: str) -> tuple[int, int, list[str]]:
    """How many things the client said, how many of them `received` holds, and what is neither held nor lost."""
    said = Said(received)
    return reckoned(body, said, losses, KNOBS)


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


def _offline(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with every link to an image leading nowhere, so that no test depends on the network."""
    moved: dict[str, Any] = json.loads(json.dumps(body).replace('"url": "http', '"url": "http://nowhere.invalid/'))
    return moved


@needs_records
@pytest.mark.parametrize("name", TARGETS)
def test_recorded_chat_requests_translate(name: str) -> None:
    requests = {
        record["id"]: _offline(record["request_json"])
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


def test_an_error_line_after_content_is_told_in_the_stream() -> None:
    begun = _LINE.replace(b'"done": true', b'"done": false')
    script = answer(begun + b'{"error": "the model runner has stopped"}\n', kind="application/x-ndjson")
    with Upstream({"*": script}) as upstream, gateway(config(channel("o", upstream.url, ["m"], engine="ollama"))) as on:
        reply = on.post(json.dumps({"model": "m", "stream": True, "messages": clients.GREETING}).encode())
    assert reply.status == 200
    events = [line for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    assert '"content":"Hi."' in reply.body.decode()
    assert json.loads(events[-1].removeprefix("data: "))["error"]["message"] == "the model runner has stopped"


def test_an_error_before_content_is_an_error_answer() -> None:
    script = answer({"error": 'model "m" not found, try pulling it first'}, 404)
    with Upstream({"*": script}) as upstream, gateway(config(channel("o", upstream.url, ["m"], engine="ollama"))) as on:
        reply = on.post(json.dumps({"model": "m", "stream": True, "messages": clients.GREETING}).encode())
    assert (reply.status, reply.json()["error"]["code"]) == (404, "model_not_found")
