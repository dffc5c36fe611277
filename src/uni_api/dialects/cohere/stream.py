"""The events of a streamed answer to canon events.

Blocks of content and calls are numbered apart from each other, and citations by themselves. The event `message-end`
ends the answer; what follows it is passed over.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from uni_api.canon import (
    Broke,
    Call,
    Cited,
    Closed,
    Event,
    Finished,
    Foreign,
    Grew,
    Metered,
    Noted,
    Opened,
    Part,
    Rest,
    Scored,
    Sealed,
    Started,
    Text,
    Thinking,
)
from uni_api.dialects.cohere._answer import HINTS, failure, read_finish, read_tokens, read_usage, seal
from uni_api.dialects.cohere._citations import place_of, read_citation
from uni_api.dialects.cohere._words import NAME, PLAN, THINKING, Wire, each, object_at, text_at
from uni_api.dialects.cohere.error import fault_of
from uni_api.errors import Fault
from uni_api.framing import Frame

_DONE: Final = b"[DONE]"

_KINDS: Final[Mapping[str, type[Text | Thinking]]] = {"text": Text, THINKING: Thinking}
"""The kinds of content, by the name of the field that their words stand in."""

_PASSED: Final = frozenset({"citation-end", "debug"})


class _Line(Struct):
    """A part that is open. `field` seals it when it is a thought; `over`: only citations may still come for it."""

    index: int
    kind: type[Part]
    field: str = ""
    grown: bool = False
    over: bool = False


class Reader:
    """Reads one stream. Parts are closed when the next one begins, since citations come late."""

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._count = 0
        self._open: dict[tuple[str, int], _Line] = {}
        self._called = False
        self._started = False
        self._ended = False
        self._over = False
        self._rest: Wire = {}
        self._says: Mapping[str, Callable[[Wire], Iterator[Event]]] = {
            "message-start": self._start,
            "content-start": self._content,
            "content-delta": self._content,
            "content-end": self._content_end,
            "tool-plan-delta": self._plan,
            "tool-call-start": self._call,
            "tool-call-delta": self._call_delta,
            "tool-call-end": self._call_end,
            "citation-start": self._cite,
            "message-end": self._end,
        }

    def feed(self, frame: Frame, /) -> Iterable[Event]:
        """The events that `frame` says; a frame that is not of the dialect gives a Broke event."""
        if self._over or self._ended or not frame.data or frame.data == _DONE:
            return ()
        try:
            said = msgspec.json.decode(frame.data)
        except (ValueError, RecursionError):
            return (self._broke(Fault("protocol", "The upstream sent an event that is not JSON.", raw=frame.data)),)
        if not isinstance(said, dict):
            fault = Fault("protocol", "The upstream sent an event that is not a JSON object.", raw=frame.data)
            return (self._broke(fault),)
        return list(self._read(said, frame.data))

    def close(self) -> Iterable[Event]:
        """The end of the answer, or a Broke event when the stream ended before `message-end`."""
        if self._over:
            return ()
        self._over = True
        if not self._ended:
            return (Broke(Fault("protocol", "The upstream's stream ended before the answer was complete.")),)
        return (Noted(Rest(NAME, self._rest, HINTS)),) if self._rest else ()

    def _read(self, said: Wire, raw: bytes) -> Iterator[Event]:
        kind = said.get("type")
        says = self._says.get(kind) if isinstance(kind, str) else None
        if says is not None:
            yield from self._begin(said)
            yield from says(said)
        elif said.get("error") or kind == "error" or (kind is None and text_at(said, "message")):
            yield self._broke(fault_of(200, said, raw))
        elif kind not in _PASSED:
            self._rest.setdefault("events", []).append(said)

    def _begin(self, said: Wire) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Started(id=text_at(said, "id"))

    def _start(self, said: Wire) -> Iterator[Event]:
        """Everything that a message may hold is announced here as empty; what is not is taken as its first piece."""
        message = object_at(said, "delta", "message")
        yield from self._grow((PLAN, 0), Thinking, PLAN, message.get(PLAN))
        for place, block in enumerate(each(message.get("content"))):
            if isinstance(block, dict):
                yield from self._block(place, block)

    # --- content

    def _content(self, said: Wire) -> Iterator[Event]:
        yield from self._block(_place(said), object_at(said, "delta", "message", "content"))
        if tokens := tuple(read_tokens(said.get("logprobs"))):
            yield Scored(tokens)

    def _block(self, place: int, block: Wire) -> Iterator[Event]:
        """A block that begins or goes on."""
        kind = block.get("type")
        if isinstance(kind, str) and kind not in _KINDS:
            yield from self._begin_line(("content", place), Foreign(dialect=NAME, block=block))
            return
        line = self._open.get(("content", place))
        if isinstance(kind, str) and (line is None or line.over):
            yield from self._begin_line(("content", place), _KINDS[kind](), kind)
        for field, words in _KINDS.items():
            yield from self._grow(("content", place), words, field, block.get(field))

    def _content_end(self, said: Wire) -> Iterator[Event]:
        if (line := self._open.get(("content", _place(said)))) is not None:
            line.over = True
        yield from ()

    def _plan(self, said: Wire) -> Iterator[Event]:
        yield from self._grow((PLAN, 0), Thinking, PLAN, object_at(said, "delta", "message").get(PLAN))

    def _grow(self, key: tuple[str, int], kind: type[Text | Thinking], field: str, text: Any) -> Iterator[Event]:
        if not isinstance(text, str) or not text:
            return
        line = self._open.get(key)
        if line is None or line.kind is not kind:
            yield from self._begin_line(key, kind(), field)
            line = self._open[key]
        line.grown = True
        yield Grew(line.index, text)

    # --- calls

    def _call(self, said: Wire) -> Iterator[Event]:
        for place, call in enumerate(each(object_at(said, "delta", "message").get("tool_calls")), _place(said)):
            function = object_at(call, "function") if isinstance(call, dict) else {}
            name = text_at(function, "name")
            if name is None:
                self._rest.setdefault("tool_calls", []).append(call)
                continue
            self._called = True
            yield from self._begin_line(("call", place), Call(id=text_at(call, "id") or "", name=name))
            yield from self._argue(place, function)

    def _call_delta(self, said: Wire) -> Iterator[Event]:
        for place, call in enumerate(each(object_at(said, "delta", "message").get("tool_calls")), _place(said)):
            yield from self._argue(place, object_at(call, "function") if isinstance(call, dict) else {})

    def _argue(self, place: int, function: Wire) -> Iterator[Event]:
        line, text = self._open.get(("call", place)), text_at(function, "arguments")
        if line is not None and text is not None:
            line.grown = True
            yield Grew(line.index, text)

    def _call_end(self, said: Wire) -> Iterator[Event]:
        yield from self._shut(("call", _place(said)))

    # --- citations

    def _cite(self, said: Wire) -> Iterator[Event]:
        for citation in each(object_at(said, "delta", "message").get("citations")):
            place = place_of(citation) if isinstance(citation, dict) else None
            line = self._open.get(("content", place)) if place is not None else None
            if line is None or line.kind is not Text:
                self._rest.setdefault("citations", []).append(citation)
                continue
            for read in read_citation(citation):
                yield Cited(line.index, read)

    # --- the end

    def _end(self, said: Wire) -> Iterator[Event]:
        end = object_at(said, "delta")
        usage, counted = read_usage(object_at(end, "usage"))
        if (fault := failure(end)) is not None:
            yield from self._shut_all()
            if usage is not None:
                yield Metered(usage)
            yield self._broke(fault)
            return
        self._ended = True
        yield from self._shut_all()
        if counted:
            self._rest["usage"] = counted
        if usage is not None:
            yield Metered(usage)
        yield Finished(read_finish(end.get("finish_reason"), called=self._called))

    def _begin_line(self, key: tuple[str, int], part: Part, field: str = "") -> Iterator[Event]:
        """Open a part, after those that are over: content and plan by the next part, calls by their own end."""
        yield from self._shut(key)
        for other in [other for other in self._open if other[0] != "call"]:
            yield from self._shut(other)
        self._open[key] = _Line(self._count, type(part), field)
        self._count += 1
        yield Opened(self._open[key].index, part)

    def _shut(self, key: tuple[str, int]) -> Iterator[Event]:
        line = self._open.pop(key, None)
        if line is None:
            return
        if line.kind is Call and not line.grown:
            yield Grew(line.index, "{}")
        if line.kind is Thinking:
            yield Sealed(line.index, seal(self._realm, line.field))
        yield Closed(line.index)

    def _shut_all(self) -> Iterator[Event]:
        for key in list(self._open):
            yield from self._shut(key)

    def _broke(self, fault: Fault) -> Broke:
        self._over = True
        return Broke(fault)


def reader(realm: str, /) -> Reader:
    """A fresh reader. Thoughts are sealed for `realm`."""
    return Reader(realm)


def _place(said: Wire) -> int:
    """The number of a block or a call; the first where it has none."""
    place = said.get("index")
    return place if isinstance(place, int) else 0
