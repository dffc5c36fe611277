"""The same format as Vertex AI has it: calls and results have no ids there, and a body with one is refused.

A result belongs to the call of its name; the order of the parts, which is that of the calls, settles the rest.
Source: the answer "Unknown name "id" at 'contents[1].parts[0].function_call'", as reported in
github.com/vercel/ai/issues/15664 and github.com/pydantic/pydantic-ai/issues/5081 (read 2026-11-24).
"""

from typing import TYPE_CHECKING

from uni_api.canon import Losses, Request
from uni_api.dialects.faces import Body
from uni_api.dialects.gemini import request as gemini_request
from uni_api.dialects.gemini._media import needs_bytes
from uni_api.dialects.gemini.error import read_error
from uni_api.dialects.gemini.reply import read_reply
from uni_api.dialects.gemini.stream import reader

if TYPE_CHECKING:
    from uni_api.dialects.faces import Back
    from uni_api.dialects.gemini import vertex

    _back: Back = vertex

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]

name = "gemini_vertex"

_WITH_IDS = ("functionCall", "functionResponse")


def write_request(request: Request, losses: Losses, /) -> Body:
    """The body of the Gemini API without the ids that Vertex AI does not know."""
    body = gemini_request.write_request(request, losses)
    for content in body["contents"]:
        for part in content["parts"]:
            for kind in _WITH_IDS:
                if isinstance(part.get(kind), dict):
                    part[kind].pop("id", None)
    return body
