"""Streams of this dialect for tests: written from data, or cut from recorded bytes."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from uni_api.canon import Event
from uni_api.dialects import anthropic
from uni_api.framing import Frame, SseDecoder

REALM = "home"


def frame(data: Any) -> Frame:
    return Frame(json.dumps(data).encode(), str(data.get("type", "")).encode())


def events(*data: Any, close: bool = True) -> list[Event]:
    """What the reader makes of these event objects."""
    return read(map(frame, data), close=close)


def read(frames: Iterable[Frame], *, close: bool = True) -> list[Event]:
    reader = anthropic.reader(REALM)
    found = [event for one in frames for event in reader.feed(one)]
    return [*found, *reader.close()] if close else found


def read_bytes(body: bytes, cuts: Sequence[int] = ()) -> list[Event]:
    """What the reader makes of `body`, fed in pieces that end at `cuts`."""
    decoder = SseDecoder()
    edges = [0, *sorted(cuts), len(body)]
    frames = [one for start, end in itertools.pairwise(edges) for one in decoder.feed(body[start:end])]
    return read([*frames, *decoder.close()])


def start(**message: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
    return {"type": "message_start", "message": whole | message}


def opened(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **piece: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": piece}


def closed(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ending(reason: str | None = "end_turn", output: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None, **more},
        "usage": {"output_tokens": output},
    }


STOP = {"type": "message_stop"}
