"""Nothing keeps what was a request once it is over: a circle would, until the collector runs, which is rarely."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import Close, Hang, Send, Step, Upstream, answer, piece, stream_head
from tests.fakes.upstream import event as sse
from tests.relay.chat import DONE, ROLE, delta, fails, request, says, streams
from tests.server.conftest import Run
from tests.server.inside import Inside, inside
from tests.server.test_connection import came_true
from tests.server.test_relayed import ERROR, PAUSE, WORDS, burst, cut, paced
from uni_api.errors import Denied, Fault
from uni_api.relay import Answer, Exchange
from uni_api.relay.attempt import Arriving
from uni_api.relay.streams import Verbatim
from uni_api.server.errand import Errand
from uni_api.server.relayed import Relayed
from uni_api.server.request import Request
from uni_api.transport import Response

KEPT = (Relayed, Errand, Exchange, Arriving, Verbatim, Answer, Request, Response, Fault, Denied)
GOOD = "good"

pytestmark = pytest.mark.parametrize("run", ["uvloop"], indirect=True)


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def kept() -> dict[str, int]:
    """What of requests is alive, by kind."""
    return dict(Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, KEPT)))


async def rounds(on: Inside, upstream: Upstream, body: bytes, *, leave: bool, headers: tuple[str, ...] = ()) -> None:
    """Two requests on one connection each, or of clients that leave, none of which anything is kept of."""
    await on.ask(body)
    with no_collector():
        await came_true(lambda: not on.open)
        before = kept()
        for _ in range(2):
            async with on.client() as talk:
                asked = upstream.asked.get("m", 0)
                if leave:
                    talk.say(body, *headers)
                    await came_true(lambda asked=asked: upstream.asked.get("m", 0) > asked)  # type: ignore[misc]
                    await asyncio.sleep(0.05)
                else:
                    await talk.ask(body, *headers)
            await came_true(lambda: not on.open)
        await asyncio.sleep(0.05)
        assert kept() == before


WHOLE: dict[str, list[Step]] = {
    "JSON": says(GOOD),
    "JSON in pieces": cut(says(GOOD), 20, 150),
    "large JSON": cut(says("x" * 400_000), 1000),
    "500": fails(500),
    "429": fails(429),
    "400": fails(400),
    "error as 200": answer({"error": {"message": "no", "code": 500}}),
    "no JSON": answer(b"<html></html>", kind="text/html"),
    "cut": [Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"), PAUSE, Close()],
    "reset": [Close()],
}
STREAMS: dict[str, list[Step]] = {
    "burst": burst(*WORDS),
    "paced": paced(*WORDS),
    "error first": burst(ERROR),
    "error first, paced": paced(ERROR),
    "error after the role, paced": paced(ROLE, ERROR),
    "error after content": burst(ROLE, delta({"content": "half"}), ERROR),
    "error after content, paced": paced(ROLE, delta({"content": "half"}), ERROR),
    "no content": burst(ROLE, delta(finish="stop"), DONE),
    "not JSON": burst(sse("hello")),
    "not JSON, paced": paced(ROLE, sse("hello")),
    "cut": [stream_head(), piece(ROLE), piece(delta({"content": "half"})), Close()],
    "cut after the finish": [stream_head(), *map(piece, WORDS[:4]), PAUSE, Close()],
    "as JSON": says(GOOD),
    "500": fails(500),
}
KINDS = [*((name, False) for name in WHOLE), *((name, True) for name in STREAMS)]


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "with another"])
@pytest.mark.parametrize(("how", "stream"), KINDS)
def test_nothing_is_kept_of_what_was_answered(run: Run, how: str, stream: bool, alone: bool) -> None:
    steps = STREAMS[how] if stream else WHOLE[how]
    good = streams(GOOD) if stream else says(GOOD)

    async def main() -> None:
        with Upstream({"m": [good, steps]}) as a, Upstream({"m": good}) as b:
            channels = [running.channel(name, f"{up.url}/v1", ["m"]) for name, up in (("a", a), ("b", b))]
            more: dict[str, Any] = {"preferences": {"rate_limit": "10/min", "credits": 1, "AUTO_RETRY": not alone}}
            async with inside(running.config(*(channels[:1] if alone else channels), **more)) as on:
                await rounds(on, a, request(stream=stream), leave=False)

    run(main)


LEFT: dict[str, tuple[list[Step], bool]] = {
    "no head": ([Hang()], False),
    "half a body": ([Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"), Hang()], False),
    "no head of a stream": ([Hang()], True),
    "only a head": ([stream_head(), Hang()], True),
    "only a role": ([stream_head(), piece(ROLE), Hang()], True),
    "a word": ([stream_head(), piece(delta({"content": "word"})), Hang()], True),
}


@pytest.mark.parametrize("how", LEFT)
def test_nothing_is_kept_of_a_client_that_left(run: Run, how: str) -> None:
    steps, stream = LEFT[how]

    async def main() -> None:
        with Upstream({"m": [streams(GOOD) if stream else says(GOOD), steps]}) as a:
            config = running.config(running.channel("a", f"{a.url}/v1", ["m"]))
            async with inside(config) as on:
                await rounds(on, a, request(stream=stream), leave=True)

    run(main)


MOMENTS: dict[str, tuple[list[Step], bool]] = {
    "content": ([stream_head(), piece(delta({"content": "word"})), Hang()], True),
    "role": ([stream_head(), piece(ROLE), Hang()], True),
    "error": (burst(ERROR), True),
    "not JSON": (burst(sse("hello")), True),
    "error after content": (burst(delta({"content": "half"}), ERROR), True),
    "failure": (fails(500), False),
    "no answer": (answer(b"<html></html>", kind="text/html"), False),
}


@pytest.mark.parametrize("how", MOMENTS)
def test_nothing_is_kept_of_a_client_that_left_when_there_was_news(
    run: Run, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's leaving is told between the news and the task that is to go on with them."""
    steps, stream = MOMENTS[how]
    go_on = Relayed._hear
    heard: list[bytes] = []

    def hear(errand: Relayed) -> None:
        go_on(errand)
        exchange, out = errand._exchange, errand.out
        if out._errand is errand and exchange is not None and not isinstance(exchange._begun, Response):
            heard.append(errand.request.path)
            errand.cancel()
            out._errand = None
            out._transport.abort()

    async def main() -> None:
        with Upstream({"m": [streams(GOOD) if stream else says(GOOD), steps] * 4}) as a:
            channels = [running.channel(name, f"{a.url}/v1", ["m"]) for name in ("a", "b")]
            async with inside(running.config(*channels, preferences={"rate_limit": "10/min", "credits": 1})) as on:
                await on.ask(request(stream=stream))
                monkeypatch.setattr(Relayed, "_hear", hear)
                with no_collector():
                    await came_true(lambda: not on.open)
                    before = kept()
                    for _ in range(3):
                        async with on.client() as talk:
                            talk.say(request(stream=stream))
                            await talk.reader.read()
                        with monkeypatch.context() as quiet:
                            quiet.setattr(Relayed, "_hear", go_on)
                            await on.ask(request(stream=stream))  # so that a connection idles again
                        await came_true(lambda: not on.open)
                    assert kept() == before

    run(main)
    assert len(heard) == 3


@pytest.mark.parametrize("path", ["/nowhere", "/v1/chat/completions"])
def test_nothing_is_kept_of_what_was_refused(run: Run, path: str) -> None:
    async def main() -> None:
        with Upstream({"m": says(GOOD)}) as a:
            async with inside(running.config(running.channel("a", f"{a.url}/v1", ["m"]))) as on:
                await on.ask(request())
                with no_collector():
                    await came_true(lambda: not on.open)
                    before = kept()
                    for _ in range(3):
                        assert (await on.ask(request(), key="sk-wrong", path=path)).status in (401, 404)
                        assert (await on.ask(request("nobody"))).status == 404
                        assert (await on.ask(b"{")).status == 400
                        await came_true(lambda: not on.open)
                    assert kept() == before

    run(main)
