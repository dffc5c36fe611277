"""When hosts are asked, and what a Plan becomes by it. Time is what the test says it is."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from tests.discovery.hosts import Host, channel
from tests.gateway import KEY, Gateway, gateway
from uni_api.config.plan import Channel, Plan
from uni_api.discovery import Discovery, Shelf
from uni_api.discovery.discovery import REFRESH, RETRY
from uni_api.errors import Fault

NORTH, SOUTH = (
    channel(name, f"https://{name}.example", "k", position=at) for at, name in enumerate(("north", "south"))
)
LISTED = Channel(
    name="own", position=2, provider=NORTH.provider, doors=NORTH.doors, models={"mine": ("mine",)}, discover=False
)


class Asked:
    """Answers as told, one answer a question; the last one stays."""

    def __init__(self, answers: Mapping[str, Sequence[tuple[str, ...] | None]]) -> None:
        self.answers = {name: list(several) for name, several in answers.items()}
        self.asked: list[str] = []

    async def models(self, where: Channel) -> tuple[str, ...]:
        self.asked.append(where.name)
        several = self.answers[where.name]
        models = several.pop(0) if len(several) > 1 else several[0]
        if models is None:
            raise Fault("connect", "nobody there")
        return models


class Clock:
    """Sleepers, each woken by hand."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._sleepers: list[asyncio.Event] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._sleepers.append(event := asyncio.Event())
        await event.wait()

    async def pass_(self) -> None:
        """Everybody has slept enough."""
        sleepers, self._sleepers = self._sleepers, []
        for event in sleepers:
            event.set()
        await settle()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(
    asked: Asked,
    story: Callable[[Discovery, Clock, list[Plan]], Awaitable[None]],
    *,
    shelf: Shelf | None = None,
    channels: tuple[Channel, ...] = (NORTH, SOUTH, LISTED),
) -> list[Plan]:
    plans: list[Plan] = []

    async def main() -> None:
        clock = Clock()
        plan = Plan(channels=channels, clients={})
        discovery = Discovery(plan, cast(Any, asked), shelf or Shelf(None), plans.append, sleep=clock.sleep)
        discovery.start()
        await settle()
        try:
            await story(discovery, clock, plans)
        finally:
            await discovery.aclose()

    asyncio.run(main())
    return plans


def models(plan: Plan) -> list[tuple[str, ...]]:
    return [tuple(each.models) for each in plan.channels]


async def nothing(discovery: Discovery, clock: Clock, plans: list[Plan]) -> None:
    pass


def test_lists_come_into_the_plan_and_the_rest_stays_itself() -> None:
    plans = run(Asked({"north": [("a", "b")], "south": [("c",)]}), nothing)
    assert models(plans[-1]) == [("a", "b"), ("c",), ("mine",)]
    assert plans[-1].channels[2] is LISTED
    assert plans[-1].channels[0].models == {"a": ("a",), "b": ("b",)}


def test_a_host_that_fails_is_asked_again_later_each_time_and_keeps_nobody_waiting() -> None:
    asked = Asked({"north": [None, None, ("a",)], "south": [("c",)]})

    async def story(discovery: Discovery, clock: Clock, plans: list[Plan]) -> None:
        assert not discovery.waited_for
        assert models(plans[-1]) == [(), ("c",), ("mine",)]
        assert sorted(clock.slept) == [RETRY[0], REFRESH]
        await clock.pass_()
        assert clock.slept[2:] == [RETRY[1], REFRESH]
        await clock.pass_()
        assert models(plans[-1]) == [("a",), ("c",), ("mine",)]
        assert clock.slept[4:] == [REFRESH, REFRESH]

    run(asked, story)


def test_a_list_stays_while_its_host_fails() -> None:
    async def story(discovery: Discovery, clock: Clock, plans: list[Plan]) -> None:
        await clock.pass_()
        assert models(plans[-1])[0] == ("a",)
        await clock.pass_()
        assert models(plans[-1])[0] == ("a", "new")

    run(Asked({"north": [("a",), None, ("a", "new")], "south": [("c",)]}), story)


def test_an_unchanged_list_makes_no_new_plan() -> None:
    async def story(discovery: Discovery, clock: Clock, plans: list[Plan]) -> None:
        made = len(plans)
        await clock.pass_()
        await clock.pass_()
        assert len(plans) == made

    run(Asked({"north": [("a",)], "south": [("c",)]}), story)


