"""What whole answers and streams spell alike: usage, log probabilities, the end, sealed thoughts."""

from collections.abc import Iterator
from typing import Any

from uni_api.canon import Finish, Seal, Token, Usage
from uni_api.dialects.cohere._words import FAILURES, FINISHES, Wire, each, object_at, text_at
from uni_api.dialects.cohere.error import fault_of
from uni_api.errors import Fault

HINTS = frozenset({"usage", "meta", "response_id", "generation_id"})
"""Leftovers of an answer that concern cost and book-keeping only."""


def read_usage(usage: Wire) -> tuple[Usage | None, Wire]:
    """The tokens used, and what else was counted. Billed units stand in where the tokens are not told.

    Cached tokens are a part of the input, tokens of reasoning a part of the output.
    """
    left = dict(usage)
    counts = object_at(left, "tokens")
    if counts:
        left["tokens"] = {name: value for name, value in counts.items() if name not in _COUNTED}
    else:
        counts = object_at(left, "billed_units")
    found = None
    if counts.keys() & _COUNTED:
        read, output = _count(counts.get("input_tokens")), _count(counts.get("output_tokens"))
        cached = min(_count(left.pop("cached_tokens", 0)), read)
        reasoning = min(_count(counts.get("reasoning_tokens")), output)
        found = Usage(input=read - cached, cache_read=cached, output=output, reasoning=reasoning)
    return found, {name: value for name, value in left.items() if value not in (None, {})}


_COUNTED = frozenset({"input_tokens", "output_tokens", "reasoning_tokens"})


def read_tokens(items: Any) -> Iterator[Token]:
    """A chunk of text for each item, with the probability of all its tokens together."""
    for item in each(items):
        if not isinstance(item, dict):
            continue
        text, scores = item.get("text"), item.get("logprobs")
        if isinstance(text, str) and isinstance(scores, list) and scores and all(map(_is_number, scores)):
            yield Token(text=text, logprob=float(sum(scores)))


def read_finish(word: Any, *, called: bool) -> Finish:
    """Why the answer ended. Calls are the end of an answer that has some and says no more than that it is complete."""
    word = word if isinstance(word, str) and word else None
    reason = FINISHES.get(word, "other") if word else "stop"
    return Finish("calls" if called and reason == "stop" else reason, word)


def failure(end: Wire) -> Fault | None:
    """The Fault that the end of an answer tells of; None for an answer that did not fail."""
    word = text_at(end, "finish_reason")
    if word not in FAILURES and not end.get("error"):
        return None
    if word == "TIMEOUT":
        return Fault("timeout", text_at(end, "error") or "The upstream ran out of time before the answer was complete.")
    told = {"message": "The upstream failed to complete the answer."}
    return fault_of(200, told | {name: end[name] for name in ("error", "error_type") if end.get(name)})


def seal(realm: str, field: str) -> Seal:
    """The mark of thoughts that this host may be given back."""
    return Seal(realm=realm, token=field)


def _count(value: Any) -> int:
    """A counter; the API has them as floating point numbers."""
    return int(value) if _is_number(value) and 0 < value < 2**53 else 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
