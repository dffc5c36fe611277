"""Token usage and finish words, both ways.

The chat format counts what came from the cache, and what was written to it, as parts of `prompt_tokens`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from uni_api.canon import Finish, Usage

Reason = Literal["stop", "length", "calls", "filter", "refusal", "pause", "other"]

_READ_FINISH: dict[str, Reason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "calls",
    "function_call": "calls",
    "tool_use": "calls",
    "content_filter": "filter",
    "refusal": "refusal",
}

_MOST = 10**15
_Whole = Annotated[int, Meta(ge=0, lt=_MOST)]


class _Details(Struct, frozen=True, gc=False):
    cached_tokens: _Whole = 0
    cache_write_tokens: _Whole = 0
    reasoning_tokens: _Whole = 0
    audio_tokens: _Whole = 0
    ephemeral_1h_input_tokens: _Whole = 0


_NO_DETAILS = _Details()


class Counters(Struct, frozen=True, gc=False):
    """Every name that hosts have for a counter."""

    prompt_tokens: _Whole = 0
    completion_tokens: _Whole = 0
    total_tokens: _Whole = 0
    input_tokens: _Whole = 0
    output_tokens: _Whole = 0
    reasoning_tokens: _Whole = 0
    prompt_cache_hit_tokens: _Whole = 0
    cached_tokens: _Whole = 0
    num_cached_tokens: _Whole = 0
    cache_read_input_tokens: _Whole = 0
    cache_creation_input_tokens: _Whole = 0
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    cache_creation: _Details = _NO_DETAILS


_NESTED = {name for name in Counters.__struct_fields__ if name.endswith("_details")} | {"cache_creation"}


class _Counted(Struct, gc=False):
    """An answer or chunk as most hosts write it."""

    usage: Counters | None = None


_counted = msgspec.json.Decoder(_Counted)
_any = msgspec.json.Decoder()

_WRITE_FINISH: dict[Reason, str] = {
    "stop": "stop",
    "length": "length",
    "calls": "tool_calls",
    "filter": "content_filter",
    # The SDK's type knows no refusal; a content filter is what its users already handle as "no answer was given".
    "refusal": "content_filter",
    # A pause asks for the conversation to be sent again, which any client may do after a stop.
    "pause": "stop",
    "other": "stop",
}


def read_finish(word: str) -> Finish:
    return Finish(_READ_FINISH.get(word.lower(), "other"), word)


def write_finish(finish: Finish | None, *, calls: bool, legacy: bool = False) -> str:
    """The word for `finish`; for a provider that gave none, what the answer itself says (`calls`: it holds a call)."""
    word = _WRITE_FINISH[finish.reason] if finish is not None else "tool_calls" if calls else "stop"
    return "function_call" if legacy and word == "tool_calls" else word


def read_usage(answer: Mapping[str, Any]) -> Usage | None:
    """The usage in an answer or chunk, wherever its host puts it. Counters that are no numbers count as 0."""
    told = read_counters(find_usage(answer))
    return reckoned(told) if told is not None else None


def read_counters(found: Any) -> Counters | None:
    """The counters in a usage object; None for anything else, or without any."""
    if not isinstance(found, dict) or not found:
        return None
    try:
        return msgspec.convert(found, Counters)
    except msgspec.ValidationError:
        return msgspec.convert(_mended(found), Counters)


def usage_in(data: bytes) -> Usage | None:
    """What `read_usage` reads from the JSON of an answer or chunk; None when it is not a JSON object."""
    try:
        told = _counted.decode(data).usage
        if told is not None and (told.prompt_tokens or told.completion_tokens):
            return reckoned(told)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:
        answer = _any.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return read_usage(answer) if isinstance(answer, dict) else None


def reckoned(told: Counters) -> Usage:
    """What the counters come to."""
    prompt_details = told.prompt_tokens_details or told.input_tokens_details or _NO_DETAILS
    details = told.completion_tokens_details or told.output_tokens_details or _NO_DETAILS
    prompt = told.prompt_tokens or told.input_tokens
    output = told.completion_tokens or told.output_tokens
    reasoning = details.reasoning_tokens or told.reasoning_tokens
    if reasoning and told.total_tokens == prompt + output + reasoning:
        # Some hosts count reasoning beside the completion, as their total shows.
        output += reasoning
    read = (
        prompt_details.cached_tokens
        or told.prompt_cache_hit_tokens
        or told.cached_tokens
        or told.num_cached_tokens
        or told.cache_read_input_tokens
    )
    written = prompt_details.cache_write_tokens or told.cache_creation_input_tokens
    if not (read or written or prompt_details.audio_tokens or details.audio_tokens):
        return Usage(input=prompt, output=output, reasoning=reasoning)
    # Some hosts count the cache beside the prompt, or twice: the prompt and the total stay what they say.
    read = min(read, prompt)
    written = min(written, prompt - read)
    return Usage(
        input=prompt - read - written,
        cache_read=read,
        cache_write=written,
        cache_write_1h=min(told.cache_creation.ephemeral_1h_input_tokens, written),
        output=output,
        reasoning=reasoning,
        input_audio=prompt_details.audio_tokens,
        output_audio=details.audio_tokens,
    )


def _mended(found: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the counters, where some are not as they should be."""
    return {
        name: {inner: _count(value, inner) for inner in value} if isinstance(value, dict) else _count(found, name)
        for name, value in found.items()
        if isinstance(value, dict) == (name in _NESTED)
    }


def find_usage(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The usage object: at the top, in `x_groq`, or in the last choice."""
    for holder in (answer, answer.get("x_groq"), _last(answer.get("choices"))):
        if isinstance(holder, dict) and isinstance(found := holder.get("usage"), dict) and found:
            return found
    return None


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _count(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    if found is None:
        return 0
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) and 0 < found < _MOST else 0


def write_usage(usage: Usage) -> dict[str, Any]:
    prompt_details = {"cached_tokens": usage.cache_read, "audio_tokens": usage.input_audio}
    if usage.cache_write:
        prompt_details["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.output_audio},
    }
