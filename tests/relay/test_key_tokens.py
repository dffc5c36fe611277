"""The token windows of a channel's keys count what answers really used, over real sockets."""

import http.client
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import Close, Hang, Script, Step, Upstream, Wait, answer, event, piece, stream, stream_head
from tests.gateway import KEY, Gateway
from tests.relay.chat import DONE, ROLE, completion, delta, fails, request
from tests.relay.test_moderation import CLEAN, FLAGGED, OMNI
from tests.state.redis_server import RedisServer, needs_redis

LIMIT = "1000/tpm"
"""What each of a channel's two keys may use."""
LONG: dict[str, Any] = {"messages": [{"role": "user", "content": "x" * 2400}]}
"""What is estimated at 600 tokens and a few more."""


def used(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens - 1, "completion_tokens": 1, "total_tokens": tokens}


def says(tokens: int) -> list[Step]:
    return answer({**completion("good"), "usage": used(tokens)})


def streams(tokens: int) -> list[Step]:
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": []}
    words = (delta({"content": "go"}), delta({"content": "od"}, finish="stop"))
    return stream(ROLE, *words, event({**told, "usage": used(tokens)}), DONE)


OPENED: list[Step] = [stream_head(), piece(ROLE), piece(delta({"content": "go"}, usage=used(5)))]
SCRIPTS: dict[str, Script | Sequence[Script]] = {
    "more": says(400),
    "fewer": says(5),
    "streamed": streams(5),
    "late": [Wait(0.3), *streams(5)],
    "slow": [Wait(0.5), *says(5)],
    "silent": answer({**completion("good"), "usage": None}),
    "cut": [*OPENED, Close()],
    "left": [*OPENED, Hang()],
    "failing": [fails(500), says(5), says(5), fails(500)],
    "stuck": [Wait(3.0), *says(5)],
    "quick": says(5),
    "both": says(400),
    "translated": answer(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "up",
            "content": [{"type": "text", "text": "good"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 300, "output_tokens": 100},
        }
    ),
    "checked": says(5),
    "clean": CLEAN,
    "flagged": FLAGGED,
}


@dataclass(frozen=True)
class World:
    gateway: Gateway
    upstream: Upstream

    def ask(self, model: str, times: int = 1, key: str = KEY, **more: Any) -> list[int]:
        headers = {"Authorization": f"Bearer {key}"}
        return [self.gateway.post(request(model, **more), headers).status for _ in range(times)]

    def at_once(self, model: str, times: int, **more: Any) -> Counter[int]:
        with ThreadPoolExecutor(times) as pool:
            return Counter(pool.map(lambda _: self.ask(model, **more)[0], range(times)))


def plan(upstream: Upstream) -> dict[str, Any]:
    def metered(name: str, **more: Any) -> dict[str, Any]:
        entry = running.channel(name, f"{upstream.url}/v1/chat/completions", [name], **more)
        return entry | {"api": [f"{name}-1", f"{name}-2"], "preferences": {"api_key_rate_limit": LIMIT}}

    names = [name for name in SCRIPTS if name not in ("translated", "clean", "flagged", "stuck", "quick", "both")]
    moderators = [
        running.channel(name, f"{upstream.url}/v1/chat/completions", [{name: OMNI}]) for name in ("clean", "flagged")
    ]
    keys = [
        {"api": f"sk-{name}", "model": ["checked/*", f"{name}/*"], "preferences": {"ENABLE_MODERATION": True}}
        for name in ("clean", "flagged")
    ]
    both = metered("both") | {"preferences": {"api_key_rate_limit": f"3/min,{LIMIT}"}}
    claude = metered("translated", engine="claude") | {"base_url": f"{upstream.url}/v1/messages"}
    config = running.config(*map(metered, names), both, claude, *moderators)
    config["api_keys"][0]["model"] = [f"{name}/*" for name in (*names, "both", "translated")]
    config["api_keys"] += keys
    return {**config, "preferences": {"keepalive_interval": {"late": 0.1, "default": 99999}}}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(SCRIPTS) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def world(upstream: Upstream) -> Iterator[World]:
    with running.gateway(plan(upstream)) as gateway:
        yield World(gateway, upstream)


