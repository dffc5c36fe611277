"""A canon request as the body of `/api/chat`."""

from uni_api.canon import Losses, Request, Rest
from uni_api.dialects.faces import Body
from uni_api.dialects.ollama._messages import write_messages
from uni_api.dialects.ollama._options import write_format, write_logprobs, write_options, write_think
from uni_api.dialects.ollama._tools import write_tools
from uni_api.dialects.ollama._words import NAME


def write_request(request: Request, losses: Losses, /) -> Body:
    """The upstream's body. What can't be said is entered in `losses`; nothing raises for content."""
    body: Body = {"model": request.model, "messages": write_messages(request.turns, losses), "stream": request.stream}
    if tools := write_tools(request, losses):
        body["tools"] = tools
    if (form := write_format(request, losses)) is not None:
        body["format"] = form
    if (think := write_think(request, losses)) is not None:
        body["think"] = think
    body |= write_logprobs(request)
    if options := write_options(request, losses):
        body["options"] = options
    if any(kind != "text" for kind in request.modalities):
        losses.add("modalities", "tuning", "answers are text")
    if request.user is not None:
        losses.add("user", "hint", "has no counterpart in the target's format")
    if request.cache is not None:
        losses.add("cache", "hint", "prompt caching is implicit in the target")
    _merge(body, request.rest, losses)
    return body


def _merge(body: Body, rest: Rest | None, losses: Losses) -> None:
    """Leftovers of this dialect go back where they were; the options that we write too, one by one."""
    if rest is not None and rest.dialect == NAME:
        mine, theirs = body.get("options"), rest.fields.get("options")
        if isinstance(mine, dict) and isinstance(theirs, dict):
            body["options"] = {**theirs, **mine}
    losses.merge(body, rest, NAME)
