"""Token usage and the end of an answer, wire to canon."""

from typing import Any

from uni_api.canon import Finish, Usage
from uni_api.dialects.openai_responses._words import Block, block, count, text_or_none

_INCOMPLETE: dict[str, Finish] = {
    "max_output_tokens": Finish("length", "max_output_tokens"),
    "content_filter": Finish("filter", "content_filter"),
}

_KNOWN: Block = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


def read_usage(usage: Block) -> Usage:
    """What came from the cache, and what was written to it, are parts of `input_tokens`. No count reads as 0."""
    given, taken = block(usage.get("input_tokens_details")), block(usage.get("output_tokens_details"))
    prompt, output = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    reasoning = count(taken.get("reasoning_tokens"))
    if reasoning and count(usage.get("total_tokens")) == prompt + output + reasoning:
        # Some hosts count reasoning beside the output, as their total shows.
        output += reasoning
    read = min(count(given.get("cached_tokens")), prompt)
    written = min(count(given.get("cache_write_tokens")), prompt - read)
    return Usage(
        input=prompt - read - written,
        cache_read=read,
        cache_write=written,
        output=output,
        reasoning=reasoning,
    )


def beyond_usage(usage: Block) -> Block:
    """What `usage` says that canon's Usage does not."""
    return _beyond(usage, _KNOWN)


def _beyond(found: Block, known: Block) -> Block:
    out: Block = {}
    for name, value in found.items():
        if name not in known:
            out[name] = value
        elif isinstance(value, dict) and isinstance(known[name], dict) and (inner := _beyond(value, known[name])):
            out[name] = inner
    return out


def read_finish(response: Block, *, calls: bool) -> Finish:
    """Why the answer ended. `calls`: it holds a call that the client is to answer."""
    status = text_or_none(response.get("status"))
    if status == "incomplete":
        details: Any = block(response.get("incomplete_details"))
        reason = text_or_none(details.get("reason"))
        return _INCOMPLETE.get(reason or "", Finish("other", reason or status))
    return Finish("calls" if calls else "stop", status)
