"""A chat completion as a stream: events in, server-sent events out.

The hot path is text that grows: everything around it is built when its part opens, so a delta costs one JSON string.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from uni_api.canon import (
    Broke,
    Call,
    Cited,
    Closed,
    Event,
    Finished,
    Grew,
    Losses,
    Media,
    Metered,
    Noted,
    Opened,
    Part,
    Request,
    Scored,
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
    Usage,
)
from uni_api.dialects.openai_chat._carry import Outline, has_detail, write_call_seal, write_detail
from uni_api.dialects.openai_chat._fields import leftovers
from uni_api.dialects.openai_chat._media import image_entry, sound_entry
from uni_api.dialects.openai_chat._spoken import write_annotation, write_call
from uni_api.dialects.openai_chat._tools import is_legacy
from uni_api.dialects.openai_chat.error import write_stream_error
from uni_api.dialects.openai_chat.reply import PACKED, reply_id, told_usage, write_logprobs
from uni_api.dialects.openai_chat.usage import write_finish

_encode = msgspec.json.Encoder().encode


class _Choice:
    """What has been said of one choice. `head` is a chunk up to its delta."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.outline = Outline()
        self.open: dict[int, _Line] = {}
        self.calls = 0
        self.any_call = False
        self.legacy_call = False
        self.details = 0
        self.listed = {"images": 0, "annotations": 0}
        self.length = 0
        self.finished = False


class _Line:
    """A part that grows: the bytes before and after each piece of its text, and what must be told when it closes."""

    __slots__ = ("call", "choice", "head", "length", "offset", "part", "pieces", "sealed_late", "tail")

    def __init__(self, choice: _Choice, part: Part, head: bytes, tail: bytes) -> None:
        self.choice = choice
        self.part = part
        self.head = head
        self.tail = tail
        self.length = 0
        self.pieces: list[str] | None = [] if isinstance(part, Thinking) else None
        self.call = 0
        self.offset = 0
        self.sealed_late = False


