"""Streams, wire to events.

Source: platform.claude.com, page "Streaming Messages" (read 2026-11-24). The event's name is not relied on, since some
hosts leave it out: `data.type` says the same.
"""

from collections.abc import Iterator
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
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
)
from uni_api.dialects.anthropic._blocks import NAME
from uni_api.dialects.anthropic._media import Block
from uni_api.dialects.anthropic.error import fault_of
from uni_api.dialects.anthropic.reply import (
    read_block,
    read_citation,
    read_finish,
    read_rest,
    read_usage,
    text_or_none,
)
from uni_api.errors import Fault
from uni_api.framing import Frame

_DELTAS: dict[str, type[Text] | type[Thinking] | type[Call]] = {
    "text_delta": Text,
    "citations_delta": Text,
    "thinking_delta": Thinking,
    "signature_delta": Thinking,
    "input_json_delta": Call,
}


class _Block:
    """One content block on its way. `index` is that of its part; None while a block that only this dialect knows is
    being put together. `whole` are arguments that came with the start of the block: they hold if no more come."""

    def __init__(self, part: Part, index: int | None, block: Block) -> None:
        self.part = part
        self.index = index
        self.whole = ""
        self.grown = False
        self._block = block
        self._json: list[str] = []

    def take(self, delta: Block) -> None:
        """Adds a delta to a foreign block: texts and lists grow, `partial_json` becomes `input`, others replace."""
        for name, value in delta.items():
            before = self._block.get(name)
            if name == "type":
                continue
            if name == "partial_json":
                self._json.append(str(value))
            elif name == "citation":
                self._block["citations"] = [*(self._block.get("citations") or ()), value]
            elif isinstance(before, str) and isinstance(value, str):
                self._block[name] = before + value
            elif isinstance(before, list) and isinstance(value, list):
                self._block[name] = [*before, *value]
            else:
                self._block[name] = value

    def assembled(self) -> Block:
        if text := "".join(self._json):
            try:
                self._block["input"] = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                self._block["input"] = text
        return self._block


