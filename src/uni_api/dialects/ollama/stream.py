"""The lines of a streamed answer to events. A whole answer is read by the same reader, as one line."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from uni_api.canon import (
    Broke,
    Call,
    Closed,
    Event,
    Finish,
    Finished,
    Grew,
    Media,
    Metered,
    Noted,
    Opened,
    Part,
    Rest,
    Scored,
    Started,
    Text,
    Thinking,
    Token,
    Usage,
)
from uni_api.dialects.ollama._words import DONE_REASONS, NAME
from uni_api.dialects.ollama.error import fault_of
from uni_api.errors import Fault
from uni_api.framing import Frame

_GENERATED: Final = {"response": "content", "thinking": "thinking", "tool_calls": "tool_calls"}
"""Where `/api/generate` says at the top what `/api/chat` says in its message."""

_SAID: Final = frozenset({"model", "created_at", "message", "done", "done_reason", "logprobs", *_GENERATED}) | {
    "prompt_eval_count",
    "prompt_eval_cached_count",
    "eval_count",
}
_SPOKEN: Final = frozenset({"role", "content", "thinking", "tool_calls", "images"})
_HINTS: Final = frozenset({"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"})


class Reader:
    """Reads one stream. Text grows one part until something else comes; calls come whole.

    The line that says `done` ends the answer; what follows it is passed over.
    """

    def __init__(self, realm: str) -> None:
        self._count = 0
        self._kind: type[Text | Thinking] | None = None
        self._calls = 0
        self._started = False
        self._seed = ""
        self._finish: Finish | None = None
        self._over = False
        self._rest: dict[str, Any] = {}
        self._odd: dict[str, list[Any]] = {}
        self.answered = False
        """Whether a message has been seen."""

    def feed(self, frame: Frame, /) -> list[Event]:
        """The events that `frame` says; a frame that is not of the dialect gives a Broke event."""
        if self._over or not frame.data:
            return []
        try:
            line = msgspec.json.decode(frame.data)
        except (ValueError, RecursionError):
            return [self._broke(Fault("protocol", "The upstream sent a line that is not JSON.", raw=frame.data))]
        return list(self.read(line, frame.data))

    def read(self, line: Any, raw: bytes = b"") -> Iterator[Event]:
        """The events of one decoded line."""
        if self._over or self._finish is not None:
            return
        if not isinstance(line, dict):
            yield self._broke(Fault("protocol", "The upstream sent a line that is not a JSON object.", raw=raw))
            return
        if line.get("error"):
            yield self._broke(fault_of(200, line, raw))
            return
        message = _message(line)
        if message is not None:
            self.answered = True
            yield from self._start(line)
            yield from self._speak(message)
        if tokens := _tokens(line.get("logprobs")):
            yield Scored(tokens)
        for name, value in line.items():
            if name not in _SAID and value is not None:
                self._rest[name] = value
        if line.get("done") is True:
            yield from self._done(line)

    def close(self) -> list[Event]:
        """The end of the answer, or a Broke event when the stream ended before it was said to be done."""
        if self._over:
            return []
        if self._finish is None:
            return [self._broke(Fault("protocol", "The upstream's stream ended before the answer was complete."))]
        return list(self.end())

    def end(self) -> Iterator[Event]:
        """What is left to say, whether done or not."""
        self._over = True
        yield from self._shut()
        if rest := {**self._rest, **self._odd}:
            yield Noted(Rest(NAME, rest, _HINTS))

    def _start(self, line: Mapping[str, Any]) -> Iterator[Event]:
        if self._started:
            return
        self._started = True
        model, created = line.get("model"), line.get("created_at")
        self._seed = f"{model}|{created}"
        yield Started(model=model if isinstance(model, str) and model else None, created=_seconds(created))

    def _speak(self, message: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._grow(Thinking, message.get("thinking"))
        yield from self._grow(Text, message.get("content"))
        for image in _list(message.get("images")):
            if (media := _image(image)) is not None:
                yield from self._whole(media)
            else:
                self._odd.setdefault("images", []).append(image)
        for call in _list(message.get("tool_calls")):
            if (read := self._call(call)) is not None:
                yield from self._whole(*read)
            else:
                self._odd.setdefault("tool_calls", []).append(call)
        for name, value in message.items():
            if name not in _SPOKEN and value is not None:
                self._rest[name] = value

    def _grow(self, kind: type[Text | Thinking], text: Any) -> Iterator[Event]:
        if not isinstance(text, str) or not text:
            return
        if self._kind is not kind:
            yield from self._shut()
            self._kind = kind
            yield self._open(kind())
        yield Grew(self._count - 1, text)

    def _whole(self, part: Part, text: str = "") -> Iterator[Event]:
        yield from self._shut()
        yield self._open(part)
        if text:
            yield Grew(self._count - 1, text)
        yield Closed(self._count - 1)

    def _open(self, part: Part) -> Opened:
        self._count += 1
        return Opened(self._count - 1, part)

    def _shut(self) -> Iterator[Event]:
        """Close the part that text goes on in."""
        if self._kind is not None:
            self._kind = None
            yield Closed(self._count - 1)

    def _call(self, call: Any) -> tuple[Call, str] | None:
        """The call without its arguments, and those. Older versions give no ids: then one is made of what is said."""
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            return None
        said = function.get("arguments")
        arguments = said if isinstance(said, str) else msgspec.json.encode({} if said is None else said).decode()
        own = call.get("id")
        minted = f"{self._seed}|{self._calls}|{name}|{arguments}"
        self._calls += 1
        return Call(id=own if isinstance(own, str) and own else "call_" + _digest(minted), name=name), arguments

    def _done(self, line: Mapping[str, Any]) -> Iterator[Event]:
        if not self.answered:
            return
        yield from self._shut()
        if (usage := _usage(line)) is not None:
            yield Metered(usage)
        word = line.get("done_reason")
        word = word if isinstance(word, str) and word else None
        reason = DONE_REASONS.get(word, "other") if word else "stop"
        self._finish = Finish("calls" if reason == "stop" and self._calls else reason, word)
        yield Finished(self._finish)

    def _broke(self, fault: Fault) -> Broke:
        self._over = True
        return Broke(fault)


def reader(realm: str, /) -> Reader:
    """A fresh reader. The format holds no opaque blobs, so `realm` has no say."""
    return Reader(realm)


def _message(line: Mapping[str, Any]) -> Mapping[str, Any] | None:
    message = line.get("message")
    if isinstance(message, dict):
        return message
    if not isinstance(line.get("response"), str):
        return None
    return {inner: line[outer] for outer, inner in _GENERATED.items() if outer in line}


def _usage(line: Mapping[str, Any]) -> Usage | None:
    """None when nothing was counted. What came from the cache is a part of the prompt's count."""
    prompt, output = _count(line, "prompt_eval_count"), _count(line, "eval_count")
    if not prompt and not output:
        return None
    cached = min(_count(line, "prompt_eval_cached_count"), prompt)
    return Usage(input=prompt - cached, cache_read=cached, output=output)


def _count(line: Mapping[str, Any], name: str) -> int:
    value = line.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _tokens(found: Any) -> tuple[Token, ...]:
    return tuple(token for each in _list(found) if (token := _token(each)) is not None)


def _token(raw: Any) -> Token | None:
    if not isinstance(raw, dict):
        return None
    text, score, data = raw.get("token"), raw.get("logprob"), raw.get("bytes")
    if not isinstance(text, str) or not isinstance(score, int | float):
        return None
    octets = tuple(data) if isinstance(data, list) and all(isinstance(one, int) for one in data) else None
    return Token(text=text, logprob=float(score), bytes=octets, top=_tokens(raw.get("top_logprobs")))


def _image(data: Any) -> Media | None:
    try:
        return Media(kind="image", data=base64.b64decode(data, validate=True)) if isinstance(data, str) else None
    except ValueError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _seconds(time: Any) -> int | None:
    """Seconds since 1970; None for no time at all, and for the first moment of 1970, which stands for none."""
    try:
        return (int(datetime.fromisoformat(time).timestamp()) or None) if isinstance(time, str) else None
    except (ValueError, OverflowError):
        return None
