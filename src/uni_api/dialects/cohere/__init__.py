"""Cohere: version 2 of its chat format (`POST /v2/chat`), as an upstream speaks it.

Source: docs.cohere.com, pages "Chat", "Chat with Streaming", "Reasoning" and "Errors", and the types of the official
SDK (read 2026-11-24).

Rule 1: what one model family takes and another refuses stands in `_models` only.
Rule 2: the format has no signatures. What the model thought and planned is sealed with the name of its field, so that
it comes back to this host, there, and to no other.
Rule 3: nothing raises for content: what can't be said is a loss.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.cohere._images import needs_bytes
from uni_api.dialects.cohere._words import NAME as name
from uni_api.dialects.cohere.error import read_error
from uni_api.dialects.cohere.reply import read_reply
from uni_api.dialects.cohere.request import write_request
from uni_api.dialects.cohere.stream import reader

if TYPE_CHECKING:
    from uni_api.dialects import cohere
    from uni_api.dialects.faces import Back

    _back: Back = cohere

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]
