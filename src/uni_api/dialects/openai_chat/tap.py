"""Reads along a chat stream that is relayed as it comes: first content, usage, finish, errors."""

from typing import Any

import msgspec
from msgspec import Struct

from uni_api.canon import Finish, Usage
from uni_api.dialects.faces import Pieces
from uni_api.dialects.openai_chat.error import read_error
from uni_api.dialects.openai_chat.usage import read_finish, usage_in
from uni_api.errors import Fault
from uni_api.framing import SseDecoder
from uni_api.framing.sse import MAX_EVENT

_ENDS = (b"\n\n", b"\r\n\r\n")
_TEXT = b'"delta":{"content":"'
_USAGE = b'"usage":'
_NO_CHOICES = b'"choices":[]'
_FINISH = b'"finish_reason":"'
_FINISH_SPACED = b'"finish_reason": "'
_ERROR = b'"error"'
DONE = b"data: [DONE]\n\n"
_BETWEEN_CHUNKS = b"\n\n\r\n"
_DONE_IN_CHUNKS = b"e\r\n%b\r\n0\r\n\r\n" % DONE

LOOK_BACK = 2
"""Usage, finish and errors end a stream: a block of many events is read from its end to so many with none of them."""
SMALL = 2048
"""Up to this size a block is searched whole before it is taken apart."""

_UNLIKE_ANY = b"\0"


