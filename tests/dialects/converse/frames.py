"""Streams of this dialect for tests: written from data, or cut from recorded bytes."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from uni_api.canon import Event
from uni_api.dialects import converse
from uni_api.framing import EventStreamDecoder, Frame

REALM = "home"


def frame(name: str, **data: Any) -> Frame:
    return Frame(json.dumps(data | {"p": "abcdefghijkl"}).encode(), name.encode())


def read(frames: Iterable[Frame], *, close: bool = True) -> list[Event]:
    reader = converse.reader(REALM)
    found = [event for one in frames for event in reader.feed(one)]
    return [*found, *reader.close()] if close else found


def read_bytes(body: bytes, cuts: Sequence[int] = ()) -> list[Event]:
    """What the reader makes of `body`, fed in pieces that end at `cuts`."""
    decoder = EventStreamDecoder()
    edges = [0, *sorted(cuts), len(body)]
    frames = [one for start, end in itertools.pairwise(edges) for one in decoder.feed(body[start:end])]
    return read([*frames, *decoder.close()])


def opened(index: int, **start: Any) -> Frame:
    return frame("contentBlockStart", contentBlockIndex=index, start=start)


def delta(index: int, **piece: Any) -> Frame:
    return frame("contentBlockDelta", contentBlockIndex=index, delta=piece)


def closed(index: int) -> Frame:
    return frame("contentBlockStop", contentBlockIndex=index)


def ending(reason: str = "end_turn", **more: Any) -> Frame:
    return frame("messageStop", stopReason=reason, **more)


START = frame("messageStart", role="assistant")
METADATA = frame("metadata", usage={"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}, metrics={"latencyMs": 321})
EXCEPTION = "exception:"
