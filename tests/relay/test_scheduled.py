"""Which channel requests come to, over real sockets: algorithms, rests, and what clients that leave leave behind."""

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests import gateway as running
from tests.fakes.upstream import Repeat, Script, Upstream, piece, stream_head
from tests.gateway import Answer, Gateway
from tests.relay.chat import ROLE, delta, fails, request, says, streams

KEYS = {"weighted_round_robin": "sk-weighted", "least_busy": "sk-busy"}
ENDLESS: Script = [stream_head(), piece(ROLE), Repeat(piece(delta({"content": "x"})).data, 0.02)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    models = ["m", "down", "asked", "flow"]
    a: dict[str, Script | list[Script]] = {
        "m": says("a"),
        "down": fails(503),
        "asked": fails(400),
        "flow": [ENDLESS, streams("a")],
    }
    b: dict[str, Script | list[Script]] = {"*": says("b"), "flow": streams("b")}
    with Upstream(a) as first, Upstream(b) as second:
        channels = [running.channel(name, f"{up.url}/v1", models) for name, up in (("a", first), ("b", second))]
        keys = [
            {"api": key, "model": [{"a/*": 3}, {"b/*": 1}], "preferences": {"SCHEDULING_ALGORITHM": word}}
            for word, key in KEYS.items()
        ]
        plan = {"providers": channels, "api_keys": keys, "preferences": {"cooldown_period": 300}}
        with running.gateway(plan) as found:
            yield found


def as_client(gateway: Gateway, scheduling: str) -> Gateway:
    return replace(gateway, key=KEYS[scheduling])


def provider(answer: Answer) -> str:
    assert answer.status == 200
    return answer.headers["x-uni-api-provider"]


def test_concurrent_requests_keep_the_ratio_exactly(gateway: Gateway) -> None:
    client = as_client(gateway, "weighted_round_robin")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(request()), range(40)))
    assert Counter(map(provider, answers)) == {"a": 30, "b": 10}


def test_a_channel_that_failed_is_not_asked_again_while_it_rests(gateway: Gateway) -> None:
    client = as_client(gateway, "weighted_round_robin")
    attempts = [client.post(request("down")).headers["x-uni-api-attempts"] for _ in range(8)]
    assert Counter(attempts) == {"1": 7, "2": 1}
    assert {provider(as_client(gateway, "least_busy").post(request("down"))) for _ in range(4)} == {"b"}


def test_what_the_request_is_to_blame_for_makes_no_channel_rest(gateway: Gateway) -> None:
    client = as_client(gateway, "weighted_round_robin")
    statuses = Counter(client.post(request("asked")).status for _ in range(8))
    assert statuses == {400: 6, 200: 2}


def test_a_client_that_leaves_leaves_nothing_in_flight(gateway: Gateway) -> None:
    client = as_client(gateway, "least_busy")
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    wire.request(
        "POST", "/v1/chat/completions", request("flow", stream=True), {"Authorization": f"Bearer {client.key}"}
    )
    answer = wire.getresponse()
    assert answer.headers["x-uni-api-provider"] == "a"
    assert answer.read(10)
    assert {provider(client.post(request("flow", stream=True))) for _ in range(6)} == {"b"}
    answer.close()
    wire.close()
    limit = time.monotonic() + 5
    while provider(client.post(request("flow", stream=True))) != "a":
        assert time.monotonic() < limit, "the stream still counts"
    assert {provider(client.post(request("flow", stream=True))) for _ in range(6)} == {"a", "b"}
