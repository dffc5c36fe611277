"""The recorded exchanges: where they lie, and which of them a suite runs.

They live beside the checkout (`../shared/cassettes`, or `$UNI_API_SHARED/cassettes`) and are no part of the project.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("UNI_API_SHARED") or Path(__file__).parents[3] / "shared") / "cassettes"

OPENAI_FAMILIES = ("openai-chat", "openai-compat", "groq", "deepseek", "mistral", "xai", "openrouter")

ENDPOINTS = {
    "anthropic": ("messages",),
    "gemini": ("generateContent", "streamGenerateContent"),
    **dict.fromkeys(OPENAI_FAMILIES, ("chat.completions",)),
}

Record = dict[str, Any]

needs_records = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded exchanges at {FOLDER}")


@cache
def records(family: str) -> tuple[Record, ...]:
    """The chat exchanges of `family` that were answered with 200, in file order."""
    with (FOLDER / f"{family}.jsonl").open(encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    return tuple(one for one in every if one["endpoint"] in ENDPOINTS[family] and one["status"] == 200)
