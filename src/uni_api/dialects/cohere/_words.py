"""The dialect's fixed words, and small readers of untyped JSON."""

from typing import Any, Final, Literal

NAME: Final = "cohere"

RAW_FIELD: Final = "input"
"""The argument that carries the text of a free-text tool: calls hold JSON objects only."""

PLAN: Final = "tool_plan"
THINKING: Final = "thinking"
"""Where thoughts stand in a message, and the tokens of their seals."""

Wire = dict[str, Any]

Reason = Literal["stop", "length", "calls", "filter", "refusal", "pause", "other"]

FINISHES: Final[dict[str, Reason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "calls",
}

FAILURES: Final = frozenset({"ERROR", "TIMEOUT"})
"""Words of the same field for an answer that failed."""


def text_at(holder: Wire, name: str) -> str | None:
    """The text that stands there, None when there is none or it is empty."""
    value = holder.get(name)
    return value if isinstance(value, str) and value else None


def object_at(holder: Wire, *names: str) -> Wire:
    """The object that the path `names` leads to; an empty one when it leads nowhere."""
    value: Any = holder
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def each(value: Any) -> list[Any]:
    """The entries of a list. A stream says one object where a whole answer has a list of them."""
    return value if isinstance(value, list) else [] if value is None else [value]
