"""Requests for upstreams over real sockets, most of which take no task once there is a connection to be used."""

import asyncio
import gzip
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import END, Close, Hang, Reset, Script, Send, Step, Upstream, Wait, answer, piece, stream_head
from tests.fakes.upstream import event as sse
from tests.hostile.raw import Reply, replies
from tests.relay.chat import DONE, ROLE, USAGE_ONLY, completion, delta, fails, request, says, streams
from tests.relay.test_exchange import text_of
from tests.server.conftest import Run
from tests.server.inside import Inside, inside, planned
from tests.server.test_connection import came_true
from uni_api.dialects.openai_chat import tap, verbatim
from uni_api.transport import connection as transport

GOOD = "good"
PAUSE = Wait(0.02)


def cut(steps: list[Step], *places: int) -> list[Step]:
    """A whole answer in pieces, with a pause between."""
    (only,) = steps
    assert isinstance(only, Send)
    bounds = [0, *places, len(only.data)]
    found: list[Step] = []
    for start, stop in itertools.pairwise(bounds):
        found += [Send(only.data[start:stop]), PAUSE]
    return found[:-1]


def burst(*events: bytes) -> list[Step]:
    """A whole stream that arrives at once."""
    return [Send(b"".join(step.data for step in (stream_head(), *map(piece, events), END)))]


def paced(*events: bytes) -> list[Step]:
    """A stream of which the head comes first, then every event by itself."""
    return [stream_head(), PAUSE, *(step for one in events for step in (piece(one), PAUSE)), END]


def answers(steps: list[Step], at: int = 0) -> int:
    """Where the body begins."""
    first = steps[at]
    assert isinstance(first, Send)
    return first.data.index(b"\r\n\r\n") + 4


WORDS = [ROLE, delta({"content": "go"}), delta({"content": "od"}), delta(finish="stop"), USAGE_ONLY, DONE]
ERROR = sse({"error": {"message": "overloaded", "code": 529}})
LARGE = "x" * 400_000


@asynccontextmanager
async def stage(a: dict[str, Any], b: Script | None = None, **more: Any) -> AsyncIterator[tuple[Inside, Upstream]]:
    """Channel a does as told, b (where there is one) always well. `more` is for the client key."""
    models = list(a)
    with Upstream(a) as first, Upstream({"*": b or ()}) as second:
        channels = [running.channel("a", f"{first.url}/v1", models)]
        if b is not None:
            channels.append(running.channel("b", f"{second.url}/v1", models))
        async with inside(running.config(*channels, **more)) as on:
            yield on, first


def content(reply: Reply) -> Any:
    assert reply.status == 200, reply
    if reply.headers["content-type"] == "application/json":
        return reply.json()["choices"][0]["message"]["content"]
    return text_of(reply.body)


async def asked_twice(on: Inside, *, stream: bool = False, model: str = "m") -> tuple[Reply, int]:
    """What comes of the second request, on a connection to the upstream that is there already; the tasks it took."""
    first = await on.ask(request(model, stream=stream))
    assert content(first) == GOOD, first
    before = on.serving
    assert before == 1
    return await on.ask(request(model, stream=stream)), on.serving - before


JSON = json.dumps(completion(GOOD)).encode()
PIECES: list[Step] = [PAUSE, piece(JSON[:40]), PAUSE, piece(JSON[40:]), PAUSE]
WHOLE: dict[str, tuple[list[Step], int]] = {
    # what the upstream does, and how many tasks that takes
    "at once": (says(GOOD), 0),
    "head, half, half": (cut(says(GOOD), answers(says(GOOD)), answers(says(GOOD)) + 60), 0),
    "half a head": (cut(says(GOOD), 20), 0),
    "chunked": ([Send(stream_head().data.replace(b"text/event-stream", b"application/json")), *PIECES, END], 0),
    "packed": (answer(gzip.compress(JSON), headers=(("Content-Encoding", "gzip"),)), 1),
}


@pytest.mark.parametrize("how", WHOLE)
def test_a_whole_answer_takes_no_task(run: Run, how: str) -> None:
    async def main() -> None:
        steps, tasks = WHOLE[how]
        async with stage({"m": [says(GOOD), steps]}) as (on, upstream):
            got, taken = await asked_twice(on)
            assert (content(got), taken) == (GOOD, tasks)
            assert (got.headers["x-uni-api-attempts"], got.headers["x-uni-api-provider"]) == ("1", "a")
            assert got.headers["x-request-id"]
            assert len(upstream.connections) == 1

    run(main)


