"""Ten thousand requests for every algorithm, and what each channel gets of them."""

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from msgspec import structs

from tests.routing.plans import channel, client, plan
from uni_api.config.plan import Channel, Rule, Scheduling
from uni_api.errors import Fault
from uni_api.routing import Candidate, Health, KeyRing, Router, Scheduler, Tries
from uni_api.routing.health import Visit
from uni_api.state import LocalState

REQUESTS = 10_000
WEIGHTS = {"a": 5, "b": 3, "c": 2}

Outcome = Callable[[str, float], float | None]
"""Seconds until a channel answers a request that comes at a time, or None when it fails."""


class Simulation:
    """Requests at regular times through real Tries; nothing but the clock and the upstreams is made up."""

    def __init__(
        self,
        scheduling: Scheduling,
        weights: Mapping[str, int | None] = WEIGHTS,
        *,
        cooldown: float = 300.0,
        seed: int = 1,
    ) -> None:
        self.now = 1_000.0
        self.channels = [
            structs.replace(_channel(name, place), cooldown=cooldown) for place, name in enumerate(weights)
        ]
        rules = [Rule(kind="channel", channel=name, weight=weight) for name, weight in weights.items()]
        self.who = structs.replace(client("sk-1", *rules), scheduling=scheduling)
        found = plan(self.channels, self.who)
        state = LocalState(self._clock)
        self.health = Health(state, self._clock)
        self.health.use(found)
        self.scheduler = Scheduler(self.health, random.Random(seed))
        self.ring = KeyRing()
        self.pool = Router(found).pool(self.who, "m")
        self.served: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.lost = 0
        self._going: list[tuple[float, int, str, Visit]] = []

    def _clock(self) -> float:
        return self.now

    def run(self, outcome: Outcome, *, requests: int = REQUESTS, every: float = 0.1) -> Counter[str]:
        """How many requests each channel served."""

        async def main() -> None:
            for number in range(requests):
                self.now += every
                self._settle()
                await self._request(number, outcome)

        asyncio.run(main())
        return self.served

    async def _request(self, number: int, outcome: Outcome) -> None:
        tries = Tries(self.pool, self.ring, self.scheduler, True)
        while (chosen := await tries.next()) is not None:
            name = chosen.candidate.channel.name
            self.asked[name] += 1
            visit = self.health.begun(chosen.candidate)
            seconds = outcome(name, self.now)
            if seconds is not None:
                self.served[name] += 1
                await self.health.worked(chosen.candidate)
                heapq.heappush(self._going, (self.now + seconds, number, name, visit))
                return
            await self.health.failed(chosen.candidate, Fault("overloaded", "no"), only=tries.only)
            visit.ended()
        self.lost += 1

    def _settle(self) -> None:
        """End the requests whose answers have come by now."""
        now = self.now
        while self._going and self._going[0][0] <= now:
            self.now, _, _, visit = heapq.heappop(self._going)
            visit.content()
            visit.ended()
        self.now = now

    def busy(self) -> int:
        return sum(self.health.busy(Candidate(each, "m", "m")) for each in self.channels)


def _channel(name: str, place: int) -> Channel:
    return channel(name, ["m"], position=place)


def well(name: str, now: float) -> float | None:
    return 1.0


