"""The doing of one try: send, and wait until the upstream has shown content or a fault.

A function here returns only what can be committed: a whole answer, or a stream whose first piece is in hand. Anything
else is a Fault, and the upstream connection is closed.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from uni_api.canon import (
    Broke,
    Event,
    Finish,
    Finished,
    Grew,
    Losses,
    Media,
    Metered,
    Opened,
    Reply,
    Request,
    Started,
    Usage,
    unfold,
)
from uni_api.canon.parts import Call, Foreign, Text
from uni_api.canon.reply import Choice
from uni_api.dialects import Front, StreamWriter, Tap
from uni_api.dialects.edits import Edits
from uni_api.errors import Fault
from uni_api.framing import SseDecoder
from uni_api.providers.base import FrameDecoder
from uni_api.relay import retry_after
from uni_api.relay.answer import EVENTS, JSON, Answer
from uni_api.relay.lane import Lane
from uni_api.relay.redact import hidden, redact
from uni_api.relay.upstream import UpstreamResponse
from uni_api.routing import Try
from uni_api.secret import Secret

T = TypeVar("T")

MAX_REPLY = 256 * 1024 * 1024
MAX_ERROR = 1024 * 1024
MAX_HELD_EVENTS = 100_000
LINGER = 1.0
"""Seconds to wait for the end of an upstream's body after its stream said it is done."""
LINGER_FINISHED = 15.0
"""Seconds to wait for usage and the closing mark after the finish reason was seen."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Told(msgspec.Struct):
    """What an answer that passed through canon said of itself."""

    usage: Usage | None = None
    finish: Finish | None = None


async def verbatim(lane: Lane, attempt: Try, seen: Any, front: Front) -> Answer:
    """Try with the client's own bytes."""
    assert lane.verbatim is not None
    edits = lane.edits
    if lane.hints.reasoning is not None:
        edits = Edits(set=lane.verbatim.reasoning_edits(seen, lane.hints.reasoning)).then(edits)
    body = lane.verbatim.splice(seen, lane.candidate.model, edits)
    response = await lane.send(attempt, body, stream=seen.stream)
    try:
        if not 200 <= response.status < 300:
            raise await _failure(response, lane, attempt, stream=seen.stream)
        if not seen.stream:
            whole = await response.read(MAX_REPLY)
            if lane.triggers:
                _refuse_triggers(whole, lane)
            told = lane.verbatim.glance(whole, lenient=attempt.alone)
            response.close()
            return Answer(200, [JSON], whole, None, told)
        response, is_whole = await _looked_at(response)
        if is_whole:
            reply = await _read_reply(response, lane, lenient=attempt.alone)
            return _streamed(reply, front.writer(_plain_request(seen)))
        tap = lane.verbatim.tap(usage_shown=seen.usage_shown, lenient=attempt.alone)
        first = await _first_bytes(response, tap, lane.wait)
        if lane.triggers:
            _refuse_triggers(first, lane)
        if tap.broke is not None:
            first = hidden(first, lane.secrets(attempt, stream=True))
        answer = Answer(200, [*EVENTS], first, None, tap, tap.broke)
        if tap.done and response.ended:
            response.close()
        else:
            answer.close = response.close
            answer.stream = _relayed(response, tap, front, answer, lane, attempt)
        return answer
    except BaseException as error:
        response.close()
        if isinstance(error, Fault):
            redact(error, lane.secrets(attempt, stream=seen.stream))
        raise


async def translated(lane: Lane, attempt: Try, request: Request, losses: Losses, front: Front) -> Answer:
    """Try with the request said in the upstream's dialect."""
    body = lane.back.write_request(request, losses)
    for name in lane.edits.refuse:
        if name in body:
            losses.add(name, "tuning", "this host refuses the field for this model")
    lane.edits.apply(body)
    response = await lane.send(attempt, _encode(body), stream=request.stream)
    try:
        if not 200 <= response.status < 300:
            raise await _failure(response, lane, attempt, stream=request.stream)
        decoder = lane.decoder(attempt) if request.stream else None
        is_whole = decoder is None
        if decoder is SseDecoder:
            response, is_whole = await _looked_at(response)
        if decoder is None or is_whole:
            reply = await _read_reply(response, lane, lenient=attempt.alone)
            if request.stream:
                return _streamed(reply, front.writer(request))
            told = Told(reply.usage, reply.choices[0].finish if reply.choices else None)
            return Answer(200, [JSON], _encode(front.write_reply(reply, request)), None, told)
        source = _Events(response, lane, decoder(), lane.secrets(attempt, stream=True))
        held = await _first_events(source, lane.wait, lenient=attempt.alone)
        writer = front.writer(request)
        answer = Answer(200, [*EVENTS], told=source.told)
        answer.body = _written(writer, held)
        answer.close = response.close
        answer.stream = _rewritten(source, writer, front, answer)
        return answer
    except BaseException as error:
        response.close()
        if isinstance(error, Fault):
            redact(error, lane.secrets(attempt, stream=request.stream))
        raise