class StreamReader:
    """Reads the frames of one reply. After a Broke event, and after the end, everything is passed over."""

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._id: str | None = None
        self._state: Literal["waiting", "open", "ended", "broken"] = "waiting"
        self._blocks: dict[int, _Block] = {}
        self._latest = 0
        self._parts = 0
        self._left: Block = {}
        self._usage: Block = {}
        self._stopped = False

    def feed(self, frame: Frame, /) -> list[Event]:
        if self._state in ("ended", "broken") or frame.data == b"[DONE]":
            return []
        try:
            data = msgspec.json.decode(frame.data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            data = None
        if not isinstance(data, dict):
            return self._break(Fault("protocol", "The upstream sent an event that is not a JSON object."))
        kind = data.get("type") or frame.event.decode("utf-8", "replace")
        return self._event(kind, data)

    def close(self) -> list[Event]:
        if self._state in ("ended", "broken"):
            return []
        if self._stopped:
            return self._end()
        return self._break(Fault("protocol", "The upstream's stream ended before the message did."))

    def _event(self, kind: object, data: Block) -> list[Event]:
        match kind:
            case "content_block_delta":
                return [*self._start(), *self._delta(data, _dict(data.get("delta")))]
            case "content_block_start":
                return [*self._start(), *self._open(self._place(data), _dict(data.get("content_block")))]
            case "content_block_stop":
                return list(self._shut(self._place(data)))
            case "message_start":
                return list(self._begin(_dict(data.get("message"))))
            case "message_delta":
                return [*self._start(), *self._message_delta(data)]
            case "message_stop":
                return [*self._start(), *self._end()]
            case "error":
                return self._break(fault_of(data))
            case "message" if self._state == "waiting" and "content" in data:
                # A host that was not told to stream all the same sends its whole answer as one event.
                return [*self._begin(data), *self._end()]
            case _:
                # The vendor's promise: new kinds of events may come and are to be passed over. `ping` is one.
                return []

    def _break(self, fault: Fault) -> list[Event]:
        self._state = "broken"
        return [Broke(fault)]

    def _start(self) -> Iterator[Event]:
        if self._state == "waiting":
            self._state = "open"
            yield Started()

    def _begin(self, message: Block) -> Iterator[Event]:
        id = text_or_none(message.pop("id", None))
        if self._state == "open":
            # Some hosts send the start twice. Another message's start means that a proxy on the way has tried again
            # and spliced two answers: neither is whole, and their signatures would not hold together.
            if id is not None and self._id is not None and id != self._id:
                yield from self._break(Fault("protocol", "The upstream began another message within a message."))
            return
        self._state = "open"
        self._id = id
        yield Started(id=id, model=text_or_none(message.pop("model", None)))
        content = message.pop("content", None)
        usage = message.pop("usage", None)
        self._left.update(message)
        if isinstance(usage, dict):
            yield self._meter(usage)
        for place, block in enumerate(content if isinstance(content, list) else ()):
            yield from self._open(place, _dict(block))

    def _message_delta(self, data: Block) -> Iterator[Event]:
        delta = _dict(data.pop("delta", None))
        usage = data.pop("usage", None)
        self._left.update({name: value for name, value in {**data, **delta}.items() if value is not None})
        self._stopped = self._stopped or isinstance(delta.get("stop_reason"), str)
        if isinstance(usage, dict):
            yield self._meter(usage)

    def _meter(self, usage: Block) -> Metered:
        """Counters are totals so far: a later one replaces an earlier one, and one left out still holds."""
        self._usage.update({name: value for name, value in usage.items() if value is not None})
        return Metered(read_usage(self._usage))

    def _end(self) -> list[Event]:
        self._state = "ended"
        events = [event for place in list(self._blocks) for event in self._shut(place)]
        finish = read_finish(self._left)
        if (rest := read_rest(self._left, self._usage)) is not None:
            events.append(Noted(rest))
        return [*events, Finished(finish)]

    def _place(self, data: Block) -> int:
        place = data.get("index")
        return place if isinstance(place, int) else self._latest

    def _open(self, place: int, block: Block) -> Iterator[Event]:
        yield from self._shut(place)
        self._latest = place
        part = read_block(block, self._realm)
        match part:
            case Text():
                index, opened = self._add(place, msgspec.structs.replace(part, text="", citations=()))
                yield opened
                if part.text:
                    yield Grew(index, part.text)
                for citation in part.citations:
                    yield Cited(index, citation)
            case Thinking():
                index, opened = self._add(place, msgspec.structs.replace(part, text="", seal=None))
                yield opened
                if part.text:
                    yield Grew(index, part.text)
                if part.seal is not None:
                    yield Sealed(index, part.seal)
            case Call():
                _, opened = self._add(place, msgspec.structs.replace(part, arguments=""))
                self._blocks[place].whole = part.arguments
                yield opened
            case Foreign():
                self._blocks[place] = _Block(part, None, dict(block))
            case Media() | Result():
                raise AssertionError("read_block reads neither media nor results")
            case _:
                assert_never(part)

    def _add(self, place: int, part: Part) -> tuple[int, Opened]:
        index = self._parts
        self._parts += 1
        self._blocks[place] = _Block(part, index, {})
        return index, Opened(index, part)

    def _shut(self, place: int) -> Iterator[Event]:
        block = self._blocks.pop(place, None)
        if block is None:
            return
        if block.index is None:
            index, opened = self._add(place, Foreign(dialect=NAME, block=block.assembled()))
            del self._blocks[place]
            yield opened
            yield Closed(index)
            return
        if isinstance(block.part, Call) and not block.grown:
            yield Grew(block.index, block.whole)
        yield Closed(block.index)

    def _delta(self, data: Block, delta: Block) -> Iterator[Event]:
        place = self._place(data)
        block = self._blocks.get(place)
        if block is not None and block.index is None:
            block.take(delta)
            return
        kind = _DELTAS.get(str(delta.get("type")))
        if kind is None:
            return
        if block is None or not isinstance(block.part, kind):
            # A delta whose block was never opened, or is of another kind: its words are kept all the same.
            yield from self._shut(place)
            if kind is Call:
                yield from self._break(Fault("protocol", "The upstream sent arguments of a call that it did not open."))
                return
            self._latest = place
            _, opened = self._add(place, Text() if kind is Text else Thinking())
            yield opened
        yield from self._grow(self._blocks[place], delta)

    def _grow(self, block: _Block, delta: Block) -> Iterator[Event]:
        assert block.index is not None
        match delta:
            case {"text": str(text)} | {"thinking": str(text)} | {"partial_json": str(text)}:
                if text:
                    block.grown = True
                    yield Grew(block.index, text)
            case {"signature": str(token)}:
                if token:
                    yield Sealed(block.index, Seal(realm=self._realm, token=token))
            case {"citation": dict(citation)}:
                yield Cited(block.index, read_citation(citation))


def _dict(value: Any) -> Block:
    return value if isinstance(value, dict) else {}
