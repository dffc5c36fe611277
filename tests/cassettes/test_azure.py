"""Azure OpenAI and Foundry through the running gateway, each recorded answer at an address of its own shape.

Chat answers must come out field by field as they come without a gateway, and every request must reach the place, the
version and the header that the recorded one had. Answers in the Responses format must say what their own JSON says.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.cassettes import clients, oracle
from tests.cassettes import test_responses as responses
from tests.cassettes.records import FOLDER, Record, needs_records
from tests.cassettes.views import View, differences
from tests.fakes.cuts import Cut, awkwardly, every, whole
from tests.fakes.replay import Delivery, Replay
from tests.fakes.upstream import Upstream, answer, event, stream
from tests.gateway import Gateway, channel, config, gateway

SHAPES: Mapping[str, str] = {
    "deployments": "?api-version={version}",
    "v1": "/openai/v1",
    "foundry": "/models?api-version={version}",
}
"""What is written after the host in `base_url`, for each shape that was recorded."""

ACCEPTED: Mapping[str, str] = {
    "azure-cbbf1e98e57b": "an error in a 200: the SDK shows a completion without choices, the gateway the error itself",
}
"""Differences that are right, by record id, each with its reason."""


@cache
def recorded(endpoint: str) -> tuple[Record, ...]:
    with (FOLDER / "azure.jsonl").open(encoding="utf-8") as lines:
        every_one = tuple(map(json.loads, lines))
    return tuple(one for one in every_one if one["endpoint"] == endpoint and one["status"] == 200)


def exchanges() -> tuple[Record, ...]:
    return recorded("chat.completions")


def shape(record: Record) -> str:
    path = record["path"]
    return "foundry" if path.startswith("/models") else "v1" if "/openai/v1/" in path else "deployments"


def version(record: Record) -> str:
    return str(record["query"]).partition("api-version=")[2]


@dataclass(frozen=True)
class Stage:
    gateway: Gateway
    upstream: Replay


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The gateway with a channel for each shape and version."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Replay(exchanges()))
        models: dict[str, list[str]] = {}
        for number, record in enumerate(exchanges()):
            base_url = upstream.url + SHAPES[shape(record)].format(version=version(record))
            models.setdefault(base_url, []).append(f"rec-{number}")
        channels = [
            channel(f"azure-{place}", base_url, names, engine="azure")
            for place, (base_url, names) in enumerate(models.items())
        ]
        yield Stage(stack.enter_context(gateway(config(*channels))), upstream)


@needs_records
@pytest.mark.parametrize("cut", [whole, awkwardly, every(7)], ids=["whole", "inside characters", "every 7 bytes"])
def test_chat_answers_come_out_as_they_are(stage: Stage, cut: Cut) -> None:
    direct = oracle.dump_openai(exchanges(), f"{stage.upstream.url}/v1", "sk-direct")
    stage.upstream.delivery = Delivery(cut=cut)
    seen = oracle.dump_openai(exchanges(), stage.gateway.base_url, stage.gateway.key)
    wrong = {
        exchanges()[number]["id"]: repr(seen[number])[:500]
        for number, expected in direct.items()
        if isinstance(expected, Exception) or seen[number] != expected
    }
    print(f"azure: identical {len(direct) - len(wrong)}/{len(direct)}")
    assert len(direct) >= 100
    assert not {key: value for key, value in wrong.items() if key not in ACCEPTED}


@needs_records
def test_every_request_reaches_the_place_of_the_recorded_one(stage: Stage) -> None:
    del stage.upstream.received[:]
    oracle.dump_openai(exchanges(), stage.gateway.base_url, stage.gateway.key)
    assert len(stage.upstream.received) == len(exchanges())
    for request in stage.upstream.received:
        name = json.loads(request.body)["model"]
        record = exchanges()[int(name.removeprefix("rec-"))]
        *_, deployment, _, _ = record["path"].split("/")
        path = record["path"].replace("//", "/")
        expected = path.replace(f"/{deployment}/", f"/{name}/") if shape(record) == "deployments" else path
        assert (request.path, request.query) == (expected, record["query"])
        assert str(request.header("api-key")).startswith("sk-upstream-azure")
        assert request.header("authorization") is None


@needs_records
@pytest.mark.parametrize("cut", [whole, awkwardly], ids=["whole", "inside characters"])
def test_answers_of_the_responses_format_say_the_same(cut: Cut) -> None:
    answered = recorded("responses")
    with Replay(answered, Delivery(cut=cut)) as upstream:
        names = [f"rec-{number}" for number in range(len(answered))]
        resource = channel("azure", f"{upstream.url}/openai/v1/responses", names, engine="azure")
        with gateway(config(resource)) as running:
            heard = oracle.hear_openai(answered, running.base_url, running.key)
        assert {request.target for request in upstream.received} == {"/openai/v1/responses"}
        assert {request.header("api-key") for request in upstream.received} == {"sk-upstream-azure"}
    wrong: dict[str, Any] = {}
    for number, record in enumerate(answered):
        seen = heard[number]
        found = differences(responses.heard_directly(record), seen) if isinstance(seen, View) else repr(seen)
        wrong |= {record["id"]: found} if found else {}
    print(f"azure responses: identical {len(answered) - len(wrong)}/{len(answered)}")
    assert len(answered) >= 25
    assert wrong.keys() <= responses.ACCEPTED.keys()


_FILTERED = {
    "hate": {"filtered": False, "severity": "safe"},
    "violence": {"filtered": True, "severity": "high"},
}
_PROMPT = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _FILTERED}],
    "choices": [],
}


def _chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None, **more}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}


def test_a_stream_that_begins_with_the_filter_results_of_the_prompt() -> None:
    chunks = [_PROMPT, _chunk({"role": "assistant"}), _chunk({"content": "Hi."}), _chunk({}, "content_filter")]
    chunks[-1]["choices"][0]["content_filter_results"] = _FILTERED
    script = stream(*(event(json.dumps(each)) for each in chunks), event("[DONE]"))
    with Upstream({"*": script}) as upstream, gateway(config(_resource(upstream))) as running:
        reply = running.post(json.dumps({"model": "m", "stream": True, "messages": clients.GREETING}).encode())
    assert reply.status == 200
    sent = [line.removeprefix("data: ") for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    assert sent.pop() == "[DONE]"
    assert [json.loads(each) for each in sent] == chunks


def test_a_prompt_that_the_filter_refuses_is_filtered_and_not_tried_again() -> None:
    told = {
        "error": {
            "message": "The response was filtered: the prompt triggers Azure OpenAI's content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FILTERED},
        }
    }
    with Upstream({"*": answer(told, 400)}) as upstream, gateway(config(_resource(upstream))) as running:
        reply = running.post(json.dumps({"model": "m", "messages": clients.GREETING}).encode())
        assert len(upstream.received) == 1
    assert reply.status == 400
    error = reply.json()["error"]
    assert (error["code"], error["message"], error["param"]) == ("content_filter", told["error"]["message"], "prompt")


def _resource(upstream: Upstream) -> dict[str, Any]:
    return channel("azure", upstream.url, ["m"], engine="azure")
