"""The way of a stream once its first content was seen: at the client's pace, and honest about its end."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar, cast

import pytest

from uni_api.canon import Request
from uni_api.dialects import registry
from uni_api.errors import Fault
from uni_api.framing import SseDecoder
from uni_api.relay import streams
from uni_api.relay.answer import Answer
from uni_api.relay.lane import Lane
from uni_api.relay.streams import Events, Translated, Verbatim, written
from uni_api.secret import Secret

T = TypeVar("T")
FRONT = registry.front("openai_chat")
SECRET = Secret("sk-canary-000")


def run(make: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        async with asyncio.timeout(5):
            return await make()

    return asyncio.run(main())


def event(content: str | None = None, finish: str | None = None, error: str | None = None) -> bytes:
    if error is not None:
        return b'data: {"error":{"message":"%b","code":500}}\n\n' % error.encode()
    delta = b'{"content":"%b"}' % content.encode() if content else b"{}"
    reason = b'"%b"' % finish.encode() if finish else b"null"
    return b'data: {"id":"c","choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % (delta, reason)


DONE = b"data: [DONE]\n\n"


class Upstream:
    """A response whose pieces come one by one; a Fault among them is raised."""

    status = 200
    framed = b""
    framed_from = 0

    def __init__(self, *pieces: bytes | Fault, silent: bool = False) -> None:
        self.left = [*pieces]
        self.silent = silent
        self.closed = False
        self.asked = 0

    @property
    def ended(self) -> bool:
        return not self.left and not self.silent

    def header(self, name: bytes, /) -> bytes | None:
        return None

    def at_hand(self) -> bytes:
        return b""

    async def chunk(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.left:
            if self.silent:
                await asyncio.sleep(60)
            return b""
        piece = self.left.pop(0)
        if isinstance(piece, Fault):
            raise piece
        return piece

    async def pour(self, sink: Callable[[bytes], bool], /) -> bool:
        while piece := await self.chunk():
            if not sink(piece):
                return True
        return False

    async def read(self, limit: int, /) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


class Client:
    """Takes `room` pieces at a time; then it has to be waited for."""

    def __init__(self, room: int = 1000) -> None:
        self.pieces: list[bytes] = []
        self.waits = 0
        self._room = self._left = room

    @property
    def paused(self) -> bool:
        return self._left <= 0

    def write(self, piece: bytes, /) -> None:
        assert piece
        self._left -= 1
        self.pieces.append(piece)

    async def drained(self) -> None:
        self.waits += 1
        await asyncio.sleep(0)
        self._left = self._room


def verbatim(upstream: Upstream, answer: Answer) -> Verbatim:
    tap = registry.verbatim("openai_chat").tap(usage_shown=True)
    tap.feed(event("first"))
    return Verbatim(upstream, tap, FRONT, answer, (SECRET,))


def translated(upstream: Upstream, answer: Answer) -> Translated:
    back = registry.back("openai_chat")
    lane = cast(Lane, type("L", (), {"back": back, "realm": "r"}))
    source = Events(upstream, lane, SseDecoder(), (SECRET,))
    writer = FRONT.writer(Request(model="m", turns=(), stream=True))
    written(writer, source.read(event("first")))
    return Translated(source, writer, FRONT, answer)


Made = Callable[[Upstream, Answer], Verbatim | Translated]
both = pytest.mark.parametrize("made", [verbatim, translated])


@both
@pytest.mark.parametrize("room", [1, 2, 1000])
def test_every_piece_comes_at_the_clients_pace(made: Made, room: int) -> None:
    upstream = Upstream(*[event(f"w{n}") for n in range(9)], event(finish="stop"), DONE)
    client, answer = Client(room), Answer(200, [])
    run(lambda: made(upstream, answer).pour(client))
    out = b"".join(client.pieces)
    assert [b"w%d" % n in out for n in range(9)] == [True] * 9
    assert out.endswith(DONE) and answer.fault is None and upstream.closed
    assert client.waits >= (9 // room if room < 1000 else 0)


@both
def test_a_stream_that_breaks_says_so_and_shows_no_key(made: Made) -> None:
    upstream = Upstream(event("one"), Fault("protocol", "gone with sk-canary-000", raw=b"sk-canary-000"))
    client, answer = Client(), Answer(200, [])
    run(lambda: made(upstream, answer).pour(client))
    out = b"".join(client.pieces)
    assert b'"error"' in client.pieces[-1] and DONE not in out
    assert answer.fault is not None and answer.fault.kind == "protocol" and upstream.closed
    if made is verbatim:
        assert b"canary" not in out


@both
def test_an_error_in_the_stream_is_a_failure_and_shows_no_key(made: Made) -> None:
    upstream = Upstream(event("one"), event(error="no more for sk-canary-000"))
    client, answer = Client(), Answer(200, [])
    run(lambda: made(upstream, answer).pour(client))
    assert answer.fault is not None and "canary" not in answer.fault.message
    assert b"canary" not in b"".join(client.pieces) and b"no more" in client.pieces[-1]


@both
def test_after_the_finish_silence_is_the_end(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINGER_FINISHED", 0.02)
    upstream = Upstream(event("one"), event(finish="stop"), silent=True)
    client, answer = Client(), Answer(200, [])
    run(lambda: made(upstream, answer).pour(client))
    assert answer.fault is None and upstream.closed


@both
def test_who_leaves_closes_the_upstream(made: Made) -> None:
    upstream = Upstream(event("one"), silent=True)

    async def main() -> None:
        pouring = asyncio.ensure_future(made(upstream, Answer(200, [])).pour(Client()))
        await asyncio.sleep(0.02)
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        assert pouring.cancelled()

    run(main)
    assert upstream.closed


@both
def test_what_was_poured_is_free_at_once(made: Made) -> None:
    """A circle would keep the request's body until the collector runs, which is rarely."""
    upstream = Upstream(event("one"), event(finish="stop"), DONE)
    held = Lane.__new__(Lane)
    watched = weakref.ref(held)
    gc.disable()
    try:
        answer = Answer(200, [])
        answer.stream = stream = made(upstream, answer)
        answer.close = cast(Callable[[], None], held)
        run(partial(stream.pour, Client()))
        del answer, held, stream
        assert watched() is None
    finally:
        gc.enable()