@pytest.mark.parametrize(
    ("scheduling", "shares", "exact"),
    [
        ("fixed_priority", {"a": 1.0}, True),
        ("round_robin", {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, True),
        ("weighted_round_robin", {"a": 0.5, "b": 0.3, "c": 0.2}, True),
        ("lottery", {"a": 0.5, "b": 0.3, "c": 0.2}, False),
        ("random", {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, False),
        ("smart_round_robin", {"a": 0.5, "b": 0.3, "c": 0.2}, False),
        ("least_busy", {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, False),
        ("lowest_latency", {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, False),
    ],
)
def test_shares_of_channels_that_are_well(scheduling: Scheduling, shares: dict[str, float], exact: bool) -> None:
    served = Simulation(scheduling).run(well)
    assert served.total() == REQUESTS
    for name in WEIGHTS:
        deviation = abs(served[name] - REQUESTS * shares.get(name, 0.0))
        assert deviation < 1 if exact else deviation <= 0.01 * REQUESTS


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scheduling", ["lottery", "random"])
def test_drawing_lots_keeps_within_one_percent_of_each_share(scheduling: Scheduling, seed: int) -> None:
    served = Simulation(scheduling, seed=seed).run(well)
    total = sum(WEIGHTS.values())
    for name, weight in WEIGHTS.items():
        expected = REQUESTS * (weight / total if scheduling == "lottery" else 1 / len(WEIGHTS))
        assert abs(served[name] - expected) <= 0.01 * expected


@pytest.mark.parametrize("scheduling", ["round_robin", "weighted_round_robin", "lottery", "random", "least_busy"])
def test_a_channel_that_is_down_costs_one_request_for_each_rest(scheduling: Scheduling) -> None:
    world = Simulation(scheduling)
    served = world.run(lambda name, now: None if name == "a" else 1.0)
    assert (served["a"], world.lost) == (0, 0)
    seconds = REQUESTS * 0.1
    assert world.asked["a"] <= seconds / 300 + 1
    ratio = 0.6 if scheduling in ("weighted_round_robin", "lottery") else 0.5
    assert abs(served["b"] / REQUESTS - ratio) < 0.01


def test_without_cooldown_a_channel_that_is_down_is_asked_on_and_others_serve() -> None:
    world = Simulation("weighted_round_robin", cooldown=0)
    served = world.run(lambda name, now: None if name == "a" else 1.0)
    assert (world.asked["a"], served.total(), world.lost) == (REQUESTS / 2, REQUESTS, 0)


def test_a_channel_that_recovers_gets_its_share_again() -> None:
    world = Simulation("weighted_round_robin")
    world.run(lambda name, now: None if name == "a" and now < 1_100 else 1.0)
    before = world.served["a"]
    assert world.asked["a"] == before + 1
    served = REQUESTS - 300 / 0.1
    assert abs(before - served / 2) <= 2


def test_when_all_are_down_every_request_still_tries_and_the_first_that_is_up_serves() -> None:
    world = Simulation("fixed_priority", {"a": None, "b": None})
    world.run(lambda name, now: None if now < 1_010 else 1.0, requests=200)
    down = 99
    assert abs(world.lost - down) <= 1
    assert world.served.total() == 200 - world.lost
    assert world.asked["a"] + world.asked["b"] == 2 * world.lost + world.served.total()


def test_a_slow_channel_gets_little_by_latency_and_less_by_load() -> None:
    """A channel four times as slow; ten requests a second, so that a second's work is ten in flight."""

    def answers(name: str, now: float) -> float | None:
        return {"a": 4.0, "b": 1.0, "c": 1.0}[name]

    by_latency = Simulation("lowest_latency", dict.fromkeys("abc")).run(answers)
    by_load = Simulation("least_busy", dict.fromkeys("abc")).run(answers)
    by_merit = Simulation("smart_round_robin", dict.fromkeys("abc")).run(answers)
    assert by_latency["a"] < 0.06 * REQUESTS
    assert abs(by_load["a"] / by_load["b"] - 0.25) < 0.05
    assert abs(by_merit["a"] / by_merit["b"] - 0.25) < 0.03
    for served in (by_latency, by_load, by_merit):
        assert abs(served["b"] - served["c"]) < 0.05 * REQUESTS


def test_nothing_is_left_in_flight() -> None:
    dice = random.Random(3)
    world = Simulation("least_busy", cooldown=0)
    world.run(lambda name, now: None if dice.random() < 0.3 else dice.random() * 5, requests=1_000)
    assert world.busy() > 0
    world.now += 10
    world._settle()
    assert world.busy() == 0
