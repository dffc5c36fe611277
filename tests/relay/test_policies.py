"""What preferences make of failures and of silence, over real sockets."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import END, Repeat, Script, Step, Upstream, Wait, piece, stream_head
from tests.fakes.upstream import answer as whole
from tests.gateway import Answer, Gateway
from tests.relay.chat import DONE, ROLE, completion, delta, fails, request, says, streams

GOOD = "good"
LATE: list[Step] = [Wait(1.5), *streams("late"), END]
STREAM_OF: list[Step] = [stream_head()]


def serve(first: Mapping[str, Script], second: Mapping[str, Script], **preferences: Any) -> Iterator[Gateway]:
    with Upstream(first) as a, Upstream(second) as b:
        plan = running.config(
            running.channel("a", f"{a.url}/v1", list(first)), running.channel("b", f"{b.url}/v1", list(second))
        )
        with running.gateway({**plan, "preferences": preferences}) as gateway:
            yield gateway


@pytest.fixture(scope="module")
def watchful() -> Iterator[Gateway]:
    """Error triggers, and timeouts by phase."""
    triggered = completion('you have run out of "credit"')
    a: dict[str, Script] = {
        "whole": whole(triggered),
        "head": [stream_head(), piece(delta({"content": 'run out of "credit"'})), END],
        "later": streams('at first content comes, then run out of "credit"'),
        "roles": [stream_head(), Repeat(piece(ROLE).data, 0.1)],
        "slow": [stream_head(), Repeat(piece(delta({"content": "x"})).data, 0.05)],
        "pause": [stream_head(), piece(delta({"content": "x"})), Wait(5), piece(DONE), END],
    }
    yield from serve(
        a,
        {name: streams(GOOD) if name not in ("whole",) else says(GOOD) for name in a},
        error_triggers=['of "credit"'],
        timeout_policy={
            "default": {"first_byte": 0.6},
            "rules": [
                {"match": {"model": "slow", "stream": True}, "timeout": {"total": 0.8}},
                {"match": {"model": "pause"}, "timeout": {"idle": 0.5}},
            ],
        },
    )


def provider(answer: Answer) -> str | None:
    return answer.headers.get("x-uni-api-provider")


def test_a_whole_answer_with_an_error_trigger_falls_back(watchful: Gateway) -> None:
    assert provider(watchful.post(request("whole"))) == "b"


def test_a_stream_with_an_error_trigger_at_its_head_falls_back(watchful: Gateway) -> None:
    assert provider(watchful.post(request("head", stream=True))) == "b"


def test_a_trigger_after_the_first_content_is_content(watchful: Gateway) -> None:
    answer = watchful.post(request("later", stream=True))
    assert provider(answer) == "a"
    assert b"credit" in answer.body


def test_pieces_without_content_do_not_extend_the_first_byte(watchful: Gateway) -> None:
    begun = time.monotonic()
    assert provider(watchful.post(request("roles", stream=True))) == "b"
    assert time.monotonic() - begun < 3


def test_the_total_ends_a_stream_that_flows(watchful: Gateway) -> None:
    answer = watchful.post(request("slow", stream=True))
    assert b'"error"' in answer.body and b"[DONE]" not in answer.body


def test_a_pause_between_two_pieces_has_its_own_bound(watchful: Gateway) -> None:
    begun = time.monotonic()
    answer = watchful.post(request("pause", stream=True))
    assert b'"error"' in answer.body
    assert time.monotonic() - begun < 3


@pytest.fixture(scope="module")
def lively() -> Iterator[Gateway]:
    yield from serve(
        {
            "late": LATE,
            "fails": [Wait(0.7), *fails(500)],
            "both-fail": [Wait(0.7), *fails(500)],
            "prompt": streams(GOOD),
        },
        {"fails": streams(GOOD), "both-fail": fails(503, "b is overloaded"), "late": fails(500), "prompt": fails(500)},
        keepalive_interval=0.3,
    )


def test_a_silent_stream_gets_signs_of_life(lively: Gateway) -> None:
    answer = lively.post(request("late", stream=True))
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert answer.body.startswith(b": keepalive\n\n: keepalive\n\n")
    assert b"late" in answer.body and answer.body.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_is_kept_open_still_falls_back(lively: Gateway) -> None:
    answer = lively.post(request("fails", stream=True))
    assert answer.body.startswith(b": keepalive\n\n")
    assert GOOD.encode() in answer.body


def test_when_all_fail_a_stream_that_is_kept_open_says_so(lively: Gateway) -> None:
    answer = lively.post(request("both-fail", stream=True))
    assert answer.status == 200
    error = json.loads(answer.body.rpartition(b"data: ")[2])["error"]
    assert error["message"] == "b is overloaded"
    assert b"[DONE]" not in answer.body


def test_a_prompt_stream_is_left_alone(lively: Gateway) -> None:
    answer = lively.post(request("prompt", stream=True))
    assert b"keepalive" not in answer.body
    assert provider(answer) == "a"


def test_a_whole_answer_gets_no_signs_of_life(lively: Gateway) -> None:
    assert lively.post(request("fails")).body.lstrip().startswith(b"{")


def test_a_late_channel_is_overtaken_and_its_connection_closed() -> None:
    with Upstream({"m": [Wait(30)]}) as a, Upstream({"m": streams(GOOD)}) as b:
        plan = running.config(running.channel("a", f"{a.url}/v1", ["m"]), running.channel("b", f"{b.url}/v1", ["m"]))
        hedging = {"enabled": True, "after": 0.2, "max_extra": 100}
        with running.gateway({**plan, "preferences": {"hedging": hedging}}) as gateway:
            answer = gateway.post(request("m", stream=True))
            assert (provider(answer), answer.headers["x-uni-api-attempts"]) == ("b", "2")
            limit = time.monotonic() + 1
            while a.connections[0].open and time.monotonic() < limit:
                time.sleep(0.01)
            assert not a.connections[0].open


def test_a_key_as_a_channel_brings_that_keys_channels() -> None:
    with Upstream({"m": fails(500)}) as a, Upstream({"m": says(GOOD)}) as b:
        plan = {
            "providers": [
                running.channel("a", f"{a.url}/v1", ["m"]),
                running.channel("b", f"{b.url}/v1", ["m"]),
            ],
            "api_keys": [
                {"api": running.KEY, "model": ["sk-inner/*"]},
                {"api": "sk-inner", "model": ["a/*", "sk-deep/m"]},
                {"api": "sk-deep", "model": ["b/*"]},
            ],
        }
        with running.gateway(plan) as gateway:
            answer = gateway.post(request("m"))
            assert (provider(answer), answer.headers["x-uni-api-attempts"]) == ("b", "2")
            wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
            wire.request("GET", "/v1/models", headers={"Authorization": f"Bearer {running.KEY}"})
            assert [model["id"] for model in json.load(wire.getresponse())["data"]] == ["m"]
            wire.close()
