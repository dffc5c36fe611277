"""Recorded exchanges of the Gemini API, and what a direct parse of an answer sees."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
CASSETTES = Path(os.environ.get("UNI_API_SHARED", ROOT.parent / "shared")) / "cassettes"

Record = dict[str, Any]


@cache
def load(family: str) -> tuple[Record, ...]:
    """The records of one family. Skips the test when they are not there."""
    path = CASSETTES / f"{family}.jsonl"
    if not path.exists():
        pytest.skip(f"no recorded exchanges: {path} is absent")
    with path.open() as lines:
        return tuple(json.loads(line) for line in lines)


def answers(*, stream: bool) -> list[Record]:
    """Recorded answers of generateContent, or of streamGenerateContent as SSE."""
    verb = "streamGenerateContent" if stream else "generateContent"
    return [
        record
        for record in load("gemini")
        if record["endpoint"] == verb and (not stream or record.get("stream_format") == "sse")
    ]


def chunks(record: Record) -> Iterator[dict[str, Any]]:
    """Every GenerateContentResponse in the answer."""
    text = record["response_body"]
    if not record["stream"]:
        yield json.loads(text)
        return
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("data:"):
            yield json.loads(line[5:])
