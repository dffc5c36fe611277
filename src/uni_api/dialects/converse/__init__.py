"""Converse: the shape of Amazon Bedrock's bodies and streams for models of every maker, as spoken to upstreams.

Rule 1: what one model family takes and another refuses stands in `_models` only.
Rule 2: the API's rules of order (the user first, roles in turn, results first) are kept in `_messages` only.
Rule 3: nothing raises for content: what can't be said is a loss.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.converse._media import needs_bytes
from uni_api.dialects.converse.error import read_error
from uni_api.dialects.converse.reply import read_reply
from uni_api.dialects.converse.request import write_request
from uni_api.dialects.converse.stream import StreamReader

name = "converse"
reader = StreamReader

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]

if TYPE_CHECKING:
    from uni_api.dialects import converse
    from uni_api.dialects.faces import Back

    _back: Back = converse
