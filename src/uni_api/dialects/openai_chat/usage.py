"""Token usage and finish words, both ways.

The chat format counts what came from the cache, and what was written to it, as parts of `prompt_tokens`.
"""

from collections.abc import Mapping
from typing import Any, Literal

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

_PROMPT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_READ = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")

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
    found = find_usage(answer)
    if found is None:
        return None
    prompt_details = _object(found, "prompt_tokens_details") or _object(found, "input_tokens_details")
    details = _object(found, "completion_tokens_details") or _object(found, "output_tokens_details")
    prompt = _first_count(found, _PROMPT)
    output = _first_count(found, _OUTPUT)
    reasoning = _count(details, "reasoning_tokens") or _count(found, "reasoning_tokens")
    if reasoning and _count(found, "total_tokens") == prompt + output + reasoning:
        # Some hosts count reasoning beside the completion, as their total shows.
        output += reasoning
    read = _count(prompt_details, "cached_tokens") or _first_count(found, _READ)
    written = _count(prompt_details, "cache_write_tokens") or _count(found, "cache_creation_input_tokens")
    # Some hosts count the cache beside the prompt, or twice: the prompt and the total stay what they say.
    read = min(read, prompt)
    written = min(written, prompt - read)
    return Usage(
        input=prompt - read - written,
        cache_read=read,
        cache_write=written,
        cache_write_1h=min(_count(_object(found, "cache_creation"), "ephemeral_1h_input_tokens"), written),
        output=output,
        reasoning=reasoning,
        input_audio=_count(prompt_details, "audio_tokens"),
        output_audio=_count(details, "audio_tokens"),
    )


def find_usage(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The usage object: at the top, in `x_groq`, or in the last choice."""
    for holder in (answer, answer.get("x_groq"), _last(answer.get("choices"))):
        if isinstance(holder, dict) and isinstance(found := holder.get("usage"), dict) and found:
            return found
    return None


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _count(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    if found is None:
        return 0
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) and 0 < found < 1e15 else 0


def _first_count(value: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """The first that is not 0."""
    for name in names:
        if name in value and (found := _count(value, name)):
            return found
    return 0


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
