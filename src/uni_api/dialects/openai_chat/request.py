"""A request for a chat completion, both ways.

Source: https://platform.openai.com/docs/api-reference/chat/create and the types of the official SDK (read 2026-11-24).
"""

from typing import Any

from uni_api.canon import Losses, Request
from uni_api.dialects.faces import Body
from uni_api.dialects.openai_chat._carry import Native
from uni_api.dialects.openai_chat._fields import NAME, Fields, note, restore
from uni_api.dialects.openai_chat._messages import read_messages, write_messages
from uni_api.dialects.openai_chat._options import SPELT, read_options, read_sampling, write_options, write_sampling
from uni_api.dialects.openai_chat._tools import read_tools, write_tools

_HINTS = frozenset(
    {
        "cache_control",
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "usage",
        "user",
    }
)
"""Fields that concern cost, latency or book-keeping only."""


def read_request(body: Body) -> Request:
    """The request that `body` makes. Raises Denied(400) that names the field at fault."""
    fields = Fields(body, "")
    model = fields.must_text("model")
    turns = read_messages(fields.any("messages"))
    notes: dict[str, Any] = {}
    tools = read_tools(fields)
    for name in ("tools", "functions"):
        if body.get(name) == []:
            fields.left[name] = []
    values, spelt = read_options(fields)
    if spelt:
        notes[SPELT] = spelt
    stream = fields.flag("stream")
    if stream is False:
        notes[":stream"] = False
    return Request(
        model=model,
        turns=turns,
        tools=tools,
        parallel=fields.flag("parallel_tool_calls"),
        sampling=read_sampling(fields),
        stream=bool(stream),
        usage_in_stream=_read_usage_wish(fields, notes),
        rest=fields.rest(notes, _HINTS),
        **values,
    )


def _read_usage_wish(fields: Fields, notes: dict[str, Any]) -> bool:
    options = fields.inside("stream_options")
    if options is None:
        return False
    shown = options.flag("include_usage")
    if shown is not True:
        notes[":usage"] = shown
        if shown is None and not options.left:
            notes[":usage"] = "bare"
    fields.back("stream_options", options)
    return shown is True


def write_request(request: Request, losses: Losses) -> Body:
    """The upstream's body. Seals are written as their own realm spells them: the caller keeps others out."""
    out: Body = {"model": request.model, "messages": write_messages(request.turns, Native(""), losses)}
    write_tools(out, request.tools, losses)
    write_options(out, request, losses)
    out.update(write_sampling(request.sampling))
    if request.parallel is not None:
        out["parallel_tool_calls"] = request.parallel
    if request.stream or note(request.rest, ":stream") is False:
        out["stream"] = request.stream
    if request.usage_in_stream:
        out["stream_options"] = {"include_usage": True}
    elif request.rest is not None and request.rest.dialect == NAME and ":usage" in request.rest.fields:
        shown = note(request.rest, ":usage")
        out["stream_options"] = {} if shown in (None, "bare") else {"include_usage": shown}
    return restore(out, request.rest, losses)