def test_the_shelf_serves_before_anybody_has_answered(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    run(Asked({"north": [("a",)], "south": [("c",)]}), nothing, shelf=shelf)

    async def story(discovery: Discovery, clock: Clock, plans: list[Plan]) -> None:
        assert models(plans[0]) == [("a",), ("c",), ("mine",)]
        assert not discovery.waited_for

    run(Asked({"north": [None], "south": [None]}), story, shelf=shelf)


def test_those_who_wait_go_on_when_every_host_has_said_something() -> None:
    gate = asyncio.Event()

    class Slow(Asked):
        async def models(self, where: Channel) -> tuple[str, ...]:
            if where.name == "south":
                await gate.wait()
            return await super().models(where)

    async def story(discovery: Discovery, clock: Clock, plans: list[Plan]) -> None:
        assert discovery.waited_for
        waiting = asyncio.create_task(discovery.first_lists())
        await settle()
        assert not waiting.done()
        gate.set()
        await waiting
        assert not discovery.waited_for
        assert models(plans[-1])[1] == ("c",)

    run(Slow({"north": [("a",)], "south": [("c",)]}), story)


def test_a_file_that_lists_all_models_asks_nobody() -> None:
    asked = Asked({})
    plans = run(asked, nothing, channels=(LISTED,))
    assert (plans, asked.asked) == ([], [])


def test_a_gateway_offers_what_hosts_list_and_a_silent_host_delays_nobody(tmp_path: Path) -> None:
    lists = {"/v1/models": {"data": [{"id": "m-one"}, {"id": "m/two"}]}}
    with Host(lists, "sk-upstream-north") as north, Host({"/v1/models": None}, "sk-upstream-south") as south:
        channels = [
            {"provider": name, "base_url": f"{host.url}/v1", "api": f"sk-upstream-{name}"}
            for name, host in (("north", north), ("south", south))
        ]
        plan = {"providers": channels, "api_keys": [{"api": KEY, "model": ["south/*", "north/*"]}]}
        begun = time.monotonic()
        with gateway(plan, {"UNI_API_CACHE": str(tmp_path)}) as running:
            assert time.monotonic() - begun < 3
            assert _models(running) == ["m-one", "m/two"]
            refused = running.post(b'{"model":"nobody","messages":[]}')
            assert (refused.status, refused.json()["error"]["code"]) == (404, "model_not_found")
        lists["/v1/models"] = {"data": []}
        with gateway(plan, {"UNI_API_CACHE": str(tmp_path)}) as again:
            assert _models(again) == ["m-one", "m/two"]


def _models(running: Gateway) -> list[str]:
    question = urllib.request.Request(f"{running.base_url}/models", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(question, timeout=20) as answer:
        return [each["id"] for each in json.load(answer)["data"]]


def test_the_command_prints_what_hosts_list(tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    with Host({"/v1/models": {"data": [{"id": "b"}, {"id": "a"}]}}, "good") as host:
        channels = [
            {"provider": "north", "base_url": f"{host.url}/v1", "api": "good"},
            {"provider": "south", "base_url": f"{host.url}/v1", "api": "bad-key"},
            {"provider": "own", "base_url": f"{host.url}/v1", "model": [{"up": "mine"}]},
        ]
        file.write_text(json.dumps({"providers": channels, "api_keys": [{"api": KEY}]}))
        command = [sys.executable, "-m", "uni_api", "models", "--config", str(file)]
        everything = subprocess.run(command, capture_output=True, text=True, timeout=60)
        one = subprocess.run([*command[:4], "north", *command[4:]], capture_output=True, text=True, timeout=60)
        nobody = subprocess.run([*command[:4], "west", *command[4:]], capture_output=True, text=True, timeout=60)
    assert everything.stdout.split() == ["north/b", "north/a", "own/mine"]
    assert "south: " in everything.stderr and "bad-key" not in everything.stderr
    assert (everything.returncode, one.returncode, nobody.returncode) == (1, 0, 2)
    assert one.stdout.split() == ["north/b", "north/a"]
    assert "north, south, own" in nobody.stderr
