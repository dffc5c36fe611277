"""Gemini: generateContent and streamGenerateContent of the Gemini API, as an upstream speaks them.

The model and whether to stream stand in the URL, so neither is in the body. A stream is asked for as SSE (`alt=sse`).
Source: the types of google-genai 3.4 and ai.google.dev/api/generate-content, read 2026-11-24.

Rule 1: what one model family takes and another refuses stands in `_models` only.
Rule 2: the order that the API demands (speakers in turn, results first) is kept in `_contents` only.
Rule 3: nothing raises for content: what can't be said is a loss.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.gemini._media import needs_bytes
from uni_api.dialects.gemini._words import NAME as name
from uni_api.dialects.gemini.error import read_error
from uni_api.dialects.gemini.reply import read_reply
from uni_api.dialects.gemini.request import write_request
from uni_api.dialects.gemini.stream import reader

if TYPE_CHECKING:
    from uni_api.dialects import gemini
    from uni_api.dialects.faces import Back

    _back: Back = gemini

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]
