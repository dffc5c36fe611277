"""OpenAI Responses: the shape of its bodies and streams, as spoken to upstreams.

Rule 1: the API is spoken to without its memory: nothing is stored, every turn is sent whole, and no item is named by
    its id, but for reasoning, which goes back sealed with the id it came with.
Rule 2: what one model family takes and another refuses stands in `_models` only.
Rule 3: items that only this API knows are kept whole (Foreign), and go back where they stood.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.openai_responses._media import needs_bytes
from uni_api.dialects.openai_responses.error import read_error
from uni_api.dialects.openai_responses.reader import ResponsesReader
from uni_api.dialects.openai_responses.reply import read_reply
from uni_api.dialects.openai_responses.request import write_request

name = "openai_responses"
reader = ResponsesReader

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]

if TYPE_CHECKING:
    from uni_api.dialects import openai_responses
    from uni_api.dialects.faces import Back

    _back: Back = openai_responses