def _refuse_triggers(data: bytes, lane: Lane) -> None:
    """Raises Fault when `data` contains what api.yaml says no good answer contains."""
    for trigger in lane.triggers:
        if trigger in data:
            raise Fault("protocol", "The answer of the upstream contains one of the error triggers.", raw=data[:4096])


async def _failure(response: UpstreamResponse, lane: Lane, attempt: Try, *, stream: bool) -> Fault:
    """What an answer whose status is no success means."""
    status = response.status
    if status < 400:
        return Fault("protocol", f"The upstream answered with status {status}, a redirect; check base_url.")
    body = await response.read(MAX_ERROR)
    fault = lane.error_reader(attempt, stream=stream)(status, body)
    if status == 400 and body.lstrip()[:1] == b"<":
        # A page is no word of the API: something on the way there did not want the request.
        fault.kind, fault.status = "overloaded", 502
    if fault.retry_after is None:
        fault.retry_after = retry_after.asked(status, response.header, time.time())
    return fault


class _Begun:
    """A response whose first bytes were looked at: they are read once more."""

    def __init__(self, response: UpstreamResponse, first: bytes) -> None:
        self._response = response
        self._first = first
        self.status = response.status
        self.header = response.header
        self.close = response.close

    @property
    def ended(self) -> bool:
        return self._response.ended and not self._first

    async def chunk(self) -> bytes:
        first, self._first = self._first, b""
        return first or await self._response.chunk()

    async def read(self, limit: int, /) -> bytes:
        return self._first + await self._response.read(limit)


async def _looked_at(response: UpstreamResponse) -> tuple[UpstreamResponse, bool]:
    """The response to a request for a stream, and whether it is a whole JSON answer instead.

    The content type alone can't tell: some upstreams label their streams as JSON.
    """
    kind = response.header(b"content-type") or b""
    if not kind.lower().startswith(b"application/json"):
        return response, False
    first = await response.chunk()
    while first.isspace() and (more := await response.chunk()):
        first += more
    return _Begun(response, first), first.lstrip()[:1] in (b"", b"{", b"[")


async def _read_reply(response: UpstreamResponse, lane: Lane, *, lenient: bool) -> Reply:
    body = await response.read(MAX_REPLY)
    response.close()
    _refuse_triggers(body, lane)
    try:
        value = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Fault("protocol", "The upstream answered with something that is not a JSON object.", raw=body) from error
    reply = lane.back.read_reply(value, lane.realm)
    if not (lenient or any(map(_says_something, reply.choices)) or _was_paid_for(reply.usage)):
        raise Fault("protocol", "The upstream answered without any content.", raw=body[:4096])
    return structs.replace(reply, id=reply.id or fresh_id(), created=reply.created or now())


async def _first_bytes(response: UpstreamResponse, tap: Tap, wait: float) -> bytes:
    """Everything up to and including the first content. Pings and empty deltas do not extend the wait."""
    first = tap.feed(await response.chunk())
    if tap.begun:
        return first

    async def until_content() -> bytes:
        while True:
            chunk = await response.chunk()
            if not chunk:
                return tap.close()
            if (first := tap.feed(chunk)) and tap.begun:
                return first

    return await _within(wait, until_content)