@pytest.mark.parametrize("pieces", [(), (1000,), (70_000, 200_000)], ids=["at once", "early", "late"])
def test_a_large_answer_comes_whole(run: Run, pieces: tuple[int, ...]) -> None:
    async def main() -> None:
        async with stage({"m": [says(GOOD), cut(says(LARGE), *pieces)]}) as (on, upstream):
            got, _ = await asked_twice(on)
            assert content(got) == LARGE
            assert len(upstream.connections) == 1
            assert content(await on.ask(request())) == LARGE

    run(main)


STREAMS: dict[str, tuple[list[Step], int]] = {
    "burst": (burst(*WORDS), 0),
    "burst without a role": (burst(*WORDS[1:]), 0),
    "paced": (paced(*WORDS), 1),
    "role first": ([Send(stream_head().data + piece(ROLE).data), PAUSE, *map(piece, WORDS[1:]), END], 1),
    "content first": ([stream_head(), piece(WORDS[1]), PAUSE, *map(piece, WORDS[2:]), END], 1),
    "half an event first": ([stream_head(), piece(ROLE[:30]), PAUSE, piece(ROLE[30:]), *map(piece, WORDS[1:]), END], 1),
    "a comment first": ([stream_head(), piece(b": hello\n\n"), PAUSE, *map(piece, WORDS), END], 1),
    "as JSON": (says(GOOD), 1),
}


@pytest.mark.parametrize("how", STREAMS)
def test_a_stream_comes_byte_for_byte(run: Run, how: str) -> None:
    async def main() -> None:
        steps, tasks = STREAMS[how]
        async with stage({"m": [streams(GOOD), steps, steps]}) as (on, upstream):
            got, taken = await asked_twice(on, stream=True)
            assert (text_of(got.body), taken) == (GOOD, tasks)
            sent = b"".join(WORDS[1:] if how in ("burst without a role", "content first") else WORDS)
            if how != "as JSON":
                assert got.body.removeprefix(b": hello\n\n") == sent.replace(USAGE_ONLY, b"")
            again = await on.ask(request(stream=True, stream_options={"include_usage": True}))
            assert (how == "as JSON") or again.body.removeprefix(b": hello\n\n") == sent
            assert len(upstream.connections) == 1

    run(main)


