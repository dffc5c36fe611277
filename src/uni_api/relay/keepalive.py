"""A stream that is kept open while nothing comes: comments for the client, and still every chance to try elsewhere."""

import asyncio
from collections.abc import Awaitable

from uni_api.dialects import Front
from uni_api.errors import Denied, Fault
from uni_api.relay.answer import EVENTS, Answer, Outlet, Stream


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
            answer.stream = _Lively(answer.stream, pause, front.keepalive)
        return answer
    opened = Answer(200, [EVENTS], front.keepalive)
    opened.stream = stream = _Awaited(task, pause, front, opened)
    opened.close = stream.close
    return opened


class _Lively:
    """A stream, with a sign of life after every `pause` seconds of silence."""

    def __init__(self, stream: Stream, pause: float, sign: bytes) -> None:
        self._stream = stream
        self._pause = pause
        self._sign = sign

    async def pour(self, out: Outlet, /) -> None:
        pulse = _Pulse(out, self._pause, self._sign)
        try:
            await self._stream.pour(pulse)
        finally:
            pulse.stop()


class _Awaited:
    """What `task` comes to, with signs of life until then and after."""

    def __init__(self, task: asyncio.Future[Answer], pause: float, front: Front, opened: Answer) -> None:
        self._task = task
        self._pause = pause
        self._front = front
        self._opened = opened

    def close(self) -> None:
        self._task.cancel()

    async def pour(self, out: Outlet, /) -> None:
        opened = self._opened
        pulse = _Pulse(out, self._pause, self._front.keepalive)
        try:
            try:
                answer = await self._task
            except (Denied, Fault) as error:
                opened.fault = error.bare() if isinstance(error, Fault) else None
                out.write(self._front.write_stream_error(error))
                return
            opened.told, opened.fault = answer.told, answer.fault
            if first := answer.unframed():
                pulse.write(first)
            if answer.stream is not None:
                await answer.stream.pour(pulse)
                opened.fault = answer.fault
        finally:
            pulse.stop()
            del self._opened  # which holds this stream, and all that the request was
            await _stopped(self._task)


class _Pulse:
    """The way to the client, on which something is written at least every `pause` seconds."""

    def __init__(self, out: Outlet, pause: float, sign: bytes) -> None:
        self._out = out
        self._pause = pause
        self._sign = sign
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_at(self._last + pause, self._beat)

    @property
    def paused(self) -> bool:
        return self._out.paused

    def write(self, piece: bytes, /) -> None:
        self._last = self._loop.time()
        self._out.write(piece)

    async def drained(self) -> None:
        await self._out.drained()

    def stop(self) -> None:
        self._timer.cancel()

    def _beat(self) -> None:
        now = self._loop.time()
        if now >= self._last + self._pause:
            self._last = now
            if not self._out.paused:
                self._out.write(self._sign)
        self._timer = self._loop.call_at(self._last + self._pause, self._beat)


async def _stopped(task: asyncio.Future[Answer]) -> None:
    """`task` is over: cancelled, unless it had ended. An answer that it came to lets go of its upstream."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and task.exception() is None:
        task.result().abandon()