class Said(Struct):
    """What a message, or a piece of one, may say."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None
    audio: Any = None
    images: Any = None

    def speaks(self) -> bool:
        return bool(
            self.content
            or self.tool_calls
            or self.reasoning_content
            or self.reasoning
            or self.reasoning_details
            or self.refusal
            or self.function_call
            or self.audio
            or self.images
        )


class _StreamChoice(Struct):
    delta: Said | None = None
    message: Any = None
    text: Any = None
    finish_reason: Any = None

    def speaks(self) -> bool:
        """Whether this is for the client to see. An end that says nothing but that all is well is not."""
        told = self.finish_reason and self.finish_reason != "stop"
        return bool((self.delta and self.delta.speaks()) or self.message or self.text or told)


class _Chunk(Struct):
    choices: list[_StreamChoice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None


_chunk = msgspec.json.Decoder(_Chunk)


class Tap(Struct, eq=False, kw_only=True):
    """Reads along a chat stream that is relayed as it comes.

    `feed` returns the bytes that the client may have: nothing until the first content shows (so that the relay can
    still try elsewhere), then every event as soon as it is whole, byte for byte. An event that carries only the usage
    is kept back unless `usage_shown`. Raises Fault for an error before any content. lenient: an answer that ends
    properly is one, even without a word.

    usage, finish: what was told so far, read when asked · finished: a finish was told · begun: content was seen ·
    done: the stream said it is complete ·
    broke: the error that an event after the first content carried (the event itself is relayed).
    """

    usage_shown: bool
    lenient: bool = False
    finished: bool = False
    begun: bool = False
    done: bool = False
    broke: Fault | None = None
    _metered: bytes = b""
    _finishing: bytes = b""
    _finish: Finish | None = None
    _pieces: list[bytes] = []
    _size: int = 0
    _tail: bytes = b""
    _head: list[bytes] = []
    # An event that begins and ends as one that told nothing, and has but a string between, tells nothing either.
    _before: bytes = _UNLIKE_ANY
    _after: bytes = b""

    @property
    def finish(self) -> Finish | None:
        at = self._finishing.find(_FINISH) + len(_FINISH)
        if at >= len(_FINISH):
            self._finish_as(self._finishing[at : self._finishing.find(b'"', at)].decode("utf-8", "replace"))
        return self._finish

    @property
    def usage(self) -> Usage | None:
        event = self._metered
        found = usage_in(event[6:]) if event.startswith(b"data: {") else None  # JSON does not mind the blank line
        if found is None and event:
            for data in _data(event):
                return usage_in(data)
        return found

    def whole(self, framed: bytes, start: int = 0) -> Pieces:
        """The usage becomes a comment of its length where the client did not ask for it: the chunks stay what they are.

        Taking it out would need to know where chunks begin, which a stream may be made to disguise.
        """
        if not (framed.endswith(_DONE_IN_CHUNKS) and _surely_speaks(framed, start)):
            return ()
        stop = len(framed) - len(_DONE_IN_CHUNKS)
        last = framed[max(start, stop - SMALL) : stop].rsplit(_BETWEEN_CHUNKS, 3)
        if len(last) < 4 or last[3] or last[1].count(b"\n") != 1 or last[2].count(b"\n") != 1:
            return ()
        metered = last[2][last[2].find(b"\n") + 1 :]
        if not self._ends_usually(last[1], metered):
            return ()
        self.begun = self.done = True
        if self.usage_shown:
            return (memoryview(framed)[start:],)
        view, size = memoryview(framed), len(metered)
        stop -= len(_BETWEEN_CHUNKS)
        return (view[start : stop - size], b":".ljust(size), view[stop:])

    def feed(self, chunk: bytes) -> bytes:
        if not chunk.endswith(_ENDS):
            chunk = self._whole_events(chunk)
            if not chunk:
                return b""
        elif self._pieces:
            chunk = self._take(chunk)
        if not self.begun:
            return self._open(chunk)
        before = self._before
        if (
            chunk.startswith(before)
            and chunk.endswith(self._after)
            and chunk.find(b'"', len(before), -len(self._after)) < 0
        ):
            return chunk
        if len(chunk) < SMALL and not _tells(chunk):
            if before is _UNLIKE_ANY:
                self._learn(chunk)
            return chunk
        return self._read(chunk)

    def close(self) -> bytes:
        """What is left to relay when the upstream has closed. Raises Fault when that was before the proper end."""
        rest = self._take(b"")
        if rest.strip():
            rest = self.feed(rest.rstrip(b"\r\n") + b"\n\n")
        if not self.begun:
            raise Fault("protocol", "The upstream's stream ended without any content.")
        if not (self.done or self.finished or self._metered or self.broke):
            raise Fault("protocol", "The upstream's stream broke off before its end.")
        return rest

    def _learn(self, chunk: bytes) -> None:
        """Keep what surrounds the text of an event that tells nothing, for all that follow."""
        start = chunk.find(_TEXT) + len(_TEXT)
        stop = chunk.find(b'"', start)
        if start >= len(_TEXT) and stop > 0 and chunk[stop - 1 : stop] != b"\\":
            self._before, self._after = chunk[:start], chunk[stop:]

    def _whole_events(self, chunk: bytes) -> bytes:
        """Keep back the event that is not whole yet, so that nothing is ever glued to half an event."""
        cut = _last_end(chunk)
        if cut == 0:
            if not _last_end(self._tail + chunk[:3]):
                self._keep(chunk)
                return b""
            # The blank line was split between two chunks.
            chunk = self._take(chunk)
            cut = _last_end(chunk)
        whole = self._take(chunk[:cut])
        self._keep(chunk[cut:])
        return whole

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            self._tail = (self._tail + piece[-3:])[-3:]
            if self._size > MAX_EVENT:
                raise Fault("protocol", f"The upstream sent an event of more than {MAX_EVENT} bytes.")

    def _take(self, chunk: bytes) -> bytes:
        if not self._pieces:
            return chunk
        self._pieces.append(chunk)
        joined = b"".join(self._pieces)
        self._pieces = []
        self._size = 0
        self._tail = b""
        return joined

    def _open(self, chunk: bytes) -> bytes:
        """Look for content, event by event, as far as the first that holds some."""
        if _surely_speaks(chunk):
            self.begun = True
        else:
            self._look_through(chunk)
        if self.begun and not self._head:
            return self._read(chunk)
        self._head.append(chunk)
        if not self.begun:
            self._size_of_head()
            return b""
        held = b"".join(self._head)
        self._head = []
        return self._read(held)

    def _look_through(self, chunk: bytes) -> None:
        start = 0
        while start < len(chunk) and not self.begun:
            stop = _event_end(chunk, start)
            for data in _data(chunk[start:stop]):
                self._look(data)
            start = stop

    def _size_of_head(self) -> None:
        if sum(map(len, self._head)) > MAX_EVENT:
            raise Fault("protocol", f"The upstream sent {MAX_EVENT} bytes without any content.")

    def _look(self, data: bytes) -> None:
        """Decide whether an event's `data`, still before the commit, is content."""
        if data == b"[DONE]":
            if not (self.lenient and self.finished):
                raise Fault("protocol", "The upstream's stream ended without any content.")
            self.begun = True
            return
        try:
            chunk = _chunk.decode(data)
        except msgspec.ValidationError as error:
            if not data.lstrip().startswith(b"{"):
                raise Fault("protocol", "The upstream sent an event that is not a JSON object.", raw=data) from error
            self.begun = True  # JSON of a shape we do not know: the client may
            return
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Fault("protocol", "The upstream sent an event that is not JSON.", raw=data) from error
        if chunk.error and not any(choice.speaks() for choice in chunk.choices or ()):
            raise read_error(200, data)
        for choice in chunk.choices or ():
            if not self.finished:
                self._finish_as(choice.finish_reason)
        # An answer without a word is one all the same when something was generated for it.
        if any(choice.speaks() for choice in chunk.choices or ()) or counts_output(chunk.usage):
            self.begun = True

    def _read(self, block: bytes) -> bytes:
        """Take usage and finish from the last events of a block; return what the client may have of it."""
        stop = len(block)
        if block.endswith(DONE):
            self.done = True
            stop -= len(DONE)
            if usage := self._usual_end(block, stop):
                return block[:usage] + DONE if not self.usage_shown else block
        return self._walk(block, stop)

    def _walk(self, block: bytes, stop: int) -> bytes:
        """The same, event by event, from `stop` back."""
        mark = b"\n\n" if block.endswith(b"\n\n") else b"\r\n\r\n"
        width = len(mark)
        odd = []
        silent = 0
        metered = finished = False
        while stop > 0 and silent < LOOK_BACK and not (metered and finished):
            before = block.rfind(mark, 0, stop - width) if stop > width else -1
            start = before + width if before >= 0 else 0
            event = block[start:stop]
            finishes = _finishes(event)
            meters = _meters(event)
            if meters:
                if not metered:
                    metered = True
                    self._metered = event
                if not (self.usage_shown or finishes) and _is_only_usage(event):
                    block = block[:start] + block[stop:]
            if not (meters or finishes):
                if _tells_oddly(event):
                    odd.append(event)
                elif not event.startswith(b":"):
                    silent += 1
            elif event.find(_ERROR) >= 0:
                odd.append(event)
            if finishes and not finished:
                finished = self.finished = True
                self._finishing = event
            stop = start
        for event in reversed(odd):
            for data in _data(event):
                self._read_whole(data)
        return block

    def _usual_end(self, block: bytes, stop: int) -> int:
        """Where the usage begins, when the events before `stop` are a finish and then nothing but usage; 0 if not."""
        usage = block.rfind(b"\n\n", 0, stop - 2) + 2
        finish = block.rfind(b"\n\n", 0, max(0, usage - 2)) + 2
        return usage if self._ends_usually(block[finish:usage], block[usage:stop]) else 0

    def _ends_usually(self, finishing: bytes, metered: bytes) -> bool:
        """Whether these two events are a finish and then nothing but usage. Then they are noted."""
        if (
            not metered.startswith(b"data: ")
            or metered.find(_NO_CHOICES) < 0
            or metered.find(_USAGE + b"{") < 0
            or not _finishes(finishing)
            or finishing.find(_ERROR) >= 0
            or metered.find(_ERROR) >= 0
        ):
            return False
        self.finished = True
        self._finishing = finishing
        self._metered = metered
        return True

    def _read_whole(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.done = True
            return
        try:
            chunk = _chunk.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        if chunk.error and not chunk.choices:
            self.broke = read_error(200, data)
        for choice in chunk.choices or ():
            self._finish_as(choice.finish_reason)

    def _finish_as(self, word: Any) -> None:
        finish = finish_of(word)
        if finish is not None:
            self._finish, self._finishing, self.finished = finish, b"", True

    def __repr__(self) -> str:
        state = "done" if self.done else "begun" if self.begun else "waiting"
        return f"<Tap {state}, usage {self.usage}, finish {self.finish}>"


# `find` on bytes takes half the time of `in`.


def _last_end(data: bytes) -> int:
    """Where the last whole event of `data` ends; 0 when none does."""
    return max(at + len(end) if (at := data.rfind(end)) >= 0 else 0 for end in _ENDS)


def _event_end(block: bytes, start: int) -> int:
    """Where the event that holds the byte at `start` ends, its blank line included."""
    at = block.find(b"\n\n", start)
    before = block.find(b"\r\n\r\n", start, at if at >= 0 else len(block))
    if before >= 0:
        return before + 4
    return at + 2 if at >= 0 else len(block)


def _meters(data: bytes) -> bool:
    at = data.find(_USAGE)
    if at < 0 or data.startswith((b"{", b" {"), at + len(_USAGE)):
        return at >= 0
    return data.find(_USAGE + b"{", at) >= 0 or data.find(_USAGE + b" {", at) >= 0


def _finishes(event: bytes) -> bool:
    """Whether `event` has a reason to finish. Some hosts put an empty one into every event."""
    at = event.find(_FINISH)
    if at < 0 or not event.startswith(b'"', at + len(_FINISH)):
        return at >= 0
    at = event.find(_FINISH, at + 1)
    while at >= 0 and event.startswith(b'"', at + len(_FINISH)):
        at = event.find(_FINISH, at + 1)
    return at >= 0


def _tells(data: bytes) -> bool:
    """Whether `data` may say something about the answer itself."""
    return _meters(data) or _finishes(data) or _tells_oddly(data)


def _tells_oddly(data: bytes) -> bool:
    """Whether `data` may say something that is only known when it is decoded."""
    return data.find(b"[DONE]") >= 0 or data.find(_ERROR) >= 0 or data.find(_FINISH_SPACED) >= 0


def _surely_speaks(data: bytes, start: int = 0) -> bool:
    """Whether there is text as hosts mostly spell it, and no error before; if not, it has to be decoded to know."""
    at = data.find(_TEXT, start)
    return at >= 0 and not data.startswith(b'"', at + len(_TEXT)) and data.find(_ERROR, start, at) < 0


def _is_only_usage(event: bytes) -> bool:
    """Whether `event`, which has no finish, carries nothing but the usage. Decoded only where it is spelt unusually."""
    if event.find(_NO_CHOICES) >= 0:
        return event.find(_ERROR) < 0
    for data in _data(event):
        try:
            chunk = _chunk.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return False
        return isinstance(chunk.usage, dict) and not chunk.choices and not chunk.error
    return False


def _data(event: bytes) -> list[bytes]:
    """The data of one event, as a list of one; empty for a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2:
        return [event[6:-2]]
    return [frame.data for frame in SseDecoder().feed(event)]


def counts_output(usage: Any) -> bool:
    """Whether a usage object says that something was generated."""
    return isinstance(usage, dict) and bool(usage.get("completion_tokens"))


def finish_of(word: Any) -> Finish | None:
    """What a choice's finish reason says, if it is one."""
    return read_finish(word) if isinstance(word, str) and word else None