@pytest.mark.parametrize("model", ["more", "translated"])
def test_answers_that_use_more_than_was_estimated_use_it_up(world: World, model: str) -> None:
    """Each key serves 400, 800, and what makes it 1200."""
    assert world.ask(model, 8) == [200] * 6 + [429] * 2


@pytest.mark.parametrize(("model", "more"), [("fewer", {}), ("streamed", {"stream": True}), ("late", {"stream": True})])
def test_answers_that_use_less_leave_the_rest(world: World, model: str, more: dict[str, Any]) -> None:
    assert world.ask(model, 7, **LONG, **more) == [200] * 7


def test_what_is_under_way_counts_as_it_was_estimated(world: World) -> None:
    assert world.at_once("slow", 6, **LONG) == {200: 2, 429: 4}
    assert world.at_once("slow", 6, **LONG) == {200: 2, 429: 4}, "the keys are back as soon as there is room"


def test_an_answer_that_does_not_tell_its_tokens_counts_as_it_was_estimated(world: World) -> None:
    assert world.ask("silent", 3, **LONG) == [200, 200, 429]


def test_a_stream_that_breaks_off_counts_as_it_was_estimated(world: World) -> None:
    assert world.ask("cut", 3, **LONG, stream=True) == [200, 200, 429]


def test_a_stream_that_its_client_left_counts_as_it_was_estimated(world: World) -> None:
    def leave() -> int:
        wire = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=10)
        wire.request(
            "POST", "/v1/chat/completions", request("left", **LONG, stream=True), {"Authorization": f"Bearer {KEY}"}
        )
        got = wire.getresponse()
        if got.status == 200:
            got.read(20)
        got.close()
        wire.close()
        return got.status

    assert [leave() for _ in range(3)] == [200, 200, 429]


def test_a_try_that_failed_counts_as_it_was_estimated(world: World) -> None:
    """The first key keeps its 600 and does not fit another 600; the second serves until its own host fails."""
    assert world.ask("failing", 3, **LONG) == [200, 200, 500]
    assert world.ask("failing", 1, **LONG) == [429]
    assert world.ask("failing") != [429], "a short one fits"


def test_a_window_of_requests_holds_beside(world: World) -> None:
    assert world.ask("both", 7) == [200] * 6 + [429]


def test_a_request_that_was_flagged_counts_as_it_was_estimated(world: World) -> None:
    assert world.ask("checked", 4, "sk-clean", **LONG) == [200] * 4
    assert world.ask("checked", 3, "sk-flagged", **LONG) == [400, 400, 429]


def test_who_lost_a_race_counts_as_it_was_estimated(upstream: Upstream) -> None:
    channels = [
        running.channel(name, f"{upstream.url}/v1", [{name: "m"}]) | {"preferences": {"api_key_rate_limit": LIMIT}}
        for name in ("stuck", "quick")
    ]
    hedging = {"enabled": True, "after": 0.1, "max_extra": 100}
    preferences = {"hedging": hedging, "cooldown_period": 0}
    before = dict(upstream.asked)
    with running.gateway({**running.config(*channels), "preferences": preferences}) as gateway:
        statuses = [gateway.post(request("m", **LONG)).status for _ in range(4)]
    assert statuses == [200] * 4
    assert upstream.asked["stuck"] - before.get("stuck", 0) == 1, "its key has no room for another"
    assert upstream.asked["quick"] - before.get("quick", 0) == 4


@needs_redis
def test_two_processes_settle_in_one_redis(upstream: Upstream) -> None:
    with RedisServer() as redis:
        shared = {**plan(upstream), "preferences": {"state": redis.patient.reveal()}}
        with running.gateway(shared) as one, running.gateway(shared) as two:
            ask = [World(gateway, upstream) for gateway in (one, two)]
            assert [ask[turn % 2].ask("more")[0] for turn in range(8)] == [200] * 6 + [429] * 2
            assert [ask[turn % 2].ask("fewer", **LONG)[0] for turn in range(8)] == [200] * 8
            assert [ask[turn % 2].ask("silent", **LONG)[0] for turn in range(3)] == [200, 200, 429]
