"""What api.yaml and the request ask for holds for every request: the first, and those that could go without a task."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import Close, Hang, Step, Upstream, answer, piece, stream_head
from tests.hostile.raw import Reply
from tests.relay.chat import ROLE, delta, fails, request, says, streams
from tests.server.conftest import Run
from tests.server.inside import Inside, inside
from tests.server.test_connection import came_true
from tests.server.test_relayed import content
from uni_api.canon import Seal, pack

GOOD = "good"
WEIGHED = {"rate_limit": "20/min", "credits": 1}
PRICE = {"preferences": {"model_price": {"m": "1,1"}}}
SILENCE: list[Step] = [Hang()]
COST = 5_000
"""Billionths of a dollar that an answer costs with three tokens in and two out."""

pytestmark = pytest.mark.parametrize("run", ["uvloop"], indirect=True)
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def good(stream: bool) -> list[Step]:
    return streams(GOOD) if stream else says(GOOD)


def left(reply: Reply) -> int:
    return int(reply.headers["x-ratelimit-remaining-requests"])


async def spent(on: Inside) -> int:
    """What the only key has spent, in billionths of a dollar."""
    relay = on.app._relay
    (client,) = on.app.gateway._plan.clients.values()
    return await relay._state.spent(relay.gate._meter(client, "m", False).account)


def config(*ups: Upstream, **client: Any) -> dict[str, Any]:
    channels = [running.channel(name, f"{up.url}/v1", ["m"]) for name, up in zip("abc", ups, strict=False)]
    return running.config(*channels, **client)


@both
def test_each_request_counts_once_and_costs_its_usage(run: Run, stream: bool) -> None:
    async def main() -> None:
        with Upstream({"m": good(stream)}) as a:
            async with inside(config(a, preferences=WEIGHED) | PRICE) as on:
                for count in range(1, 5):
                    got = await on.ask(request(stream=stream))
                    assert (content(got), left(got)) == (GOOD, 20 - count)
                    await asyncio.sleep(0)
                    assert await spent(on) == count * COST
                assert stream or on.serving == 1

    run(main)


FAILURES: dict[str, tuple[list[Step], bool]] = {
    "500": (fails(500), False),
    "stream 500": (fails(500), True),
    "closed": ([Close()], False),
    "no word": (answer(b"{}"), False),
    "cut in the role": ([stream_head(), piece(ROLE), Close()], True),
}


@pytest.mark.parametrize("how", FAILURES)
def test_who_falls_back_counts_once(run: Run, how: str) -> None:
    steps, stream = FAILURES[how]

    async def main() -> None:
        with Upstream({"m": [good(stream), steps]}) as a, Upstream({"m": good(stream)}) as b:
            async with inside(config(a, b, preferences=WEIGHED) | PRICE) as on:
                for count in range(1, 4):
                    got = await on.ask(request(stream=stream))
                    assert (content(got), left(got)) == (GOOD, 20 - count)
                    assert got.headers["x-uni-api-attempts"] == ("1" if count == 1 else "2")
                    await asyncio.sleep(0)
                    assert await spent(on) == count * COST

    run(main)


@pytest.mark.parametrize("how", FAILURES)
def test_who_is_served_by_nobody_counts_once_and_pays_nothing(run: Run, how: str) -> None:
    steps, stream = FAILURES[how]

    async def main() -> None:
        with Upstream({"m": [good(stream), steps, steps, good(stream)]}) as a:
            async with inside(config(a, preferences=WEIGHED | {"AUTO_RETRY": False}) | PRICE) as on:
                assert content(await on.ask(request(stream=stream))) == GOOD
                for count in (2, 3):
                    got = await on.ask(request(stream=stream))
                    assert got.status >= 500 and got.headers["x-uni-api-attempts"] == "1"
                    assert left(got) == 20 - count
                    assert (await spent(on), a.asked["m"]) == (COST, count)
                assert content(await on.ask(request(stream=stream))) == GOOD

    run(main)


@both
def test_who_leaves_before_there_is_an_answer_counts_and_pays_nothing(run: Run, stream: bool) -> None:
    async def main() -> None:
        with Upstream({"m": [good(stream), SILENCE, good(stream)]}) as a:
            async with inside(config(a, preferences=WEIGHED) | PRICE) as on:
                await on.ask(request(stream=stream))
                before = on.serving
                async with on.client() as talk:
                    talk.say(request(stream=stream, max_tokens=1000))
                    await came_true(lambda: a.asked["m"] == 2)
                    assert await spent(on) > COST  # it is reserved
                await came_true(lambda: not on.open)
                assert (await spent(on), on.serving) == (COST, before)
                assert left(await on.ask(request(stream=stream))) == 17

    run(main)


def test_who_leaves_in_a_stream_pays_what_was_reserved(run: Run) -> None:
    async def main() -> None:
        half: list[Step] = [stream_head(), piece(delta({"content": "half"})), Hang()]
        with Upstream({"m": [good(True), half]}) as a:
            async with inside(config(a, preferences=WEIGHED) | PRICE) as on:
                await on.ask(request(stream=True))
                async with on.client() as talk:
                    talk.say(request(stream=True, max_tokens=1000))
                    await talk.reader.readuntil(b"half")
                    reserved = await spent(on)
                await came_true(lambda: not on.open)
                await asyncio.sleep(0.02)
                assert await spent(on) == reserved > 1_000_000

    run(main)


def test_who_is_over_the_limit_is_refused_and_nobody_asked(run: Run) -> None:
    async def main() -> None:
        with Upstream({"m": says(GOOD)}) as a:
            async with inside(config(a, preferences={"rate_limit": "3/min"})) as on:
                statuses = [(await on.ask(request())).status for _ in range(6)]
                assert (statuses, a.asked["m"]) == ([200] * 3 + [429] * 3, 3)

    run(main)


def test_limits_of_an_upstream_key_count_each_request_once(run: Run) -> None:
    async def main() -> None:
        with Upstream({"m": says(GOOD)}) as a, Upstream({"m": says("other")}) as b:
            made = config(a, b)
            made["providers"][0]["preferences"] = {"api_key_rate_limit": "3/min"}
            async with inside(made) as on:
                found = [content(await on.ask(request())) for _ in range(5)]
                assert (found, a.asked["m"]) == ([GOOD] * 3 + ["other"] * 2, 3)

    run(main)


@both
def test_keys_take_turns(run: Run, stream: bool) -> None:
    for scheduling in ("round_robin", "smart_round_robin", "fixed_priority"):

        async def main(scheduling: str = scheduling) -> None:
            with Upstream({"m": good(stream)}) as a:
                made = config(a)
                made["providers"][0] |= {"api": ["k1", "k2", "k3"]}
                made["providers"][0]["preferences"] = {"api_key_schedule_algorithm": scheduling}
                async with inside(made) as on:
                    for _ in range(9):
                        assert content(await on.ask(request(stream=stream))) == GOOD
                keys = [seen.header("authorization") for seen in a.received]
                if scheduling == "fixed_priority":
                    assert set(keys) == {"Bearer k1"}
                elif scheduling == "round_robin":
                    assert keys == ["Bearer k1", "Bearer k2", "Bearer k3"] * 3
                else:
                    assert len(keys) == 9 and set(keys) == {"Bearer k1", "Bearer k2", "Bearer k3"}

        run(main)


@both
@pytest.mark.parametrize("refused", [401, 429])
def test_a_refused_key_is_followed_by_the_next_of_its_channel(run: Run, refused: int, stream: bool) -> None:
    async def main() -> None:
        with Upstream({"m": [good(stream), good(stream), fails(refused), good(stream)]}) as a:
            made = config(a)
            made["providers"][0] |= {"api": ["k1", "k2"]}
            async with inside(made) as on:
                found = [await on.ask(request(stream=stream)) for _ in range(4)]
            assert [content(each) for each in found] == [GOOD] * 4
            assert [each.headers["x-uni-api-attempts"] for each in found] == ["1", "1", "2", "1"]
            keys = [seen.header("authorization") for seen in a.received]
            assert keys[:4] == ["Bearer k1", "Bearer k2", "Bearer k1", "Bearer k2"]

    run(main)


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # for the client key, and for all
    "hedging": ({}, {"hedging": {"enabled": True, "after": 5}}),
    "keepalive": ({}, {"keepalive_interval": 5}),
    "affinity": ({}, {"affinity": True}),
    "once": ({"AUTO_RETRY": False}, {}),
    "in turn": ({"SCHEDULING_ALGORITHM": "round_robin"}, {}),
    "measured": ({"SCHEDULING_ALGORITHM": "least_busy"}, {}),
    "tokens": ({"rate_limit": "100000/tpm"}, {}),
    "triggers": ({}, {"error_triggers": ["never said"]}),
    "resting": ({}, {"cooldown_period": 300}),
}


@both
@pytest.mark.parametrize("name", SETTINGS)
def test_every_request_is_served_under_every_setting(run: Run, name: str, stream: bool) -> None:
    own, common = SETTINGS[name]

    async def main() -> None:
        with Upstream({"m": good(stream)}) as a, Upstream({"m": good(stream)}) as b:
            made = config(a, b, preferences=own) | {"preferences": common}
            async with inside(made) as on, on.client() as talk:
                for _ in range(4):
                    got = await talk.ask(request(stream=stream))
                    assert (content(got), got.headers["x-uni-api-attempts"]) == (GOOD, "1")
                    assert content(await on.ask(request(stream=stream))) == GOOD
            asked = (a.asked.get("m", 0), b.asked.get("m", 0))
            assert sum(asked) == 8
            assert (min(asked) > 0) is (name in ("in turn", "measured"))

    run(main)


@both
def test_a_channel_that_rests_is_passed_over(run: Run, stream: bool) -> None:
    async def main() -> None:
        with Upstream({"m": [good(stream), fails(503)]}) as a, Upstream({"m": good(stream)}) as b:
            async with inside(config(a, b) | {"preferences": {"cooldown_period": 300}}) as on:
                found = [await on.ask(request(stream=stream)) for _ in range(4)]
            assert [each.headers["x-uni-api-attempts"] for each in found] == ["1", "2", "1", "1"]
            assert (a.asked["m"], b.asked["m"]) == (2, 3)

    run(main)


def test_a_late_channel_loses_also_when_its_connection_was_there(run: Run) -> None:
    async def main() -> None:
        with Upstream({"m": [says(GOOD), SILENCE]}) as a, Upstream({"m": says("other")}) as b:
            hedging = {"hedging": {"enabled": True, "after": 0.05, "max_extra": 100}}
            async with inside(config(a, b) | {"preferences": hedging}) as on:
                assert content(await on.ask(request())) == GOOD
                assert content(await on.ask(request())) == "other"
                await came_true(lambda: not a.connections[-1].open)

    run(main)


def test_a_silent_stream_shows_signs_of_life(run: Run) -> None:
    async def main() -> None:
        with Upstream({"m": [good(True), SILENCE]}) as a:
            async with inside(config(a) | {"preferences": {"keepalive_interval": 1}}) as on:
                assert content(await on.ask(request(stream=True))) == GOOD
                async with on.client() as talk:
                    talk.say(request(stream=True))
                    await talk.reader.readuntil(b": keepalive\n\n")

    run(main)


def test_packed_requests_are_opened(run: Run) -> None:
    async def main() -> None:
        with Upstream({"m": says(GOOD)}) as a:
            async with inside(config(a)) as on, on.client() as talk:
                for _ in range(3):
                    assert content(await talk.ask(gzip.compress(request()), "content-encoding: gzip")) == GOOD
                    assert content(await talk.ask(request(), "content-encoding: identity")) == GOOD
                    assert (await talk.ask(request(), "content-encoding: br")).status == 415
                    assert content(await talk.ask(request())) == GOOD
            assert {seen.header("content-encoding") for seen in a.received} == {None}

    run(main)


def test_sealed_requests_go_home_and_are_opened(run: Run) -> None:
    async def main() -> None:
        with Upstream({"m": says(GOOD)}) as a, Upstream({"m": says("home")}) as b:
            token = pack(Seal(realm=f"openai_chat:{b.url.removeprefix('http://')}", token="blob"))
            thought = {"type": "reasoning.encrypted", "data": token}
            user = {"role": "user", "content": "q"}
            messages = [user, {"role": "assistant", "content": "so", "reasoning_details": [thought]}, user]
            body = json.dumps({"model": "m", "messages": messages}).encode()
            async with inside(config(a, b)) as on:
                for _ in range(3):
                    assert content(await on.ask(request())) == GOOD
                    assert content(await on.ask(body)) == "home"
            assert b"ua1." not in b.received[-1].body and b"blob" in b.received[-1].body

    run(main)


@pytest.mark.parametrize("flagged", [False, True])
def test_what_is_moderated_is_checked_each_time(run: Run, flagged: bool) -> None:
    verdict = {"id": "x", "results": [{"flagged": flagged, "categories": {"hate": flagged}}]}
    omni = "omni-moderation-latest"

    async def main() -> None:
        with Upstream({"m": says(GOOD), omni: answer(verdict)}) as a:
            channel = running.channel("a", f"{a.url}/v1", ["m", omni])
            moderated = {"ENABLE_MODERATION": True}
            async with inside(running.config(channel, preferences=moderated)) as on:
                for count in range(1, 4):
                    user = [{"role": "user", "content": f"word {count}"}]
                    got = await on.ask(json.dumps({"model": "m", "messages": user}).encode())
                    assert got.status == (400 if flagged else 200)
                    assert a.asked[omni] == count

    run(main)
