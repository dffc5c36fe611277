"""What clients see of their limits, over real sockets."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from tests import gateway as running
from tests.fakes.upstream import Close, Hang, Step, Upstream, Wait, answer, piece, stream_head
from tests.gateway import Answer, Gateway
from tests.relay.chat import ROLE, completion, delta, fails, request, says, streams

MODELS: dict[str, list[Step]] = {
    "good": says("hello"),
    "slow": [Wait(0.3), *says("hello")],
    "down": fails(500),
    "stream": streams("hello there"),
    "stuck": [stream_head(), piece(ROLE), piece(delta({"content": "hello"})), Hang()],
    "cut": [stream_head(), piece(ROLE), piece(delta({"content": "hello"})), Close()],
    "failing": [Wait(0.6), *fails(500)],
    "late": [Wait(0.8), *streams("hello there")],
    "silent": answer({**completion("hello"), "usage": None}),
    "dear": answer({**completion("hello"), "usage": {"prompt_tokens": 0, "completion_tokens": 1_000}}),
    "gpt-4o": answer({**completion("hello"), "usage": {"prompt_tokens": 0, "completion_tokens": 1_000}}),
}
"""Every answer with usage has three tokens in and two out, unless it is dear."""

KEYS: dict[str, dict[str, Any]] = {
    "ten": {"rate_limit": "10/min,1000/day"},
    "old": {"RATE_LIMIT": "2/min"},
    "both": {"rate_limit": "1/min", "RATE_LIMIT": "9/min"},
    "map": {"rate_limit": {"go": "1/min", "stream": "2/min", "default": "3/min"}},
    "failing": {"rate_limit": "4/min"},
    "refused": {"rate_limit": "1/min,1000/tpm", "credits": 1},
    "tokens": {"rate_limit": "400/tpm"},
    "leaving": {"rate_limit": "100/tpm"},
    "cutting": {"rate_limit": "100/tpm"},
    "waiting": {"rate_limit": "100/tpm"},
    "long": {"rate_limit": "50/tpr"},
    "none": {"credits": 0},
    "unlimited": {"credits": -1},
    "poor": {"credits": 0.001},
    "listed": {"credits": 1},
    "inner": {"rate_limit": "2/min", "credits": 0.001},
    "outer": {"rate_limit": "5/min", "credits": 0.001},
    "free": {},
}


def key(name: str) -> str:
    return f"sk-client-{name}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(MODELS) as up:
        yield up


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    one = running.channel("one", f"{upstream.url}/v1", [*MODELS, {"good": "thrifty"}])
    keys = [{"api": key(name), "model": ["one/*"], "preferences": each} for name, each in KEYS.items()]
    for each in keys:
        if each["api"] in (key("outer"), key("free")):
            each["model"] = [f"{key('inner')}/*", "one/good"]
    preferences = {
        "model_price": {"dear": "0,1", "good": "1,0", "silent": "0,1", "stuck": "0,1", "stream": "100,100"},
        "cooldown_period": 0,
    }
    plan = {"providers": [one], "api_keys": keys, "preferences": preferences}
    with running.gateway(plan) as gateway:
        yield gateway


def ask(gateway: Gateway, who: str, model: str = "good", **more: Any) -> Answer:
    return gateway.post(request(model, **more), {"Authorization": f"Bearer {key(who)}"})


def statuses(gateway: Gateway, who: str, model: str = "good", count: int = 1, **more: Any) -> list[int]:
    return [ask(gateway, who, model, **more).status for _ in range(count)]


def test_exactly_ten_of_fifty_at_once_pass(gateway: Gateway, upstream: Upstream) -> None:
    async def one(session: aiohttp.ClientSession) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key('ten')}", "Content-Type": "application/json"}
        async with session.post(f"{gateway.base_url}/chat/completions", data=request("slow"), headers=headers) as got:
            return got.status, await got.json()

    async def main() -> list[tuple[int, Any]]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            return await asyncio.gather(*(one(session) for _ in range(50)))

    before = upstream.asked.get("slow", 0)
    found = asyncio.run(main())
    assert sorted(status for status, _ in found) == [200] * 10 + [429] * 40
    assert {body["error"]["code"] for status, body in found if status == 429} == {"rate_limit_exceeded"}
    assert upstream.asked["slow"] == before + 10


def test_the_older_spelling_works_and_yields_to_the_newer(gateway: Gateway) -> None:
    first, second, third = (ask(gateway, "old") for _ in range(3))
    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert 0 < int(third.headers["retry-after"]) <= 60
    assert third.headers["x-ratelimit-remaining-requests"] == "0"
    assert third.headers["x-ratelimit-reset-requests"].endswith("s")
    error = third.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert statuses(gateway, "both", count=2) == [200, 429]


def test_a_map_of_limits(gateway: Gateway) -> None:
    assert statuses(gateway, "map", "good", 2) == [200, 429]
    assert statuses(gateway, "map", "gpt-4o", 4) == [200, 200, 200, 429]
    assert statuses(gateway, "map", "silent", 4) == [200, 200, 200, 429]


def test_streams_tell_their_limits_too(gateway: Gateway) -> None:
    found = ask(gateway, "map", "stream", stream=True)
    assert found.status == 200
    assert found.headers["x-ratelimit-remaining-requests"] == "1"


def test_a_client_library_understands_the_refusal(gateway: Gateway) -> None:
    client = openai.OpenAI(base_url=gateway.base_url, api_key=key("none"), max_retries=3)
    began = time.monotonic()
    with client, pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="good", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.code == "insufficient_quota"
    assert time.monotonic() - began < 2, "it asked again"


def test_what_upstreams_fail_to_serve_counts(gateway: Gateway) -> None:
    assert statuses(gateway, "failing", "down", 4) == [500] * 4
    assert statuses(gateway, "failing", "down", 2) == [429] * 2


def test_what_the_gateway_refuses_does_not_count(gateway: Gateway) -> None:
    assert statuses(gateway, "refused", "no-such-model", 3) == [404] * 3
    assert statuses(gateway, "refused", "good", 1) == [200]
    assert statuses(gateway, "refused", "good", 1) == [429]


def test_tokens_count_as_they_came(gateway: Gateway) -> None:
    found = ask(gateway, "tokens", max_tokens=20)
    reserved = int(found.headers["x-ratelimit-remaining-tokens"])
    assert found.headers["x-ratelimit-limit-tokens"] == "400"
    assert reserved < 400 - 20
    assert ask(gateway, "tokens", max_tokens=20).headers["x-ratelimit-remaining-tokens"] == str(reserved - 5)


def test_a_stream_costs_its_usage(gateway: Gateway) -> None:
    who = "waiting"
    ask(gateway, who, "stream", stream=True, max_tokens=70)
    assert int(ask(gateway, who, "stream", stream=True, max_tokens=1).headers["x-ratelimit-remaining-tokens"]) > 60


def test_a_stream_that_its_client_leaves_costs_what_was_reserved(gateway: Gateway) -> None:
    body = request("stuck", stream=True, max_tokens=60)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as wire:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key('leaving')}\r\n"
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        while b"hello" not in wire.recv(65_536):
            pass
    reserved = 60 + len(body) // 4
    time.sleep(0.2)
    found = ask(gateway, "leaving", "stuck", max_tokens=90)
    assert found.status == 429
    assert found.headers["x-ratelimit-remaining-tokens"] == str(100 - reserved)


def test_a_client_that_leaves_before_there_is_an_answer_gets_its_tokens_back(gateway: Gateway) -> None:
    body = request("late", max_tokens=60)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as wire:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key('leaving')}\r\n"
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.2)
    time.sleep(0.2)
    assert ask(gateway, "leaving", "late", max_tokens=90, stream=True).status == 200


def test_a_stream_that_its_upstream_cuts_costs_what_was_reserved(gateway: Gateway) -> None:
    broken = request("cut", stream=True, max_tokens=60)
    assert b"error" in ask(gateway, "cutting", "cut", stream=True, max_tokens=60).body
    found = ask(gateway, "cutting", "cut", max_tokens=90, stream=True)
    assert found.status == 429
    assert found.headers["x-ratelimit-remaining-tokens"] == str(100 - 60 - len(broken) // 4)


def test_requests_can_be_bounded_in_size(gateway: Gateway) -> None:
    assert ask(gateway, "long").status == 200
    found = ask(gateway, "long", user="x" * 300)
    assert (found.status, found.json()["error"]["code"]) == (413, "request_too_long")


def test_credits_run_out(gateway: Gateway) -> None:
    assert statuses(gateway, "none", count=2) == [429, 429]
    assert statuses(gateway, "unlimited", "dear", 3) == [200] * 3
    assert statuses(gateway, "poor", "dear", 2, max_tokens=1) == [200, 429]
    error = ask(gateway, "poor").json()["error"]
    assert error["code"] == "insufficient_quota"
    assert error["message"].startswith("Balance is insufficient: this key has spent $0.0010 of $0.00")


def test_prices_that_the_file_does_not_tell_are_known(gateway: Gateway) -> None:
    for _ in range(99):  # a hundredth of a dollar each
        assert ask(gateway, "listed", "gpt-4o", max_tokens=1).status == 200
    found = [ask(gateway, "listed", "gpt-4o", max_tokens=1) for _ in range(3)]
    assert [one.status for one in found] == [200, 429, 429]


def test_every_key_on_the_way_pays(gateway: Gateway) -> None:
    first = ask(gateway, "outer", "dear", max_tokens=1)
    assert (first.status, first.headers["x-ratelimit-limit-requests"]) == (200, "5")
    broke = ask(gateway, "inner", "dear")
    assert (broke.status, broke.json()["error"]["code"]) == (429, "insufficient_quota")
    assert ask(gateway, "outer", "good").json()["error"]["code"] == "insufficient_quota"


def test_where_one_key_is_spent_the_next_rule_is_tried(gateway: Gateway) -> None:
    assert statuses(gateway, "inner", "good", 1) == [429]
    assert statuses(gateway, "free", "good", 2) == [200, 200]
    found = ask(gateway, "free", "dear")
    assert (found.status, found.json()["error"]["code"]) == (429, "insufficient_quota")


def test_all_keys_together(upstream: Upstream) -> None:
    one = running.channel("one", f"{upstream.url}/v1", ["good"])
    keys = [{"api": key(name), "model": ["one/*"], "preferences": KEYS[name]} for name in ("ten", "free")]
    plan = {"providers": [one], "api_keys": keys, "preferences": {"rate_limit": "5/min"}}
    with running.gateway(plan) as gateway:
        assert statuses(gateway, "ten", count=3) == [200] * 3
        assert statuses(gateway, "free", count=3) == [200, 200, 429]
        assert statuses(gateway, "ten", count=1) == [429]


def test_streams_that_are_kept_open_are_settled_too(upstream: Upstream) -> None:
    one = running.channel("one", f"{upstream.url}/v1", ["late", "failing"])
    plan = running.config(one, preferences={"rate_limit": "1000/tpm"})
    plan["preferences"] = {"keepalive_interval": 0.3, "cooldown_period": 0}
    with running.gateway(plan) as gateway:
        opened = gateway.post(request("late", stream=True, max_tokens=500))
        assert opened.body.startswith(b": ") and b"there" in opened.body
        assert opened.headers["x-ratelimit-limit-tokens"] == "1000"
        left = gateway.post(request("late", stream=True, max_tokens=0)).headers["x-ratelimit-remaining-tokens"]
        assert int(left) > 950
        assert b"error" in gateway.post(request("failing", stream=True, max_tokens=900)).body
        assert gateway.post(request("failing", stream=True, max_tokens=900)).status == 200


def test_what_was_used_up_outlives_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    one = running.channel("one", f"{upstream.url}/v1", ["good", "dear"])
    plan = running.config(one, preferences={"rate_limit": {"good": "3/hour"}, "credits": 0.002})
    plan["preferences"] = {"model_price": {"dear": "0,1", "good": "0,0"}}
    env = {"UNI_API_DATA": str(tmp_path)}
    with running.gateway(plan, env) as gateway:
        assert [gateway.post(request(model)).status for model in ("good", "good", "dear")] == [200] * 3
    plan["api_keys"][0]["preferences"]["rate_limit"] = {"good": "4/hour"}
    with running.gateway(plan, env) as gateway:
        assert [gateway.post(request("good")).status for _ in range(3)] == [200, 200, 429]
        assert [gateway.post(request("dear")).status for _ in range(2)] == [200, 429]
