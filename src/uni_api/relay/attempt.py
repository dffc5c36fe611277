"""The doing of one try: send, and wait until the upstream has shown content or a fault.

A function here returns only what can be committed: a whole answer, or a stream whose first piece is in hand. Anything
else is a Fault, and the upstream connection is closed.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from uni_api.canon import (
    Broke,
    Event,
    Finished,
    Grew,
    Losses,
    Media,
    Opened,
    Reply,
    Request,
    Usage,
    unfold,
)
from uni_api.canon.parts import Call, Foreign, Text
from uni_api.canon.reply import Choice
from uni_api.dialects import Front, StreamWriter, Tap
from uni_api.dialects.edits import Edits
from uni_api.errors import Fault
from uni_api.framing import SseDecoder
from uni_api.relay import retry_after
from uni_api.relay.answer import EVENTS, JSON, Answer
from uni_api.relay.lane import Lane
from uni_api.relay.redact import hidden, redact
from uni_api.relay.streams import Events, Told, Translated, Verbatim, fresh_id, now, written
from uni_api.relay.upstream import Begun, UpstreamResponse
from uni_api.routing import Try
from uni_api.transport import Response

T = TypeVar("T")

MAX_REPLY = 256 * 1024 * 1024
MAX_ERROR = 1024 * 1024
MAX_HELD_EVENTS = 100_000

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Arriving(Struct, eq=False):
    """The answer to one try with the client's own bytes, while it arrives. A Fault lets go of the upstream."""

    _response: UpstreamResponse
    _lane: Lane
    _attempt: Try
    _seen: Any
    _front: Front
    _tap: Tap | None = None
    _answer: Answer | None = None
    _fault: Fault | None = None

    def now(self) -> Answer | None:
        """What can be committed, if what has arrived shows that; None where `later` has to find out."""
        if self._answer is None and self._fault is None and 200 <= self._response.status < 300:
            try:
                self._answer = self._streamed() if self._seen.stream else self._whole()
            except Fault as fault:
                self._fault = self._given_up(fault.bare())
            except BaseException:
                self._response.close()
                raise
        return self._answer

    async def later(self) -> Answer:
        """What can be committed. Raises Fault."""
        try:
            if self._fault is not None:
                raise self._fault
            return await self._awaited()
        except Fault as fault:
            self._given_up(fault)
            raise
        except BaseException:
            self._response.close()
            raise

    def close(self) -> None:
        """Let go of the upstream."""
        self._response.close()

    def _given_up(self, fault: Fault) -> Fault:
        self._response.close()
        return redact(fault, self._lane.secrets(self._attempt, stream=self._seen.stream))

    def _whole(self) -> Answer | None:
        body = self._response.ended and self._response.at_hand()
        return self._read(body) if body else None

    def _streamed(self) -> Answer | None:
        if self._tap is not None:
            return None  # it was looked at once: `later` reads on where that stopped
        response = self._response
        if _is_labelled_json(response):
            return None
        if response.framed:
            tap = self._tap_off()
            if pieces := tap.whole(response.framed, response.framed_from):
                response.close()
                return Answer(200, [EVENTS], b"", None, tap, framed=pieces)
        data = response.at_hand()
        return self._tapped(data) if data else None

    def _tap_off(self) -> Tap:
        lane = self._lane
        assert lane.verbatim is not None
        return lane.verbatim.tap(usage_shown=self._seen.usage_shown, lenient=self._attempt.alone)

    def _read(self, body: bytes) -> Answer:
        lane = self._lane
        assert lane.verbatim is not None
        if lane.triggers:
            _refuse_triggers(body, lane)
        told = lane.verbatim.glance(body, lenient=self._attempt.alone)
        self._response.close()
        return Answer(200, [JSON], body, None, told)

    def _tapped(self, data: bytes) -> Answer | None:
        """The answer, if the first bytes of its stream hold content."""
        self._tap = tap = self._tap_off()
        first = tap.feed(data)
        return self._opened(tap, first) if tap.begun else None

    def _opened(self, tap: Tap, first: bytes) -> Answer:
        """The answer whose `first` bytes hold content; most short ones are whole by now."""
        response, lane = self._response, self._lane
        if lane.triggers:
            _refuse_triggers(first, lane)
        answer = Answer(200, [EVENTS], first, None, tap)
        if tap.broke is not None:
            secrets = lane.secrets(self._attempt, stream=True)
            answer.body, answer.fault = hidden(first, secrets), redact(tap.broke, secrets)
        if not (tap.done and response.ended):
            answer.close = response.close
            answer.stream = Verbatim(response, tap, self._front, answer, lane.secrets(self._attempt, stream=True))
        return answer

    async def _awaited(self) -> Answer:
        response, lane, seen = self._response, self._lane, self._seen
        if not 200 <= response.status < 300:
            raise await _failure(response, lane, self._attempt, stream=seen.stream)
        if not seen.stream:
            return self._read(await response.read(MAX_REPLY))
        if self._tap is None:
            if _is_labelled_json(response):
                self._response, is_whole = await _looked_at(response)
                if is_whole:
                    reply = await _read_reply(self._response, lane, lenient=self._attempt.alone)
                    return _streamed(reply, self._front.writer(_plain_request(seen)))
            if (answer := self._tapped(await self._response.chunk())) is not None:
                return answer
        tap = self._tap
        assert tap is not None
        first = await _within(lane.wait, _until_content(self._response, tap))
        return self._opened(tap, first)


