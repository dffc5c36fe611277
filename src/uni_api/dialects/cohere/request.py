"""A canon request as the body of `/v2/chat`."""

from uni_api.canon import Losses, Request
from uni_api.dialects.cohere._messages import write_messages
from uni_api.dialects.cohere._options import write_limits, write_sampling, write_shape, write_thinking
from uni_api.dialects.cohere._tools import write_tools
from uni_api.dialects.cohere._words import NAME
from uni_api.dialects.faces import Body


def write_request(request: Request, losses: Losses, /) -> Body:
    """The upstream's body. What can't be said is entered in `losses`; nothing raises for content."""
    body: Body = {"model": request.model, "messages": write_messages(request.turns, losses), "stream": request.stream}
    body |= write_tools(request, losses)
    if (shape := write_shape(request, losses, tools="tools" in body)) is not None:
        body["response_format"] = shape
    if (thinking := write_thinking(request, losses)) is not None:
        body["thinking"] = thinking
    body |= write_limits(request, losses)
    body |= write_sampling(request, losses)
    if any(kind != "text" for kind in request.modalities):
        losses.add("modalities", "tuning", "answers are text")
    if request.user is not None:
        losses.add("user", "hint", "has no counterpart in the target's format")
    if request.cache is not None:
        losses.add("cache", "hint", "prompt caching is implicit in the target")
    return losses.merge(body, request.rest, NAME)
