"""The name of the dialect, and values of JSON read without trust."""

from typing import Any

NAME = "openai_responses"

Block = dict[str, Any]


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def block(value: object) -> Block:
    return value if isinstance(value, dict) else {}


def blocks(value: object) -> list[Block]:
    """The objects in a list; whatever else is there is passed over."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15 else 0
