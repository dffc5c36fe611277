"""The frames of a streamed run to events. A whole answer is read by the same reader, as one frame."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from uni_api.canon import (
    Broke,
    Call,
    Closed,
    Event,
    Finish,
    Finished,
    Grew,
    Metered,
    Noted,
    Opened,
    Rest,
    Started,
    Text,
    Thinking,
    Usage,
)
from uni_api.dialects.workers_ai._words import FINISH_REASONS, NAME
from uni_api.dialects.workers_ai.error import fault_of
from uni_api.errors import Fault
from uni_api.framing import Frame

_SAID: Final = frozenset(
    {"id", "object", "created", "model", "choices", "response", "tool_calls", "usage", "finish_reason", "p"}
)
"""Fields that are read, or only pad their frame (`p`)."""


class _OpenCall(Struct, frozen=True):
    """A call whose arguments come in pieces: its part, and the id that its pieces may repeat."""

    index: int
    id: str


class Reader:
    """Reads one stream, in the form of older models (`response`) or of newer ones (`choices`).

    Text grows one part until other text comes. Calls stay open to the end, as their arguments may come in pieces. Ends
    are said when the stream says `[DONE]`, since counts follow the finish reason.
    """

    def __init__(self, realm: str) -> None:
        self._count = 0
        self._open: tuple[int, type[Text | Thinking]] | None = None
        self._calls: dict[int, _OpenCall] = {}
        self._called = 0
        self._id = ""
        self._started = False
        self._over = False
        self._word: str | None = None
        self._usage: Usage | None = None
        self._rest: dict[str, Any] = {}
        self.answered = False
        """Whether any answer has been seen."""

    def feed(self, frame: Frame, /) -> list[Event]:
        """The events that `frame` says; a frame that is not of the dialect gives a Broke event."""
        if self._over or not frame.data.strip():
            return []
        if frame.data.strip() == b"[DONE]":
            return list(self.end()) if self.answered else []
        try:
            chunk = msgspec.json.decode(frame.data)
        except (ValueError, RecursionError):
            return [self._broke(Fault("protocol", "The upstream sent an event that is not JSON.", raw=frame.data))]
        return list(self.read(chunk, frame.data))

    def read(self, chunk: Any, raw: bytes = b"") -> Iterator[Event]:
        """The events of one decoded frame, with its envelope or without."""
        if self._over:
            return
        if not isinstance(chunk, dict):
            yield self._broke(Fault("protocol", "The upstream sent an event that is not a JSON object.", raw=raw))
            return
        if chunk.get("errors") or chunk.get("error") or chunk.get("success") is False:
            yield self._broke(fault_of(200, chunk, raw))
            return
        inner = chunk.get("result")
        said = inner if isinstance(inner, dict) else chunk
        yield from self._answer(said)
        if (usage := _usage(said.get("usage"))) is not None and usage != self._usage:
            self._usage = usage
            yield from self._start(said)
            yield Metered(usage)
        for name, value in said.items():
            if name not in _SAID and value is not None:
                self._rest[name] = value

    def close(self) -> list[Event]:
        """The end of the answer, or a Broke event when the stream ended before it was complete."""
        if self._over:
            return []
        if not self.answered or self._word is None:
            return [self._broke(Fault("protocol", "The upstream's stream ended before the answer was complete."))]
        return list(self.end())

    def end(self) -> Iterator[Event]:
        """What is left to say, whether finished or not."""
        self._over = True
        yield from self._shut()
        for call in self._calls.values():
            yield Closed(call.index)
        if self._rest:
            yield Noted(Rest(NAME, self._rest))
        reason = FINISH_REASONS.get(self._word, "other") if self._word else "stop"
        yield Finished(Finish("calls" if reason == "stop" and self._called else reason, self._word))

    def _answer(self, said: Mapping[str, Any]) -> Iterator[Event]:
        choices = said.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
        if choice is None and "response" not in said and "tool_calls" not in said:
            return
        self.answered = True
        yield from self._start(said)
        message = None if choice is None else choice.get("delta", choice.get("message"))
        if isinstance(message, dict):
            yield from self._speak(message)
        else:
            yield from self._grow(Text, _text(said.get("response")))
            yield from self._call_all(said.get("tool_calls"))
        word = (choice or said).get("finish_reason") or said.get("finish_reason")
        if isinstance(word, str):
            self._word = word

    def _speak(self, message: Mapping[str, Any]) -> Iterator[Event]:
        # Some models spell their thinking both ways at once.
        yield from self._grow(Thinking, message.get("reasoning_content") or message.get("reasoning"))
        yield from self._grow(Text, message.get("content"))
        yield from self._call_all(message.get("tool_calls"))

    def _start(self, said: Mapping[str, Any]) -> Iterator[Event]:
        if self._started:
            return
        self._started = True
        id, model, created = said.get("id"), said.get("model"), said.get("created")
        self._id = id if isinstance(id, str) else ""
        yield Started(
            id=self._id or None,
            model=model if isinstance(model, str) and model else None,
            created=created if isinstance(created, int) and created > 0 else None,
        )

    def _grow(self, kind: type[Text | Thinking], text: Any) -> Iterator[Event]:
        if not isinstance(text, str) or not text:
            return
        if self._open is None or self._open[1] is not kind:
            yield from self._shut()
            self._open = (self._count, kind)
            yield Opened(self._count, kind())
            self._count += 1
        yield Grew(self._open[0], text)

    def _shut(self) -> Iterator[Event]:
        """Close the part that text goes on in."""
        if self._open is not None:
            index, self._open = self._open[0], None
            yield Closed(index)

    def _call_all(self, calls: Any) -> Iterator[Event]:
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                yield from self._call(call)

    def _call(self, call: Mapping[str, Any]) -> Iterator[Event]:
        """A whole call (its arguments are an object, or it has no index), or the next piece of one."""
        inner = call.get("function")
        function = inner if isinstance(inner, dict) else call
        name, said = function.get("name"), function.get("arguments")
        place = _place(call.get("index"), said)
        arguments = said if isinstance(said, str) else "" if said is None else msgspec.json.encode(said).decode()
        known = self._calls.get(place) if place is not None else None
        if known is not None and (not name or call.get("id") in (None, "", known.id)):
            if arguments:
                yield Grew(known.index, arguments)
        elif isinstance(name, str) and name:
            yield from self._shut()
            opened = _OpenCall(self._count, self._call_id(call, name, arguments))
            self._count += 1
            yield Opened(opened.index, Call(id=opened.id, name=name))
            if arguments or place is None:
                yield Grew(opened.index, arguments or "{}")
            if known is not None:
                yield Closed(known.index)
            if place is None:
                yield Closed(opened.index)
            else:
                self._calls[place] = opened

    def _call_id(self, call: Mapping[str, Any], name: str, arguments: str) -> str:
        """The call's own id. Older models give none: then one is made of what is said."""
        own = call.get("id")
        self._called += 1
        if isinstance(own, str) and own:
            return own
        seed = f"{self._id}|{self._called}|{name}|{arguments}"
        return "call_" + hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:24]

    def _broke(self, fault: Fault) -> Broke:
        self._over = True
        return Broke(fault)


def reader(realm: str, /) -> Reader:
    """A fresh reader. The format holds no opaque blobs, so `realm` has no say."""
    return Reader(realm)


def _place(number: Any, arguments: Any) -> int | None:
    """The place of a call whose arguments come in pieces; None for one that comes whole."""
    return number if isinstance(number, int) and (arguments is None or isinstance(arguments, str)) else None


def _text(response: Any) -> str:
    """Text as it is; what a model answered as JSON, which some do for a schema or a bare number, as its text."""
    if isinstance(response, str):
        return response
    return "" if response is None else msgspec.json.encode(response).decode()


def _usage(raw: Any) -> Usage | None:
    if not isinstance(raw, dict):
        return None
    prompt, output = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    if not prompt and not output:
        return None
    cached = min(_count(raw.get("prompt_tokens_details"), "cached_tokens"), prompt)
    reasoning = min(_count(raw.get("completion_tokens_details"), "reasoning_tokens"), output)
    return Usage(input=prompt - cached, cache_read=cached, output=output, reasoning=reasoning)


def _count(raw: Any, name: str) -> int:
    value = raw.get(name) if isinstance(raw, dict) else None
    return int(value) if isinstance(value, int | float) and 0 < value < 1e15 else 0
