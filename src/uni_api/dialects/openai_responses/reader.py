"""Streams, wire to events.

Source: `response_stream_event.py` of the official SDK (read 2026-11-24). The event's name is not relied on: `data.type`
says the same. Every item is said twice, in pieces and whole when it is done; what no piece has said, the whole says.
Padding against eavesdroppers (`obfuscation`) and events of tools that the API runs itself are passed over: the items
that they lead to hold all of it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, assert_never

import msgspec

from uni_api.canon import (
    Broke,
    Call,
    Cited,
    Closed,
    Event,
    Finished,
    Foreign,
    Grew,
    Media,
    Metered,
    Noted,
    Opened,
    Part,
    Result,
    Scored,
    Sealed,
    Started,
    Text,
    Thinking,
)
from uni_api.dialects.openai_responses._output import (
    BETWEEN,
    SUMMARY,
    WHOLE,
    WORDS,
    Slot,
    is_call,
    read_call,
    read_citation,
    read_content,
    read_item,
    read_tokens,
    scored,
)
from uni_api.dialects.openai_responses._words import Block, block, blocks, text, text_or_none
from uni_api.dialects.openai_responses.error import fault_of
from uni_api.dialects.openai_responses.reply import read_created, read_rest, refuse_failed
from uni_api.dialects.openai_responses.usage import read_finish, read_usage
from uni_api.errors import Fault
from uni_api.framing import Frame


class _Line:
    """A part that is open: what of it was said. `piece` is the part of a summary that grew last."""

    __slots__ = ("cited", "grown", "index", "piece")

    def __init__(self, index: int) -> None:
        self.index = index
        self.grown = False
        self.cited = 0
        self.piece = 0


class _Item:
    """An item that has begun: as it was announced, and its open parts."""

    __slots__ = ("head", "lines", "scored")

    def __init__(self, head: Block) -> None:
        self.head = head
        self.lines: dict[Slot, _Line] = {}
        self.scored = False


class ResponsesReader:
    """Reads the frames of one answer. After a Broke event, and after the end, everything is passed over."""

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._state: Literal["waiting", "open", "ended", "broken"] = "waiting"
        self._items: dict[int, _Item] = {}
        self._done: set[int] = set()
        self._told: set[str] = set()
        self._places: dict[str, int] = {}
        self._latest = -1
        self._parts = 0
        self._called = False
        self._handlers: dict[str, Callable[[Block], Iterable[Event]]] = {
            "response.output_text.delta": self._text_delta,
            "response.refusal.delta": self._refusal_delta,
            "response.reasoning_summary_text.delta": self._summary_delta,
            "response.reasoning_text.delta": self._words_delta,
            "response.function_call_arguments.delta": self._call_delta,
            "response.custom_tool_call_input.delta": self._call_delta,
            "response.output_text.annotation.added": self._annotation,
            "response.content_part.added": self._content_added,
            "response.output_item.added": self._item_added,
            "response.output_item.done": self._item_done,
            "response.created": self._begin,
            "response.queued": self._begin,
            "response.in_progress": self._begin,
            "response.completed": self._end,
            "response.incomplete": self._end,
            "response.failed": self._fail,
            "response.cancelled": self._fail,
            "error": self._error,
        }

    def feed(self, frame: Frame, /) -> list[Event]:
        if self._state in ("ended", "broken") or frame.data == b"[DONE]":
            return []
        try:
            data = msgspec.json.decode(frame.data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            data = None
        if not isinstance(data, dict):
            return self._break(Fault("protocol", "The upstream sent an event that is not a JSON object."))
        kind = text_or_none(data.get("type")) or frame.event.decode("utf-8", "replace")
        if not kind and data.get("error"):
            kind = "error"
        handler = self._handlers.get(kind)
        return [] if handler is None else list(handler(data))

    def close(self) -> list[Event]:
        if self._state in ("ended", "broken"):
            return []
        return self._break(Fault("protocol", "The upstream's stream ended before the answer did."))

    def _break(self, fault: Fault) -> list[Event]:
        self._state = "broken"
        return [Broke(fault)]

    # --- beginning and end --------------------------------------------------------------------------------------------

    def _begin(self, data: Block) -> Iterator[Event]:
        if self._state == "waiting":
            self._state = "open"
            response = block(data.get("response"))
            yield Started(
                id=text_or_none(response.get("id")),
                model=text_or_none(response.get("model")),
                created=read_created(response),
            )

    def _end(self, data: Block) -> Iterator[Event]:
        yield from self._begin(data)
        response = block(data.get("response"))
        try:
            refuse_failed(response)
        except Fault as fault:
            yield from self._break(fault)
            return
        for place, item in enumerate(blocks(response.get("output"))):
            yield from self._finish(place, item)
        for place in list(self._items):
            yield from self._shut(self._items.pop(place))
        if isinstance(usage := response.get("usage"), dict):
            yield Metered(read_usage(usage))
        if (rest := read_rest(response)) is not None:
            yield Noted(rest)
        self._state = "ended"
        status = "incomplete" if data.get("type") == "response.incomplete" else "completed"
        yield Finished(read_finish({"status": status, **response}, calls=self._called))

    def _fail(self, data: Block) -> Iterator[Event]:
        response = block(data.get("response"))
        told = response if response.get("error") else {"message": "The upstream gave up on its answer."}
        yield from self._break(fault_of(told))

    def _error(self, data: Block) -> Iterator[Event]:
        yield from self._break(fault_of(data))

    # --- items --------------------------------------------------------------------------------------------------------

    def _place(self, data: Block) -> int:
        """Where the item of an event stands. Hosts that do not number their items name them, or mean the latest."""
        place = data.get("output_index")
        if isinstance(place, int):
            return place
        return self._places.get(text(data.get("item_id")), self._latest)

    def _item_added(self, data: Block) -> Iterator[Event]:
        yield from self._begin({})
        head = block(data.get("item"))
        place = data.get("output_index")
        if not isinstance(place, int):
            place = self._latest + 1
        if place in self._items:
            return
        self._done.discard(place)
        self._latest = place
        self._places[text(head.get("id"))] = place
        item = _Item(head)
        self._items[place] = item
        if is_call(head):
            self._called = True
            yield self._open(item, WHOLE, msgspec.structs.replace(read_call(head), arguments=""))

    def _content_added(self, data: Block) -> Iterator[Event]:
        content = block(data.get("part"))
        slot = ("content", _index(data.get("content_index")))
        place = self._place(data)
        if content.get("type") not in ("output_text", "refusal") or place in self._done:
            return
        yield from self._begin({})
        item = self._items.setdefault(place, _Item({}))
        if slot not in item.lines:
            part = read_content({**content, "annotations": []}, item.head)
            assert isinstance(part, Text)
            yield self._open(item, slot, msgspec.structs.replace(part, text=""))
            yield from _grow(item.lines[slot], part.text)

    def _item_done(self, data: Block) -> Iterator[Event]:
        yield from self._begin({})
        whole = block(data.get("item"))
        known = self._places.get(text(whole.get("id")), self._latest)
        place = data.get("output_index")
        yield from self._finish(place if isinstance(place, int) else known, whole)

    def _finish(self, place: int, whole: Block) -> Iterator[Event]:
        """Say what no piece of the item has said yet, and close its parts."""
        id = text_or_none(whole.get("id"))
        if place in self._done or id in self._told or not whole:
            return
        self._done.add(place)
        if id is not None:
            self._told.add(id)
        item = self._items.pop(place, None) or _Item(whole)
        self._called = self._called or is_call(whole)
        for slot, part in read_item(whole, self._realm):
            line = item.lines.pop(slot, None)
            if line is None:
                yield from self._say(part)
            else:
                yield from _complete(line, part)
        yield from self._shut(item)
        if not item.scored and (tokens := scored(whole)):
            yield Scored(tokens)

    def _shut(self, item: _Item) -> Iterator[Event]:
        for line in item.lines.values():
            yield Closed(line.index)

    def _say(self, part: Part) -> Iterator[Event]:
        """A part that comes whole."""
        index = self._parts
        self._parts += 1
        match part:
            case Text() | Thinking():
                yield Opened(index, msgspec.structs.replace(part, text=""))
                words = part.text
            case Call():
                yield Opened(index, msgspec.structs.replace(part, arguments=""))
                words = part.arguments
            case Media() | Foreign():
                yield Opened(index, part)
                words = ""
            case Result():
                raise AssertionError("read_item reads no results")
            case _:
                assert_never(part)
        if words:
            yield Grew(index, words)
        yield Closed(index)

    def _open(self, item: _Item, slot: Slot, part: Part) -> Opened:
        line = _Line(self._parts)
        self._parts += 1
        item.lines[slot] = line
        return Opened(line.index, part)

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _text_delta(self, data: Block) -> Iterable[Event]:
        said = self._grown(data, ("content", _index(data.get("content_index"))), "output_text")
        tokens = read_tokens(data.get("logprobs"))
        if not tokens:
            return said
        if (item := self._items.get(self._place(data))) is not None:
            item.scored = True
        return [*said, Scored(tokens)]

    def _refusal_delta(self, data: Block) -> Iterable[Event]:
        return self._grown(data, ("content", _index(data.get("content_index"))), "refusal")

    def _summary_delta(self, data: Block) -> Iterable[Event]:
        return self._grown(data, SUMMARY, "summary", _index(data.get("summary_index")))

    def _words_delta(self, data: Block) -> Iterable[Event]:
        return self._grown(data, WORDS, "words", _index(data.get("content_index")))

    def _call_delta(self, data: Block) -> Iterator[Event]:
        item = self._items.get(self._place(data))
        line = item.lines.get(WHOLE) if item is not None else None
        if line is not None:
            yield from _grow(line, text(data.get("delta")))
        elif self._place(data) not in self._done:
            fault = Fault("protocol", "The upstream sent arguments of a call that it did not announce.")
            yield from self._break(fault)

    def _annotation(self, data: Block) -> Iterator[Event]:
        item = self._items.get(self._place(data))
        line = item.lines.get(("content", _index(data.get("content_index")))) if item is not None else None
        if line is not None and isinstance(annotation := data.get("annotation"), dict):
            line.cited += 1
            yield Cited(line.index, read_citation(annotation))

    def _grown(self, data: Block, slot: Slot, kind: str, piece: int = 0) -> list[Event]:
        """A piece of text for `slot`, which is opened when nothing has announced it. The hot path of a stream."""
        place = self._place(data)
        delta = text(data.get("delta"))
        if place in self._done or not delta:
            return []
        events: list[Event] = []
        item = self._items.get(place)
        if item is None:
            events.extend(self._begin({}))
            item = self._items[place] = _Item({})
        line = item.lines.get(slot)
        if line is None:
            events.extend(self._begin({}))
            events.append(self._open(item, slot, _fresh(kind, item.head)))
            line = item.lines[slot]
        elif piece != line.piece and line.grown:
            delta = BETWEEN + delta
        line.piece = piece
        line.grown = True
        events.append(Grew(line.index, delta))
        return events


def _fresh(kind: str, head: Block) -> Part:
    """The part that grows when a piece of `kind` comes for an item that began with `head`."""
    if kind in ("output_text", "refusal"):
        return read_content({"type": kind}, head)
    return Thinking(summary=kind == "summary")


def _index(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _grow(line: _Line, words: str) -> Iterator[Event]:
    if words:
        line.grown = True
        yield Grew(line.index, words)


def _complete(line: _Line, part: Part) -> Iterator[Event]:
    """What the whole `part` says beyond its pieces; its end."""
    match part:
        case Text() | Thinking():
            words = part.text
        case Call():
            words = part.arguments
        case _:
            words = ""
    if not line.grown:
        yield from _grow(line, words)
    if isinstance(part, Text):
        for citation in part.citations[line.cited :]:
            yield Cited(line.index, citation)
    if isinstance(part, Thinking) and part.seal is not None:
        yield Sealed(line.index, part.seal)
    yield Closed(line.index)
