"""Answers of this dialect for tests: written from data, or cut from recorded bytes."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from tests.cassettes.records import FOLDER, Record
from uni_api.canon import Event
from uni_api.dialects import openai_responses
from uni_api.framing import Frame, SseDecoder

REALM = "home"
FAMILIES = ("openai-responses", "azure", "xai", "openrouter", "openai-compat")
STRANGE = frozenset({"openai-responses-9f94d9b3c266", "azure-e44a981d4f89"})
"""Records that hold no answer of this dialect: one is begun in the background, one is a chat completion."""


@cache
def recorded() -> tuple[Record, ...]:
    """Every recorded answer of this dialect, of whatever host; none when there are no records."""
    if not FOLDER.is_dir():
        return ()
    found: list[Record] = []
    for family in FAMILIES:
        with (FOLDER / f"{family}.jsonl").open(encoding="utf-8") as lines:
            found += [json.loads(line) for line in lines]
    return tuple(
        one
        for one in found
        if one["method"] == "POST"
        and one["path"].endswith("/responses")
        and one["status"] == 200
        and one["id"] not in STRANGE
    )


def frame(data: Any) -> Frame:
    return Frame(json.dumps(data).encode(), str(data.get("type", "")).encode())


def events(*data: Any, close: bool = True) -> list[Event]:
    """What the reader makes of these event objects."""
    return read(map(frame, data), close=close)


def read(frames: Iterable[Frame], *, close: bool = True) -> list[Event]:
    reader = openai_responses.reader(REALM)
    found = [event for one in frames for event in reader.feed(one)]
    return [*found, *reader.close()] if close else found


def frames_of(body: bytes) -> list[Frame]:
    decoder = SseDecoder()
    return [*decoder.feed(body), *decoder.close()]


def response(*items: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 7,
        "model": "gpt-test",
        "status": status,
        "output": [*items],
        "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12},
    }
    return whole | more


def message(*content: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [*content],
        **more,
    }


def said(text: str, *annotations: Any, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [*annotations], **more}


def reasoning(*summary: str, id: str = "rs_1", **more: Any) -> dict[str, Any]:
    pieces = [{"type": "summary_text", "text": one} for one in summary]
    return {"type": "reasoning", "id": id, "summary": pieces, **more}


def call(name: str = "weather", arguments: str = "{}", id: str = "call_1", **more: Any) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{id}",
        "call_id": id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
        **more,
    }


def created(**more: Any) -> dict[str, Any]:
    return {"type": "response.created", "response": response(status="in_progress", usage=None, **more)}


def added(place: int, item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": place, "item": item}


def done(place: int, item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def opened(place: int, part: Any, at: int = 0) -> dict[str, Any]:
    return {"type": "response.content_part.added", "output_index": place, "content_index": at, "part": part}


def delta(kind: str, place: int, text: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": place, "delta": text, **more}


def completed(*items: Any, **more: Any) -> dict[str, Any]:
    whole = response(*items, **more)
    kind = "incomplete" if whole["status"] == "incomplete" else "completed"
    return {"type": f"response.{kind}", "response": whole}


def kinds(found: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in found]
