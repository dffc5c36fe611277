"""Signs of life in silent streams, and that a stream which is kept open can still be tried elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

import pytest

from uni_api.dialects import registry
from uni_api.errors import Denied, Fault
from uni_api.relay.answer import EVENTS, Answer
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
        answer = Answer(200, [*EVENTS], b"first ")
        answer.stream = self._stream()
        answer.close = self._close
        return answer

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                await asyncio.sleep(self.between)
                yield piece
        finally:
            self._close()

    def _close(self) -> None:
        self.closed += 1


async def whole(answer: Answer) -> list[bytes]:
    assert answer.stream is not None
    return [answer.body, *[piece async for piece in answer.stream]]


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
    assert (answer.status, answer.headers) == (200, [*EVENTS])
    assert pieces[-2:] == [b"first ", b"a"]
    assert set(pieces[:-2]) == {ALIVE} and len(pieces) >= 4


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
            try:
                async for _ in answer.stream:
                    pass
            finally:
                await answer.stream.aclose()

        task = asyncio.create_task(client())
        await asyncio.sleep(wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    run(main)
    assert upstream.closed >= (1 if wait > 0.06 else 0)
