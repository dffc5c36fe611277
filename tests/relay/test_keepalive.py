"""Signs of life in silent streams, and that a stream which is kept open can still be tried elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from uni_api.dialects import registry
from uni_api.errors import Denied, Fault
from uni_api.relay.answer import EVENTS, Answer, Outlet
from uni_api.relay.keepalive import kept_open

T = TypeVar("T")
FRONT = registry.front("openai_chat")
ALIVE = b": keepalive\n\n"


def run(make: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        async with asyncio.timeout(5):
            return await make()

    return asyncio.run(main())


class Upstream:
    """An answer that takes its time, and knows whether it was let go."""

    def __init__(
        self, *pieces: bytes, before: float = 0.0, between: float = 0.0, error: Exception | None = None
    ) -> None:
        self.pieces = pieces
        self.before = before
        self.between = between
        self.error = error
        self.closed = 0

    async def answer(self) -> Answer:
        await asyncio.sleep(self.before)
        if self.error is not None:
            raise self.error
        answer = Answer(200, [EVENTS], b"first ")
        answer.stream = self
        answer.close = self._close
        return answer

    async def pour(self, out: Outlet, /) -> None:
        try:
            for piece in self.pieces:
                await asyncio.sleep(self.between)
                out.write(piece)
                if out.paused:
                    await out.drained()
        finally:
            self._close()

    def _close(self) -> None:
        self.closed += 1


class Client:
    """Takes everything that is written, as long as it is not `paused`."""

    def __init__(self, *first: bytes) -> None:
        self.pieces = [*first]
        self.paused = False
        self._resumed = asyncio.Event()

    def write(self, piece: bytes, /) -> None:
        assert not self.paused
        self.pieces.append(piece)

    async def drained(self) -> None:
        await self._resumed.wait()

    def resume(self) -> None:
        self.paused = False
        self._resumed.set()


async def whole(answer: Answer) -> list[bytes]:
    assert answer.stream is not None
    client = Client(answer.body)
    await answer.stream.pour(client)
    return client.pieces


def test_what_comes_in_time_is_passed_on_as_it_is() -> None:
    upstream = Upstream(b"a", b"b")

    async def main() -> list[bytes]:
        return await whole(await kept_open(upstream.answer(), 1.0, FRONT))

    assert run(main) == [b"first ", b"a", b"b"]
    assert upstream.closed >= 1


def test_a_late_answer_is_preceded_by_signs_of_life() -> None:
    upstream = Upstream(b"a", before=0.1)

    async def main() -> tuple[Answer, list[bytes]]:
        answer = await kept_open(upstream.answer(), 0.02, FRONT)
        return answer, await whole(answer)

    answer, pieces = run(main)
    assert (answer.status, answer.headers) == (200, [EVENTS])
    assert pieces[-2:] == [b"first ", b"a"]
    assert set(pieces[:-2]) == {ALIVE} and len(pieces) >= 4


def test_an_answer_in_chunks_loses_them_where_a_stream_is_open() -> None:
    async def late() -> Answer:
        await asyncio.sleep(0.05)
        return Answer(200, [EVENTS], framed=(b"5\r\nhello\r\n4", b"\r\n you\r\n0\r\n\r\n"))

    async def main() -> list[bytes]:
        return await whole(await kept_open(late(), 0.02, FRONT))

    pieces = run(main)
    assert pieces[0] == ALIVE and pieces[-1] == b"hello you"


def test_a_pause_between_two_pieces_has_signs_of_life() -> None:
    upstream = Upstream(b"a", b"b", between=0.1)

    async def main() -> list[bytes]:
        return await whole(await kept_open(upstream.answer(), 0.03, FRONT))

    pieces = run(main)
    assert [piece for piece in pieces if piece != ALIVE] == [b"first ", b"a", b"b"]
    assert pieces.index(b"a") > 1 and pieces.index(b"b") - pieces.index(b"a") > 1


@pytest.mark.parametrize("error", [Fault("timeout", "too slow"), Denied(429, "enough")])
def test_a_late_failure_is_said_in_band(error: Exception) -> None:
    upstream = Upstream(before=0.1, error=error)

    async def main() -> list[bytes]:
        return await whole(await kept_open(upstream.answer(), 0.02, FRONT))

    pieces = run(main)
    assert b'"error"' in pieces[-1] and str(error).encode() in pieces[-1]
    assert b"[DONE]" not in b"".join(pieces)


def test_a_prompt_failure_is_raised() -> None:
    async def main() -> Answer:
        return await kept_open(Upstream(error=Fault("timeout", "no")).answer(), 1.0, FRONT)

    with pytest.raises(Fault):
        run(main)


@pytest.mark.parametrize("wait", [0.01, 0.05, 0.12])
def test_who_leaves_takes_the_upstream_along(wait: float) -> None:
    upstream = Upstream(*[b"x"] * 1000, before=0.06, between=0.01)

    async def main() -> None:
        async def client() -> None:
            answer = await kept_open(upstream.answer(), 0.02, FRONT)
            assert answer.stream is not None
            await answer.stream.pour(Client())

        task = asyncio.create_task(client())
        await asyncio.sleep(wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    run(main)
    assert upstream.closed >= (1 if wait > 0.06 else 0)


def test_a_client_that_reads_nothing_gets_no_signs_of_life() -> None:
    upstream = Upstream(b"a", b"b")

    async def main() -> list[bytes]:
        answer = await kept_open(upstream.answer(), 0.02, FRONT)
        assert answer.stream is not None
        client = Client(answer.body)
        client.paused = True
        client.write = lambda piece: client.pieces.append(piece)  # type: ignore[method-assign]
        pouring = asyncio.ensure_future(answer.stream.pour(client))
        await asyncio.sleep(0.1)
        assert ALIVE not in client.pieces
        client.resume()
        await pouring
        return client.pieces

    assert run(main) == [b"first ", b"a", b"b"]


def test_an_open_stream_that_nobody_reads_lets_go_of_the_upstream() -> None:
    upstream = Upstream(b"a", before=10)

    async def main() -> None:
        answer = await kept_open(upstream.answer(), 0.02, FRONT)
        answer.abandon()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)
