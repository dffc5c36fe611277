"""How the answer is made: sampling within the API's ranges, `thinking` and `response_format`.

Source: docs.cohere.com, pages "Chat", "Reasoning Capabilities", "How do Structured Outputs Work?" and "Errors"
(read 2026-11-24).
"""

from typing import Final

from uni_api.canon import Effort, Losses, Reasoning, Request
from uni_api.dialects.cohere._models import can_think
from uni_api.dialects.cohere._words import Wire

_RANGES: Final[tuple[tuple[str, str, float, float], ...]] = (
    ("temperature", "temperature", 0.0, 1.0),
    ("top_p", "p", 0.01, 0.99),
    ("top_k", "k", 0, 500),
    ("frequency_penalty", "frequency_penalty", 0.0, 1.0),
    ("presence_penalty", "presence_penalty", 0.0, 1.0),
)
"""Canon's name, the API's, and the least and most it takes; values outside are refused with status 400."""

_MOST_SEED: Final = 2**64 - 1
_MOST_STOPS: Final = 5

_BUDGETS: Final[dict[Effort, int]] = {"minimal": 1_024, "low": 4_096, "medium": 8_192}
"""The most tokens of thinking that an effort stands for; greater efforts are not bounded."""


def write_sampling(request: Request, losses: Losses) -> Wire:
    sampling = request.sampling
    out: Wire = {}
    for name, theirs, least, most in _RANGES:
        value = getattr(sampling, name)
        if value is None:
            continue
        out[theirs] = min(max(value, least), most)
        # A nucleus of all tokens is as good as one of nearly all.
        if out[theirs] != value and not (name == "top_p" and value == 1):
            losses.add(f"sampling.{name}", "tuning", f"{out[theirs]} is sent: the range is {least} to {most}")
    if out.get("frequency_penalty") and out.get("presence_penalty"):
        del out["presence_penalty"]
        losses.add("sampling.presence_penalty", "tuning", "only one of the two penalties is taken")
    _seed(request, out, losses)
    if sampling.logprobs is not None:
        out["logprobs"] = sampling.logprobs
    for name, lost in (
        ("min_p", sampling.min_p is not None),
        ("logit_bias", bool(sampling.logit_bias)),
        ("top_logprobs", sampling.top_logprobs is not None),
        ("n", sampling.n is not None and sampling.n != 1),
    ):
        if lost:
            losses.add(f"sampling.{name}", "tuning", "has no counterpart in the target's format")
    return out


def _seed(request: Request, out: Wire, losses: Losses) -> None:
    seed = request.sampling.seed
    if seed is None:
        return
    if 0 <= seed <= _MOST_SEED:
        out["seed"] = seed
    else:
        losses.add("sampling.seed", "tuning", "a seed has 64 bits and no sign")


def write_limits(request: Request, losses: Losses) -> Wire:
    out: Wire = {}
    if request.max_tokens is not None:
        out["max_tokens"] = request.max_tokens
    if request.stop:
        out["stop_sequences"] = list(request.stop[:_MOST_STOPS])
        for number in range(_MOST_STOPS, len(request.stop)):
            losses.add(f"stop[{number}]", "tuning", f"at most {_MOST_STOPS} stop sequences are taken")
    return out


def write_shape(request: Request, losses: Losses, *, tools: bool) -> Wire | None:
    """The value of `response_format`, or None for free text. It is refused beside tools, which win."""
    shape = request.shape
    if shape is None or shape.kind == "text":
        return None
    if tools:
        losses.add("shape", "meaning", "the shape of an answer can't be told beside tools")
        return None
    if shape.description is not None:
        losses.add("shape.description", "tuning", "a shape has no description")
    if shape.name is not None:
        losses.add("shape.name", "hint", "a shape has no name")
    if shape.kind == "json" or not shape.schema:
        return {"type": "json_object"}
    return {"type": "json_object", "json_schema": dict(shape.schema)}


def write_thinking(request: Request, losses: Losses) -> Wire | None:
    """The value of `thinking`, or None when nothing was asked, and for a model that does not think."""
    reasoning = request.reasoning
    if reasoning is None:
        return None
    off = reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0
    on = not off and bool(reasoning.enabled or reasoning.adaptive or reasoning.effort or reasoning.budget)
    if reasoning.show is not None:
        losses.add("reasoning.show", "hint", "thinking that happens is shown")
    if not can_think(request.model):
        if on:
            losses.add("reasoning", "tuning", "this model does not think")
        return None
    if off:
        return {"type": "disabled"}
    return _enabled(reasoning, request.max_tokens, losses) if on else None


def _enabled(reasoning: Reasoning, limit: int | None, losses: Losses) -> Wire:
    if reasoning.budget is not None and reasoning.budget > 0:
        if reasoning.effort is not None:
            losses.add("reasoning.effort", "hint", "the budget says how much to think")
        return {"type": "enabled", "token_budget": reasoning.budget}
    budget = _BUDGETS.get(reasoning.effort) if reasoning.effort is not None else None
    if reasoning.effort is not None:
        losses.add("reasoning.effort", "hint", "an effort is said as a budget, and a high one by none")
    if budget is None:
        return {"type": "enabled"}
    # A fifth of the room stays for the answer.
    room = limit * 4 // 5 if limit is not None else budget
    return {"type": "enabled", "token_budget": max(1, min(budget, room))}