async def _within(wait: float, work: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(wait):
            return await work()
    except TimeoutError as error:
        raise Fault("timeout", f"The upstream sent no content within {wait:g} seconds.") from error


async def _relayed(
    response: UpstreamResponse, tap: Tap, front: Front, answer: Answer, lane: Lane, attempt: Try
) -> AsyncGenerator[bytes, None]:
    try:
        while not tap.done:
            chunk = await (response.chunk() if tap.finish is None else _chunk_within(response, LINGER_FINISHED))
            if not chunk:
                break
            if piece := tap.feed(chunk):
                yield piece if tap.broke is None else hidden(piece, lane.secrets(attempt, stream=True))
        if rest := tap.close():
            yield rest if tap.broke is None else hidden(rest, lane.secrets(attempt, stream=True))
        if tap.done and not response.ended:
            await _chunk_within(response, LINGER)
    except Fault as fault:
        answer.fault = redact(fault, lane.secrets(attempt, stream=True)).with_traceback(None)
        yield front.write_stream_error(fault)
    finally:
        answer.fault = answer.fault or tap.broke
        response.close()


async def _chunk_within(response: UpstreamResponse, seconds: float) -> bytes:
    """The next chunk, or the end when the upstream stays silent: what matters has been said."""
    try:
        async with asyncio.timeout(seconds):
            return await response.chunk()
    except (TimeoutError, Fault):
        return b""


class _Events:
    """The events of one upstream stream, chunk by chunk."""

    def __init__(
        self, response: UpstreamResponse, lane: Lane, frames: FrameDecoder, secrets: tuple[Secret, ...]
    ) -> None:
        self.response = response
        self.told = Told()
        self.ended = False
        self._lane = lane
        self._reader = lane.back.reader(lane.realm)
        self._seen: bytes | None = b""
        self._secrets = secrets
        self._frames = frames

    def looked_at(self) -> None:
        """What comes from now on is not looked at for error triggers."""
        self._seen = None

    async def next(self) -> list[Event]:
        """The events of the next chunk, possibly none; after the last ones `ended` is set."""
        finished = self.told.finish is not None
        chunk = await (_chunk_within(self.response, LINGER_FINISHED) if finished else self.response.chunk())
        if self._seen is not None and self._lane.triggers:
            self._seen += chunk
            _refuse_triggers(self._seen, self._lane)
        frames = self._frames.feed(chunk) if chunk else self._frames.close()
        events = [event for frame in frames for event in self._reader.feed(frame)]
        if not chunk:
            events.extend(self._reader.close())
            self.ended = True
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


async def _first_events(source: _Events, wait: float, *, lenient: bool) -> list[Event]:
    """Every event up to and including the first content. Raises Fault when the stream fails or ends before."""
    held: list[Event] = []

    async def until_content() -> list[Event]:
        while not source.ended and len(held) < MAX_HELD_EVENTS:
            for event in await source.next():
                if isinstance(event, Broke) and not any(map(_is_content, held)):
                    raise event.fault
                held.append(event)
            if any(map(_is_content, held)):
                source.looked_at()
                return held
        if source.told.finish is not None and (lenient or _was_paid_for(source.told.usage)):
            return held
        raise Fault("protocol", "The upstream's stream ended without any content.")

    return await _within(wait, until_content)


def _is_content(event: Event) -> bool:
    match event:
        case Grew():
            return True
        case Finished(finish=finish):
            return finish.reason != "stop"
        case Opened(part=Call() | Media() | Foreign()):
            return True
        case _:
            return False


def _says_something(choice: Choice) -> bool:
    """Whether there is a word, or a reason to have none."""
    spoken = any(not isinstance(part, Text) or part.text for part in choice.parts)
    return spoken or (choice.finish is not None and choice.finish.reason != "stop")


def _was_paid_for(usage: Usage | None) -> bool:
    """An answer without a word is one all the same when something was generated for it."""
    return usage is not None and usage.output > 0


def _written(writer: StreamWriter, events: list[Event]) -> bytes:
    return b"".join([writer.feed(event) for event in events])


async def _rewritten(
    source: _Events, writer: StreamWriter, front: Front, answer: Answer
) -> AsyncGenerator[bytes, None]:
    try:
        while not source.ended:
            events = await source.next()
            if piece := _written(writer, events):
                yield piece
            if events and isinstance(events[-1], Broke):
                answer.fault = events[-1].fault
        if last := writer.close():
            yield last
    except Fault as fault:
        answer.fault = fault.with_traceback(None)
        yield front.write_stream_error(fault)
    finally:
        source.response.close()


def _streamed(reply: Reply, writer: StreamWriter) -> Answer:
    """A whole reply for a client that wants a stream."""
    told = Told(reply.usage, reply.choices[0].finish if reply.choices else None)
    return Answer(200, [*EVENTS], _written(writer, list(unfold(reply))) + writer.close(), None, told)


def _plain_request(seen: Any) -> Request:
    return Request(model=seen.model, turns=(), stream=True, usage_in_stream=seen.usage_shown)


def now() -> int:
    """Seconds since 1970, for providers that do not date their answers."""
    return int(time.time())


def fresh_id() -> str:
    """An id for an answer whose provider gave none."""
    return secrets.token_hex(12)