FALLS_BACK: dict[str, tuple[list[Step], bool]] = {
    # what the upstream does, and whether to a stream
    **{f"{status}": (fails(status), False) for status in (500, 429, 401, 404, 408)},
    **{f"stream {status}": (fails(status), True) for status in (500, 429, 401)},
    "500 in pieces": (cut(fails(500), 20, answers(fails(500)) + 3), False),
    "stream 500 in pieces": (cut(fails(500), 20, answers(fails(500)) + 3), True),
    "redirect": (answer(b"", 302, (("Location", "http://127.0.0.1:1/"),)), False),
    "nothing": (answer(b""), False),
    "no JSON": (answer(b"<html></html>", kind="text/html"), False),
    "error as 200": (answer({"error": {"message": "no", "code": 500}}), False),
    "no word": (answer({**completion(""), "usage": None}), False),
    "half a body": ([Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"), PAUSE, Close()], False),
    "garbage": ([Send(b"garbage\r\n\r\n"), Close()], False),
    "error first": (burst(ERROR), True),
    "error first, paced": (paced(ERROR), True),
    "error after the role": (burst(ROLE, ERROR), True),
    "error after the role, paced": (paced(ROLE, ERROR), True),
    "no event": (burst(), True),
    "no content": (burst(ROLE, delta(finish="stop"), DONE), True),
    "no content, paced": (paced(ROLE, delta(finish="stop"), DONE), True),
    "not JSON": (burst(sse("hello")), True),
    "cut in the role": ([stream_head(), piece(ROLE[:20]), PAUSE, Close()], True),
    "just a head": ([stream_head(), PAUSE, Close()], True),
}


@pytest.mark.parametrize("how", FALLS_BACK)
def test_a_failure_of_what_was_begun_falls_back_once(run: Run, how: str) -> None:
    async def main() -> None:
        steps, stream = FALLS_BACK[how]
        good = streams(GOOD) if stream else says(GOOD)
        async with stage({"m": [good, steps]}, good) as (on, upstream):
            got, taken = await asked_twice(on, stream=stream)
            assert (content(got), taken) == (GOOD, 1)
            assert (got.headers["x-uni-api-attempts"], got.headers["x-uni-api-provider"]) == ("2", "b")
            assert upstream.asked["m"] == 2
            if stream:
                assert got.body == ROLE + delta({"content": GOOD}) + delta(finish="stop") + DONE

    run(main)


def test_an_error_after_content_is_told_as_it_came(run: Run) -> None:
    async def main() -> None:
        script = [streams(GOOD), burst(ROLE, delta({"content": "half"}), ERROR), streams(GOOD)]
        async with stage({"m": script}, streams(GOOD)) as (on, _):
            got, _ = await asked_twice(on, stream=True)
            assert got.body == ROLE + delta({"content": "half"}) + ERROR
            assert got.headers["x-uni-api-attempts"] == "1"
            assert content(await on.ask(request(stream=True))) == GOOD

    run(main)


def test_a_burst_that_breaks_off_says_so(run: Run) -> None:
    async def main() -> None:
        half = [Send(stream_head().data + piece(delta({"content": "half"})).data), Close()]
        async with stage({"m": [streams(GOOD), half]}, streams(GOOD)) as (on, _):
            got, _ = await asked_twice(on, stream=True)
            assert text_of(got.body) == "half"
            assert set(json.loads(got.body.split(b"data: ")[-1])) == {"error"}

    run(main)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("idle", [True, False])
def test_a_connection_that_had_been_idle_is_replaced_once(
    run: Run, idle: bool, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was used a moment ago is not: whoever resets that has seen the request."""
    monkeypatch.setattr(transport, "JUST_USED", 0.0 if idle else 60.0)
    good = streams(GOOD) if stream else says(GOOD)

    async def main() -> None:
        async with stage({"m": [good, [Reset()], good]}, good) as (on, upstream):
            got, _ = await asked_twice(on, stream=stream)
            assert content(got) == GOOD
            assert got.headers["x-uni-api-attempts"] == ("1" if idle else "2")
            assert got.headers["x-uni-api-provider"] == ("a" if idle else "b")
            assert (upstream.asked["m"], len(upstream.connections)) == ((3, 2) if idle else (2, 1))

    run(main)


def test_a_connection_is_not_replaced_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "JUST_USED", 0.0)

    async def main() -> None:
        async with stage({"m": [says(GOOD), [Reset()]]}, says(GOOD)) as (on, upstream):
            got, _ = await asked_twice(on)
            assert (content(got), got.headers["x-uni-api-attempts"], upstream.asked["m"]) == (GOOD, "2", 3)

    run(main)


def test_requests_sent_ahead_are_answered_in_order(run: Run) -> None:
    """Those that take a task among those that take none."""

    async def main() -> None:
        async with stage({"m": says(GOOD), "n": says("n")}) as (on, _):
            await asked_twice(on)
            async with on.client() as talk:
                packed = gzip.compress(request("n"))
                for number in range(12):
                    if number % 3 == 1:
                        talk.say(packed, "content-encoding: gzip")
                    else:
                        talk.say(request("m" if number % 3 else "n"))
                talk.say(request("nobody"), close=True)
                data = await talk.reader.read()
            found = replies(data)
            assert [content(reply) for reply in found[:12]] == ["n", "n", GOOD] * 4
            assert (found[12].status, len(found)) == (404, 13)

    run(main)


def test_a_request_that_asks_for_it_is_the_last(run: Run) -> None:
    async def main() -> None:
        async with stage({"m": says(GOOD)}) as (on, _):
            await asked_twice(on)
            async with on.client() as talk:
                got = await talk.ask(request(), close=True)
                assert (content(got), got.headers["connection"]) == (GOOD, "close")
                assert await talk.reader.read() == b""
            assert on.serving == 1

    run(main)


def test_what_a_browser_needs_is_said(run: Run) -> None:
    async def main() -> None:
        async with stage({"m": says(GOOD)}) as (on, _):
            for _ in range(3):
                got = await on.ask(request(), "origin: https://app.test", "x-request-id: mine")
                assert got.headers["access-control-allow-origin"] == "*"
                assert got.headers["x-request-id"] == "mine"

    run(main)


SILENT: dict[str, tuple[Script, bool]] = {
    "no head": ([Hang()], False),
    "half a body": ([Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"), Hang()], False),
    "no head of a stream": ([Hang()], True),
    "only a head": ([stream_head(), Hang()], True),
    "only a role": ([stream_head(), piece(ROLE), Hang()], True),
    "a word": ([stream_head(), piece(delta({"content": "word"})), Hang()], True),
}


async def hanging(on: Inside, upstream: Upstream, talk: Any, how: str) -> Any:
    """The upstream's end of a request that nothing more comes for."""
    talk.say(request(stream=SILENT[how][1]))
    await came_true(lambda: upstream.asked.get("m", 0) == 2)
    await asyncio.sleep(0.05)
    return upstream.connections[upstream.received[-1].connection]


@pytest.mark.parametrize("how", SILENT)
def test_a_client_that_leaves_frees_the_upstream(run: Run, how: str) -> None:
    async def main() -> None:
        steps, stream = SILENT[how]
        good = streams(GOOD) if stream else says(GOOD)
        async with stage({"m": [good, steps, good]}) as (on, upstream):
            assert content(await on.ask(request(stream=stream))) == GOOD
            async with on.client() as talk:
                far = await hanging(on, upstream, talk, how)
                assert far.open
                talk.leave()
                await came_true(lambda: not far.open)
            assert content(await on.ask(request(stream=stream))) == GOOD

    run(main)


@pytest.mark.parametrize("how", SILENT)
def test_who_is_cut_off_by_the_end_is_told(run: Run, how: str) -> None:
    async def main() -> None:
        steps, stream = SILENT[how]
        good = streams(GOOD) if stream else says(GOOD)
        async with stage({"m": [good, steps]}) as (on, upstream):
            assert content(await on.ask(request(stream=stream))) == GOOD
            await came_true(lambda: not on.open)
            async with on.client() as talk:
                far = await hanging(on, upstream, talk, how)
                (served,) = on.open
                served.stop()
                got = await talk.hear()
                if how == "a word":
                    assert b"shutting down" in got.body
                else:
                    assert (got.status, got.json()["error"]["code"]) == (503, "shutting_down")
                assert await talk.reader.read() == b""
                await came_true(lambda: not far.open)

    run(main)


def _break(monkeypatch: pytest.MonkeyPatch, stream: bool) -> Callable[[], None]:
    """Something in the dialect is wrong, once."""

    def wrong(*_: Any, **__: Any) -> Any:
        monkeypatch.undo()
        raise ZeroDivisionError("on purpose")

    def arm() -> None:
        if stream:
            monkeypatch.setattr(tap.Tap, "feed", wrong)
        else:
            monkeypatch.setattr(verbatim, "glance", wrong)

    return arm


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("warm", [True, False], ids=["taskless", "in a task"])
def test_a_bug_is_a_500_and_the_connection_serves_on(
    run: Run, warm: bool, stream: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arm = _break(monkeypatch, stream)

    async def main() -> None:
        good = burst(*WORDS) if stream else says(GOOD)
        async with stage({"m": good}, preferences={"rate_limit": "10/min", "credits": 1}) as (on, _):
            if warm:
                await asked_twice(on, stream=stream)
            async with on.client() as talk:
                arm()
                got = await talk.ask(request(stream=stream))
                assert (got.status, got.json()["error"]["code"]) == (500, "internal_error")
                assert "purpose" not in got.body.decode()
                assert content(await talk.ask(request(stream=stream))) == GOOD

    with caplog.at_level(logging.ERROR):
        run(main)
    assert len(caplog.records) == 1 and "on purpose" in caplog.text


def test_a_key_that_was_taken_away_is_refused(run: Run) -> None:
    """Also on a connection on which it was known."""

    async def main() -> None:
        with Upstream({"m": says(GOOD)}) as upstream:
            config = running.config(running.channel("a", f"{upstream.url}/v1", ["m"]))
            async with inside(config) as on, on.client() as talk:
                for _ in range(3):
                    assert content(await talk.ask(request())) == GOOD
                config["api_keys"][0]["api"] = "sk-another"
                on.app.gateway.use(planned(config))
                assert (await talk.ask(request())).status == 401
                assert content(await talk.ask(request(), key="sk-another")) == GOOD

    run(main)