def begun(lane: Lane, attempt: Try, seen: Any) -> Response | None:
    """Send the client's own bytes, where nothing has to be waited for before that."""
    return lane.at_once(attempt, _spliced(lane, seen), stream=seen.stream)


async def verbatim(
    lane: Lane, attempt: Try, seen: Any, front: Front, begun: Response | Arriving | None = None
) -> Answer:
    """Try with the client's own bytes, or go on with what was begun: a response without a head yet, or with one."""
    if not isinstance(begun, Arriving):
        response = await lane.send(attempt, _spliced(lane, seen), stream=seen.stream, begun=begun)
        begun = Arriving(response, lane, attempt, seen, front)
    return begun.now() or await begun.later()


def _spliced(lane: Lane, seen: Any) -> bytes:
    assert lane.verbatim is not None
    edits = lane.edits
    if lane.hints.reasoning is not None:
        edits = Edits(set=lane.verbatim.reasoning_edits(seen, lane.hints.reasoning)).then(edits)
    return lane.verbatim.splice(seen, lane.candidate.model, edits)


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
        if decoder is SseDecoder and _is_labelled_json(response):
            response, is_whole = await _looked_at(response)
        if decoder is None or is_whole:
            reply = await _read_reply(response, lane, lenient=attempt.alone)
            if request.stream:
                return _streamed(reply, front.writer(request))
            told = Told(reply.usage, reply.choices[0].finish if reply.choices else None)
            return Answer(200, [JSON], _encode(front.write_reply(reply, request)), None, told)
        source = Events(response, lane, decoder(), lane.secrets(attempt, stream=True))
        held = await _within(lane.wait, _first_events(source, lane, lenient=attempt.alone))
        writer = front.writer(request)
        answer = Answer(200, [EVENTS], written(writer, held), None, source.told)
        answer.close = response.close
        answer.stream = Translated(source, writer, front, answer)
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


def _is_labelled_json(response: UpstreamResponse) -> bool:
    kind = response.header(b"content-type")
    return kind is not None and not kind.startswith(b"text/") and kind[:16].lower() == b"application/json"


async def _looked_at(response: UpstreamResponse) -> tuple[UpstreamResponse, bool]:
    """The response to a request for a stream, and whether it is a whole JSON answer instead.

    The label alone can't tell: some upstreams call their streams JSON.
    """
    first = await response.chunk()
    while first.isspace() and (more := await response.chunk()):
        first += more
    return Begun(response, first), first.lstrip()[:1] in (b"", b"{", b"[")


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


async def _until_content(response: UpstreamResponse, tap: Tap) -> bytes:
    """Everything up to and including the first content, which has not come yet."""
    while chunk := await response.chunk():
        if (first := tap.feed(chunk)) and tap.begun:
            return first
    return tap.close()


async def _within(wait: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to. Pings and empty deltas do not extend the wait."""
    try:
        async with asyncio.timeout(wait):
            return await work
    except TimeoutError as error:
        raise Fault("timeout", f"The upstream sent no content within {wait:g} seconds.") from error


async def _first_events(source: Events, lane: Lane, *, lenient: bool) -> list[Event]:
    """Every event up to and including the first content. Raises Fault when the stream fails or ends before."""
    held: list[Event] = []
    seen = b""
    while not source.ended and len(held) < MAX_HELD_EVENTS:
        chunk = await source.next_chunk()
        if lane.triggers:
            seen += chunk
            _refuse_triggers(seen, lane)
        for event in source.read(chunk) if chunk else source.close():
            if isinstance(event, Broke) and not any(map(_is_content, held)):
                raise event.fault
            held.append(event)
        if any(map(_is_content, held)):
            return held
    if source.told.finish is not None and (lenient or _was_paid_for(source.told.usage)):
        return held
    raise Fault("protocol", "The upstream's stream ended without any content.")


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


def _streamed(reply: Reply, writer: StreamWriter) -> Answer:
    """A whole reply for a client that wants a stream."""
    told = Told(reply.usage, reply.choices[0].finish if reply.choices else None)
    return Answer(200, [EVENTS], written(writer, list(unfold(reply))) + writer.close(), None, told)


def _plain_request(seen: Any) -> Request:
    return Request(model=seen.model, turns=(), stream=True, usage_in_stream=seen.usage_shown)
