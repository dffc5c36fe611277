"""A stream that is kept open while nothing comes: comments for the client, and still every chance to try elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import TypeVar

from uni_api.dialects import Front
from uni_api.errors import Denied, Fault
from uni_api.relay.answer import EVENTS, Answer

T = TypeVar("T")


async def kept_open(work: Awaitable[Answer], pause: float, front: Front) -> Answer:
    """The answer that `work` comes to, or an open stream when that takes longer than `pause` seconds.

    The stream has a sign of life every `pause` seconds, before the first content and between any two pieces. A failure
    of `work` after it has begun is said in-band. Raises what `work` raises before.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=pause)
    except BaseException:
        await _stopped(task)
        raise
    if done:
        answer = task.result()
        if answer.stream is not None:
            answer.stream = _lively(answer.stream, pause, front)
        return answer
    opened = Answer(200, [*EVENTS], front.keepalive)
    opened.stream = _awaited(task, pause, front, opened)
    return opened


async def _awaited(
    task: "asyncio.Future[Answer]", pause: float, front: Front, opened: Answer
) -> AsyncGenerator[bytes, None]:
    try:
        while not (await asyncio.wait({task}, timeout=pause))[0]:
            yield front.keepalive
        try:
            answer = task.result()
        except (Denied, Fault) as error:
            opened.fault = error.with_traceback(None) if isinstance(error, Fault) else None
            yield front.write_stream_error(error)
            return
        opened.told, opened.fault = answer.told, answer.fault
        yield answer.body
        if answer.stream is not None:
            async for piece in _lively(answer.stream, pause, front):
                yield piece
            opened.fault = answer.fault
    finally:
        await _stopped(task)


async def _lively(stream: AsyncGenerator[bytes, None], pause: float, front: Front) -> AsyncGenerator[bytes, None]:
    """`stream`, with a sign of life after every `pause` seconds of silence."""
    piece = asyncio.ensure_future(anext(stream, None))
    try:
        while True:
            if not piece.done() and not (await asyncio.wait({piece}, timeout=pause))[0]:
                yield front.keepalive
                continue
            said = piece.result()
            if said is None:
                return
            yield said
            piece = asyncio.ensure_future(anext(stream, None))
    finally:
        await _stopped(piece)
        await stream.aclose()


async def _stopped(task: "asyncio.Future[T]") -> None:
    """`task` is over: cancelled, unless it had ended. An answer that it came to lets go of its upstream."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and task.exception() is None:
        result = task.result()
        if isinstance(result, Answer):
            result.abandon()
