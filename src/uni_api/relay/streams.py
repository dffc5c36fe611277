"""What is still to come of an upstream's stream once its first content was seen, on its way to the client.

Pieces are handed on the moment they arrive, without a task being woken for each.
"""

import asyncio
import secrets
import time

from msgspec import Struct, structs

from uni_api.canon import Broke, Event, Finish, Finished, Metered, Started, Usage
from uni_api.dialects import Front, StreamWriter, Tap
from uni_api.errors import Fault
from uni_api.providers.base import FrameDecoder
from uni_api.relay.answer import Answer, Outlet
from uni_api.relay.lane import Lane
from uni_api.relay.redact import hidden, redact
from uni_api.relay.upstream import UpstreamResponse
from uni_api.secret import Secret

LINGER = 1.0
"""Seconds to wait for the end of an upstream's body after its stream said it is done."""
LINGER_FINISHED = 15.0
"""Seconds to wait for usage and the closing mark after the finish reason was seen."""


class Told(Struct):
    """What an answer that passed through canon said of itself."""

    usage: Usage | None = None
    finish: Finish | None = None

    @property
    def finished(self) -> bool:
        return self.finish is not None


class Verbatim:
    """The upstream's own bytes, read along by a tap."""

    def __init__(
        self, response: UpstreamResponse, tap: Tap, front: Front, answer: Answer, secrets: tuple[Secret, ...]
    ) -> None:
        self._response = response
        self._tap = tap
        self._front = front
        self._answer = answer
        self._secrets = secrets

    async def pour(self, out: Outlet, /) -> None:
        response, tap = self._response, self._tap
        self._out = out
        try:
            more = True
            while more and not tap.done:
                if not tap.finished:
                    more = await response.pour(self._pass_on)
                else:
                    more = await self._late_piece()
                if out.paused:
                    await out.drained()
            if rest := tap.close():
                self._write(rest)
            if tap.done and not response.ended:
                await chunk_within(response, LINGER)
        except Fault as fault:
            self._answer.fault = redact(fault, self._secrets).bare()
            out.write(self._front.write_stream_error(fault))
        finally:
            if tap.broke is not None and self._answer.fault is None:
                self._answer.fault = redact(tap.broke, self._secrets)
            response.close()
            del self._answer  # which holds this stream, and all that the request was

    async def _late_piece(self) -> bool:
        chunk = await chunk_within(self._response, LINGER_FINISHED)
        if chunk:
            self._pass_on(chunk)
        return bool(chunk)

    def _pass_on(self, chunk: bytes) -> bool:
        tap = self._tap
        if piece := tap.feed(chunk):
            self._write(piece)
        return not (self._out.paused or tap.done or tap.finished)

    def _write(self, piece: bytes) -> None:
        self._out.write(piece if self._tap.broke is None else hidden(piece, self._secrets))


class Events:
    """The events of one upstream stream, chunk by chunk."""

    def __init__(
        self, response: UpstreamResponse, lane: Lane, frames: FrameDecoder, secrets: tuple[Secret, ...]
    ) -> None:
        self.response = response
        self.told = Told()
        self.ended = False
        self._reader = lane.back.reader(lane.realm)
        self._secrets = secrets
        self._frames = frames

    def read(self, chunk: bytes) -> list[Event]:
        """The events of a chunk, possibly none."""
        return self._noted([event for frame in self._frames.feed(chunk) for event in self._reader.feed(frame)])

    def close(self) -> list[Event]:
        """What is left when the upstream has closed."""
        events = [event for frame in self._frames.close() for event in self._reader.feed(frame)]
        events.extend(self._reader.close())
        self.ended = True
        return self._noted(events)

    async def next_chunk(self) -> bytes:
        """What comes next, to be read; nothing at the end, or when everything that matters was said."""
        if self.told.finish is not None:
            return await chunk_within(self.response, LINGER_FINISHED)
        return await self.response.chunk()

    def _noted(self, events: list[Event]) -> list[Event]:
        """The events with what they lack, once what they tell has been noted."""
        for place, event in enumerate(events):
            match event:
                case Started():
                    events[place] = structs.replace(event, id=event.id or fresh_id(), created=event.created or now())
                case Metered():
                    self.told.usage = event.usage
                case Finished():
                    self.told.finish = event.finish
                case Broke():
                    redact(event.fault, self._secrets)
                    self.ended = True
                case _:
                    pass
        return events


class Translated:
    """The upstream's events, said in the client's dialect."""

    def __init__(self, source: Events, writer: StreamWriter, front: Front, answer: Answer) -> None:
        self._source = source
        self._writer = writer
        self._front = front
        self._answer = answer

    async def pour(self, out: Outlet, /) -> None:
        source = self._source
        self._out = out
        try:
            while not source.ended:
                if source.told.finish is not None:
                    chunk = await source.next_chunk()
                    self._say(source.read(chunk) if chunk else source.close())
                elif not await source.response.pour(self._pass_on):
                    self._say(source.close())
                if out.paused:
                    await out.drained()
            if last := self._writer.close():
                out.write(last)
        except Fault as fault:
            self._answer.fault = fault.bare()
            out.write(self._front.write_stream_error(fault))
        finally:
            source.response.close()
            del self._answer  # which holds this stream, and all that the request was

    def _pass_on(self, chunk: bytes) -> bool:
        source = self._source
        self._say(source.read(chunk))
        return not (self._out.paused or source.ended or source.told.finish is not None)

    def _say(self, events: list[Event]) -> None:
        if piece := written(self._writer, events):
            self._out.write(piece)
        if events and isinstance(events[-1], Broke):
            self._answer.fault = events[-1].fault


def written(writer: StreamWriter, events: list[Event]) -> bytes:
    return b"".join([writer.feed(event) for event in events])


async def chunk_within(response: UpstreamResponse, seconds: float) -> bytes:
    """The next chunk, or the end when the upstream stays silent: what matters has been said."""
    try:
        async with asyncio.timeout(seconds):
            return await response.chunk()
    except TimeoutError:
        return b""
    except Fault as fault:
        fault.bare()  # the response keeps it
        return b""


def now() -> int:
    """Seconds since 1970, for providers that do not date their answers."""
    return int(time.time())


def fresh_id() -> str:
    """An id for an answer whose provider gave none."""
    return secrets.token_hex(12)