class ChatWriter:
    """Says one reply's events as chunks. `feed` gives the bytes for one event, `close` those that end the stream."""

    def __init__(self, request: Request) -> None:
        self._model = request.model
        self._legacy = is_legacy(request)
        self._usage_shown = request.usage_in_stream
        self._usage: Usage | None = None
        self._lines: dict[int, _Line] = {}
        self._choices: dict[int, _Choice] = {}
        self._extra: dict[str, Any] = {}
        self._broken = False
        self._start = self._stem(Started())
        self._end = b',"usage":null}\n\n' if self._usage_shown else b"}\n\n"
        self._rest_of_delta = b',"logprobs":null,"finish_reason":null}]' + self._end
        self._say: dict[type, Callable[[Any], bytes]] = {
            Started: self._started,
            Opened: self._opened,
            Grew: self._grew,
            Sealed: self._sealed,
            Cited: self._cited,
            Closed: self._closed,
            Scored: self._scored,
            Metered: self._metered,
            Finished: self._finished,
            Noted: self._noted,
            Broke: self._broke,
        }

    def feed(self, event: Event) -> bytes:
        return self._say[type(event)](event)

    def close(self) -> bytes:
        if self._broken:
            return b""
        # A reply without any part is an empty answer, which is still one choice.
        out = [] if self._choices else [self._choice(0)[1]]
        out += [self._end_choice(choice, None) for choice in self._choices.values() if not choice.finished]
        if self._usage_shown and self._usage is not None:
            usage = told_usage(self._usage, self._extra.get("usage"))
            out.append(self._start + b"]" + b',"usage":' + _encode(usage) + b"}\n\n")
        out.append(b"data: [DONE]\n\n")
        return b"".join(out)

    def _stem(self, started: Started) -> bytes:
        fields = {
            "id": reply_id(started.id),
            "object": "chat.completion.chunk",
            "created": started.created or 0,
            "model": started.model or self._model,
        }
        return b"data: " + _encode(fields)[:-1] + b',"choices":['

    def _started(self, event: Started) -> bytes:
        self._start = self._stem(event)
        return b""

    def _choice(self, number: int) -> tuple[_Choice, bytes]:
        """The choice, and the chunk that begins it when this is its first word."""
        known = self._choices.get(number)
        if known is not None:
            return known, b""
        choice = _Choice(self._start + b'{"index":%d,"delta":' % number)
        self._choices[number] = choice
        return choice, self._delta(choice, {"role": "assistant", "content": "", "refusal": None})

    def _delta(self, choice: _Choice, delta: dict[str, Any]) -> bytes:
        return choice.head + _encode(delta) + self._rest_of_delta

    def _list(self, choice: _Choice, name: str, entries: list[dict[str, Any]]) -> bytes:
        """More entries of a list. The SDK's stream helper refuses entries without an index from the second delta on."""
        first = choice.listed[name]
        choice.listed[name] += len(entries)
        return self._delta(choice, {name: [{"index": first + at, **entry} for at, entry in enumerate(entries)]})

    def _opened(self, event: Opened) -> bytes:
        choice, begin = self._choice(event.choice)
        part = event.part
        said = b""
        match part:
            case Text():
                line = self._line(choice, part, b'{"refusal":' if part.refusal else b'{"content":', b"}")
                line.offset = choice.length
                text = part.text
            case Thinking():
                line = self._line(choice, part, b'{"reasoning_content":', b"}")
                text = part.text
            case Call():
                line, said = self._open_call(choice, part)
                text = part.arguments
            case _:
                choice.outline.add(part, 0)
                return begin + self._whole(choice, part)
        self._lines[event.index] = line
        choice.open[event.index] = line
        return begin + said + (self._grew(Grew(event.index, text)) if text else b"")

    def _line(self, choice: _Choice, part: Part, head: bytes, tail: bytes) -> _Line:
        return _Line(choice, part, choice.head + head, tail + self._rest_of_delta)

    def _open_call(self, choice: _Choice, call: Call) -> tuple[_Line, bytes]:
        choice.any_call = True
        bare = msgspec.structs.replace(call, arguments="")
        if self._legacy and not choice.legacy_call:
            choice.legacy_call = True
            line = self._line(choice, call, b'{"function_call":{"arguments":', b"}}")
            line.call = -1
            return line, self._delta(choice, {"function_call": {"name": call.name, "arguments": ""}})
        number = choice.calls
        choice.calls += 1
        word = b'"custom":{"input":' if call.custom else b'"function":{"arguments":'
        line = self._line(choice, call, b'{"tool_calls":[{"index":%d,%b' % (number, word), b"}}]}")
        line.call = number
        opening = {"index": number, **write_call(bare, PACKED, Losses(), "")}
        return line, self._delta(choice, {"tool_calls": [opening]})

    def _whole(self, choice: _Choice, part: Part) -> bytes:
        """A part that does not grow. Blocks of other dialects are told by the outline alone."""
        match part:
            case Media(kind="image"):
                return self._list(choice, "images", [image_entry(part)])
            case Media(kind="audio"):
                return self._delta(choice, {"audio": sound_entry(part)})
            case _:
                return b""

    def _grew(self, event: Grew) -> bytes:
        line = self._lines[event.index]
        text = event.text
        line.length += len(text)
        if line.pieces is not None:
            line.pieces.append(text)
        return line.head + _encode(text) + line.tail

    def _sealed(self, event: Sealed) -> bytes:
        self._seal(self._lines.get(event.index), event.seal)
        return b""

    def _seal(self, line: _Line | None, seal: Seal) -> None:
        if line is not None and isinstance(line.part, Text | Thinking | Call):
            line.part = msgspec.structs.replace(line.part, seal=seal)
            line.sealed_late = True

    def _cited(self, event: Cited) -> bytes:
        line = self._lines.get(event.index)
        if line is not None and isinstance(line.part, Text):
            line.part = msgspec.structs.replace(line.part, citations=(*line.part.citations, event.citation))
        return b""

    def _closed(self, event: Closed) -> bytes:
        line = self._lines.get(event.index)
        if line is None or line.choice.open.pop(event.index, None) is None:
            return b""
        return self._close_line(line)

    def _close_line(self, line: _Line) -> bytes:
        choice, part = line.choice, line.part
        choice.outline.add(part, line.length)
        match part:
            case Text():
                choice.length = line.offset + line.length
                entries = [write_annotation(citation, line.offset) for citation in part.citations]
                shown = [entry for entry in entries if entry is not None]
                return self._list(choice, "annotations", shown) if shown else b""
            case Thinking() if has_detail(part):
                whole = msgspec.structs.replace(part, text="".join(line.pieces or ()))
                detail = write_detail(whole, choice.details, PACKED)
                choice.details += 1
                return self._delta(choice, {"reasoning_details": [detail]})
            case Call(seal=Seal() as seal) if line.sealed_late and line.call >= 0:
                # The SDK's stream helper takes no delta of a call that lacks the call's kind.
                entry: dict[str, Any] = {"index": line.call}
                entry |= {"custom": {"input": ""}} if part.custom else {"function": {"arguments": ""}}
                write_call_seal(entry, seal, PACKED)
                return self._delta(choice, {"tool_calls": [entry]})
            case _:
                return b""

    def _scored(self, event: Scored) -> bytes:
        choice, begin = self._choice(event.choice)
        logprobs = _encode(write_logprobs(event.tokens))
        return begin + choice.head + b'{},"logprobs":' + logprobs + b',"finish_reason":null}]' + self._end

    def _metered(self, event: Metered) -> bytes:
        self._usage = event.usage
        return b""

    def _finished(self, event: Finished) -> bytes:
        choice, begin = self._choice(event.choice)
        return begin + self._end_choice(choice, event)

    def _end_choice(self, choice: _Choice, event: Finished | None) -> bytes:
        left = [self._close_line(line) for line in choice.open.values()]
        choice.open.clear()
        choice.finished = True
        packed = choice.outline.packed()
        delta = _encode({"extra_content": {"uni_api": packed}}) if packed is not None else b"{}"
        word = write_finish(event.finish if event else None, calls=choice.any_call, legacy=choice.legacy_call)
        end = choice.head + delta + b',"logprobs":null,"finish_reason":"%b"}]' % word.encode() + self._end
        return b"".join(left) + end

    def _noted(self, event: Noted) -> bytes:
        more = leftovers(event.rest)
        if event.choice is None:
            self._extra |= more
            return b""
        delta = more.get("message")
        if not isinstance(delta, dict) or not delta:
            return b""
        choice, begin = self._choice(event.choice)
        return begin + self._delta(choice, delta)

    def _broke(self, event: Broke) -> bytes:
        if self._broken:
            return b""
        self._broken = True
        return write_stream_error(event.fault)

    def __repr__(self) -> str:
        state = "broken" if self._broken else f"{len(self._choices)} choices, {len(self._lines)} parts"
        return f"<ChatWriter {state}>"
