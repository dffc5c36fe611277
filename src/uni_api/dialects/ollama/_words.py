"""The dialect's fixed words."""

from typing import Any, Final, Literal

NAME: Final = "ollama"

RAW_FIELD: Final = "input"
"""The argument that carries a call's text where that text is no JSON object: the API takes objects only."""

Wire = dict[str, Any]

Reason = Literal["stop", "length", "calls", "filter", "refusal", "pause", "other"]

DONE_REASONS: Final[dict[str, Reason]] = {
    "stop": "stop",
    "length": "length",
    # The model was loaded or unloaded, and nothing was asked of it.
    "load": "other",
    "unload": "other",
}
