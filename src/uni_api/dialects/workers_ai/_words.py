"""The dialect's fixed words."""

from typing import Any, Final, Literal

NAME: Final = "workers_ai"

RAW_FIELD: Final = "input"
"""The argument of a free-text tool, which is offered as a function."""

Wire = dict[str, Any]

Reason = Literal["stop", "length", "calls", "filter", "refusal", "pause", "other"]

FINISH_REASONS: Final[dict[str, Reason]] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "calls",
    "content_filter": "filter",
}
