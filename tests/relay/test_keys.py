"""Which key of a channel requests go through, over real sockets: rests that hosts ask for, limits, orders."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import Script, Upstream
from tests.gateway import Gateway
from tests.relay.chat import fails, request, says

GOOD = says("good")
CHANNELS: dict[str, tuple[list[str], dict[str, Any], Script | Sequence[Script]]] = {
    # name, which is the model's too: keys, preferences, answers
    "turns": (["1", "2", "3"], {}, GOOD),
    "first": (["1", "2"], {"api_key_schedule_algorithm": "fixed_priority"}, GOOD),
    "reset": (["1", "2", "3"], {}, [fails(429, headers={"x-ratelimit-reset-requests": "1m0s"}), GOOD]),
    "plain": (["1", "2", "3"], {}, [fails(429), GOOD]),
    "rests": (["1", "2", "3"], {"api_key_cooldown_period": 60}, [fails(429), GOOD]),
    "refused": (["1", "2", "3"], {}, [fails(401), GOOD]),
    "broken": (["1", "2"], {"api_key_cooldown_period": 60}, [fails(503), fails(503), GOOD]),
    "alone": (["1"], {}, [fails(429, headers={"retry-after": "60"}), GOOD]),
    "limited": (["1", "2"], {"api_key_rate_limit": {"limited": "5/min", "default": "1/min"}}, GOOD),
    "small": (["1", "2"], {"api_key_rate_limit": "100/tpr"}, GOOD),
}


@dataclass(frozen=True)
class World:
    gateway: Gateway
    upstream: Upstream

    def keys(self, name: str) -> list[str]:
        """The keys that a channel was asked with, in order."""
        whole = [seen.header("authorization") or "" for seen in self.upstream.received]
        return [key.removeprefix(f"Bearer {name}-") for key in whole if key.startswith(f"Bearer {name}-")]

    def ask(self, name: str, times: int = 1, **more: Any) -> list[int]:
        return [self.gateway.post(request(name, **more)).status for _ in range(times)]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Upstream({name: answers for name, (_, _, answers) in CHANNELS.items()}) as upstream:
        channels = [
            running.channel(name, f"{upstream.url}/v1", [name])
            | {"api": [f"{name}-{key}" for key in keys], "preferences": preferences}
            for name, (keys, preferences, _) in CHANNELS.items()
        ]
        with running.gateway(running.config(*channels)) as gateway:
            yield World(gateway, upstream)


def test_keys_take_turns(world: World) -> None:
    assert world.ask("turns", 6) == [200] * 6
    assert world.keys("turns") == ["1", "2", "3"] * 2
    world.ask("first", 3)
    assert world.keys("first") == ["1"] * 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reset", ["1", "2", "3", "2", "3", "2"]),
        ("plain", ["1", "2", "3", "1", "2", "3"]),
        ("rests", ["1", "2", "3", "2", "3", "2"]),
        ("refused", ["1", "2", "3", "2", "3", "2"]),
    ],
)
def test_the_key_that_failed_rests_and_the_others_serve(world: World, name: str, expected: list[str]) -> None:
    assert world.ask(name, 5) == [200] * 5
    assert world.keys(name) == expected


def test_a_host_that_is_down_is_not_the_keys_fault(world: World) -> None:
    world.ask("broken")
    before = len(world.keys("broken"))
    assert world.ask("broken", 2)[-1] == 200
    assert set(world.keys("broken")[before:]) == {"1", "2"}


def test_a_key_that_is_alone_is_asked_although_it_rests(world: World) -> None:
    assert world.ask("alone", 2) == [429, 200]


def test_fifty_at_once_get_what_the_keys_allow(world: World) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: world.gateway.post(request("limited")), range(50)))
    assert Counter(answer.status for answer in answers) == {200: 10, 429: 40}
    assert Counter(world.keys("limited")) == {"1": 5, "2": 5}
    refused = next(answer for answer in answers if answer.status == 429)
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"]["code"] == "channel_limits_reached"


def test_a_request_that_is_too_long_for_every_key_is_told_so(world: World) -> None:
    long: dict[str, Any] = {"messages": [{"role": "user", "content": "word " * 200}]}
    assert world.ask("small") == [200]
    answer = world.gateway.post(request("small", **long))
    assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_long")
    assert world.keys("small") == ["1"]
