"""Anthropic Messages: the shape of its bodies and streams, as spoken to upstreams.

Rule 1: what one model family takes and another refuses stands in `_models` only.
Rule 2: the API's rules of order (results first, roles in turn) are kept in `_messages` only.
Rule 3: nothing raises for content: what can't be said is a loss.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.anthropic._media import needs_bytes
from uni_api.dialects.anthropic.error import read_error
from uni_api.dialects.anthropic.reply import read_reply
from uni_api.dialects.anthropic.request import write_request
from uni_api.dialects.anthropic.stream import StreamReader

name = "anthropic"
reader = StreamReader

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]

if TYPE_CHECKING:
    from uni_api.dialects import anthropic
    from uni_api.dialects.faces import Back

    _back: Back = anthropic
