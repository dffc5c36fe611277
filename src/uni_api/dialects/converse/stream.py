"""Streams, wire to events.

Source: the service model of botocore 1.44, shape ConverseStreamOutput (read 2026-11-24). Every event also has a field
`p` of random length, which hides how long its words are.
"""

import base64
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

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
    Sealed,
    Started,
    Text,
    Thinking,
)
from uni_api.dialects.converse._media import Block
from uni_api.dialects.converse._names import NAME
from uni_api.dialects.converse.error import fault_in_stream
from uni_api.dialects.converse.reply import (
    SERVER_TOOL,
    decoded,
    read_citation,
    read_finish,
    read_rest,
    read_usage,
    rest_of,
    seal_of,
)
from uni_api.errors import Fault
from uni_api.framing import Frame

EXCEPTION = b"exception:"


class _Block(Struct):
    """One content block on its way. `index` is that of its part; None while a block that opens whole is being put
    together. `pieces` are its blobs, or the JSON of its input."""

    part: Part
    index: int | None = None
    block: Block = {}
    pieces: list[str] = []
    grown: bool = False


class StreamReader:
    """Reads the frames of one reply. After a Broke event everything is passed over."""

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._state: Literal["waiting", "open", "stopped", "broken"] = "waiting"
        self._blocks: dict[int, _Block] = {}
        self._latest = 0
        self._parts = 0

    def feed(self, frame: Frame, /) -> list[Event]:
        if self._state == "broken":
            return []
        if frame.event.startswith(EXCEPTION):
            # Once the message is whole, an exception takes nothing away from it.
            if self._state == "stopped":
                return []
            name = frame.event.removeprefix(EXCEPTION).decode("utf-8", "replace")
            return self._break(fault_in_stream(name, frame.data))
        try:
            data = msgspec.json.decode(frame.data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            data = None
        if not isinstance(data, dict):
            return self._break(Fault("protocol", "The upstream sent an event that is not a JSON object."))
        return list(self._event(frame.event, data))

    def close(self) -> list[Event]:
        if self._state in ("stopped", "broken"):
            return []
        return self._break(Fault("protocol", "The upstream's stream ended before the message did."))

    def _break(self, fault: Fault) -> list[Event]:
        self._state = "broken"
        return [Broke(fault)]

    def _event(self, name: bytes, data: Block) -> Iterator[Event]:
        if self._state == "waiting":
            self._state = "open"
            yield Started()
        if name == b"metadata":
            data.pop("p", None)
            yield from self._metadata(data)
            return
        if self._state == "stopped":
            return
        place = data.get("contentBlockIndex")
        place = self._latest = place if isinstance(place, int) else self._latest
        match name:
            case b"contentBlockDelta":
                yield from self._delta(place, _dict(data.get("delta")))
            case b"contentBlockStart":
                yield from self._begin(place, _dict(data.get("start")))
            case b"contentBlockStop":
                yield from self._shut(place)
            case b"messageStop":
                data.pop("p", None)
                yield from self._stop(data)
            case _:
                # messageStart, and new kinds of events that come with new abilities of the service.
                return

    def _stop(self, data: Block) -> Iterator[Event]:
        for place in list(self._blocks):
            yield from self._shut(place)
        self._state = "stopped"
        finish = read_finish(data)
        if (rest := read_rest(data, None)) is not None:
            yield Noted(rest)
        yield Finished(finish)

    def _metadata(self, data: Block) -> Iterator[Event]:
        usage = data.pop("usage", None)
        if isinstance(usage, dict):
            yield Metered(read_usage(usage))
        if (rest := read_rest(data, usage)) is not None:
            yield Noted(rest)

    def _begin(self, place: int, start: Block) -> Iterator[Event]:
        yield from self._shut(place)
        match start:
            case {"toolUse": {"toolUseId": str(id), "name": str(name), **left}} if left.get("type") != SERVER_TOOL:
                left.pop("type", None)
                yield self._add(place, Call(id=id, name=name, rest=rest_of(left)))
            case {"image": {"format": str(form)}}:
                self._blocks[place] = _Block(Media(kind="image", mime=f"image/{form}", data=b""))
            case _ if start:
                self._blocks[place] = _Block(Foreign(dialect=NAME, block={}), block=start)

    def _add(self, place: int, part: Part) -> Opened:
        index = self._parts
        self._parts += 1
        self._blocks[place] = _Block(part, index)
        return Opened(index, part)

    def _delta(self, place: int, delta: Block) -> Iterator[Event]:
        block = self._blocks.get(place)
        if block is not None and block.index is None:
            yield from self._assemble(place, block, delta)
            return
        # Nearly every delta of a stream is more text: that path is kept short.
        if block is not None and type(block.part) is Text and isinstance(text := delta.get("text"), str) and text:
            assert block.index is not None
            yield Grew(block.index, text)
            return
        match delta:
            case {"text": str(text)}:
                yield from self._grow(place, Text(), text)
            case {"reasoningContent": {"text": str(text)}}:
                yield from self._grow(place, Thinking(), text)
            case {"reasoningContent": {"signature": str(token)}}:
                yield from self._open(place, Thinking())
                if (seal := seal_of(token, self._realm)) is not None:
                    yield Sealed(self._index(place), seal)
            case {"reasoningContent": {"redactedContent": str(token)}}:
                yield from self._open(place, Thinking(withheld=True))
                self._blocks[place].pieces.append(token)
            case {"citation": dict(citation)}:
                yield from self._open(place, Text())
                yield Cited(self._index(place), read_citation(citation))
            case {"toolUse": {"input": str(text)}}:
                if block is None or not isinstance(block.part, Call):
                    yield from self._break(Fault("protocol", "The upstream sent arguments of a call it did not open."))
                    return
                yield from self._grow(place, block.part, text)
            case _ if delta:
                yield from self._whole(place, delta)

    def _whole(self, place: int, delta: Block) -> Iterator[Event]:
        """A delta of a kind not known yet is kept as a block of its own."""
        yield from self._shut(place)
        yield self._add(place, Foreign(dialect=NAME, block=delta))
        yield from self._shut(place)

    def _open(self, place: int, part: Part) -> Iterator[Event]:
        """Opens a part like `part` unless such a one is open: text and thinking begin with their first delta."""
        block = self._blocks.get(place)
        if block is None or type(block.part) is not type(part) or _is_withheld(block.part) != _is_withheld(part):
            yield from self._shut(place)
            yield self._add(place, part)

    def _grow(self, place: int, part: Part, text: str) -> Iterator[Event]:
        yield from self._open(place, part)
        if text:
            self._blocks[place].grown = True
            yield Grew(self._index(place), text)

    def _index(self, place: int) -> int:
        index = self._blocks[place].index
        assert index is not None
        return index

    def _assemble(self, place: int, block: _Block, delta: Block) -> Iterator[Event]:
        match delta:
            case {"image": {"source": {"bytes": str(data)}}}:
                block.pieces.append(data)
            case {"toolUse": {"input": str(text)}}:
                block.pieces.append(text)
            case {"toolResult": list(content)} if isinstance(result := block.block.get("toolResult"), dict):
                before = result.get("content")
                result["content"] = [*(before if isinstance(before, list) else ()), *content]
            case _:
                yield from self._whole(place, delta)

    def _shut(self, place: int) -> Iterator[Event]:
        block = self._blocks.pop(place, None)
        if block is None:
            return
        if block.index is None:
            opened = self._add(place, _assembled(block))
            del self._blocks[place]
            yield opened
            yield Closed(opened.index)
            return
        if isinstance(block.part, Call) and not block.grown:
            yield Grew(block.index, "{}")
        if (seal := seal_of(_blob(block.pieces), self._realm)) is not None:
            yield Sealed(block.index, seal)
        yield Closed(block.index)


def _is_withheld(part: Part) -> bool:
    return isinstance(part, Thinking) and part.withheld


def _assembled(block: _Block) -> Part:
    if isinstance(block.part, Media):
        return structs.replace(block.part, data=decoded(_blob(block.pieces)) or b"")
    if isinstance(use := block.block.get("toolUse"), dict):
        text = "".join(block.pieces)
        try:
            use["input"] = msgspec.json.decode(text) if text else {}
        except (msgspec.DecodeError, RecursionError):
            use["input"] = text
    return Foreign(dialect=NAME, block=block.block)


def _blob(pieces: list[str]) -> str:
    """One blob of the pieces that a stream cut it into, each of them in base64."""
    if len(pieces) < 2:
        return "".join(pieces)
    return base64.b64encode(b"".join(decoded(piece) or b"" for piece in pieces)).decode("ascii")


def _dict(value: Any) -> Block:
    return value if isinstance(value, dict) else {}
