"""How much to think: effort words and budgets, in the spelling that the model family takes.

Source: the pages named in `_models` (read 2026-11-24). Claude: budget_tokens is at least 1,024 and less than maxTokens;
with a budget the last assistant turn of a tool loop must begin with thinking; a call can't be forced while thinking.
Nova 2: at high effort maxTokens, temperature and topP must be left out.
"""

from typing import Literal, assert_never

from msgspec import Struct

from uni_api.canon import Effort, Reasoning, Request
from uni_api.dialects.converse._blocks import Pen
from uni_api.dialects.converse._media import Block

LEAST_BUDGET = 1_024

# Tokens for each effort word, where a family takes budgets only; read backwards where it takes effort words only.
BUDGETS: dict[Effort, int] = {
    "minimal": 1_024,
    "low": 4_096,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 49_152,
}
_RANKS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Thought(Struct, frozen=True, kw_only=True):
    """`fields` are for additionalModelRequestFields. `sampled`: temperature and the like may be sent. `limit` is
    maxTokens."""

    limit: int | None
    fields: Block = {}
    sampled: bool = True


def write_thinking(request: Request, pen: Pen, *, loop_unsealed: bool) -> Thought:
    reasoning = request.reasoning or Reasoning()
    wish = _wish(reasoning)
    limit = request.max_tokens
    if pen.family.thinks in ("budget", "adaptive") and _forces_call(request, pen):
        if wish == "on":
            pen.losses.add("reasoning", "tuning", "the model can't think when a tool call is forced")
        return Thought(limit=limit, fields=_off(pen) if wish != "unsaid" or pen.family.thinks_unasked else {})
    match wish:
        case "unsaid":
            if reasoning.show is not None:
                pen.losses.add("reasoning.show", "hint", "there is no thinking to show or to hide")
            return Thought(limit=limit)
        case "off":
            return Thought(limit=limit, fields=_off(pen))
        case "on":
            return _on(reasoning, request, pen, loop_unsealed=loop_unsealed)
        case _:
            assert_never(wish)


def _wish(reasoning: Reasoning) -> Literal["unsaid", "off", "on"]:
    if reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0:
        return "off"
    if reasoning.enabled or reasoning.adaptive or reasoning.effort or reasoning.budget:
        return "on"
    return "unsaid"


def _forces_call(request: Request, pen: Pen) -> bool:
    choice = request.tool_choice
    return choice is not None and choice.mode in ("required", "named") and bool(request.tools and pen.family.forced)


def _off(pen: Pen) -> Block:
    family = pen.family
    if not family.thinks_unasked:
        return {}
    if family.thinks == "adaptive":
        return {"thinking": {"type": "disabled"}}
    word = _allowed("none", pen)
    return _spelt(word, pen) if word is not None else {}


def _on(reasoning: Reasoning, request: Request, pen: Pen, *, loop_unsealed: bool) -> Thought:
    limit = request.max_tokens
    thinks = pen.family.thinks
    match thinks:
        case "none":
            pen.losses.add("reasoning", "tuning", "this model can't be told how to think")
            return Thought(limit=limit)
        case "budget":
            return _budgeted(reasoning, request, pen, loop_unsealed=loop_unsealed)
        case "adaptive":
            return _adaptive(reasoning, limit, pen)
        case "nova":
            word = _effort(reasoning, pen)
            if word == "high" and limit is not None:
                pen.losses.add("max_tokens", "tuning", "an answer thought over with high effort has no limit")
            return Thought(
                limit=None if word == "high" else limit, fields=_spelt(word or "medium", pen), sampled=word != "high"
            )
        case "effort" | "nested" | "config":
            return Thought(limit=limit, fields=_spelt(_effort(reasoning, pen) or "medium", pen))
        case _:
            assert_never(thinks)


def _spelt(word: Effort, pen: Pen) -> Block:
    match pen.family.thinks:
        case "nova":
            return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}}
        case "nested":
            return {"reasoning": {"effort": word}}
        case "config":
            return {"reasoning_config": word}
        case _:
            return {"reasoning_effort": word}


def _adaptive(reasoning: Reasoning, limit: int | None, pen: Pen) -> Thought:
    fields: Block = {"thinking": {"type": "adaptive", **_display(reasoning, pen)}}
    if word := _effort(reasoning, pen):
        fields["output_config"] = {"effort": word}
    return Thought(limit=limit, fields=fields, sampled=False)


def _display(reasoning: Reasoning, pen: Pen) -> dict[str, str]:
    if reasoning.show is False:
        return {"display": "omitted"}
    # Whoever asks for thinking expects to see it, as the older families show it unasked.
    return {} if pen.family.shows else {"display": "summarized"}


def _budgeted(reasoning: Reasoning, request: Request, pen: Pen, *, loop_unsealed: bool) -> Thought:
    if loop_unsealed:
        pen.losses.add("reasoning", "tuning", "thinking is off: the last assistant turn does not begin with it")
        return Thought(limit=request.max_tokens)
    limit = request.max_tokens if request.max_tokens is not None else pen.family.max_tokens
    explicit = reasoning.budget if reasoning.budget is not None and reasoning.budget > 0 else None
    wanted = explicit or BUDGETS.get(reasoning.effort or "medium", BUDGETS["medium"])
    # A fifth of the room stays for the answer.
    budget = max(wanted, LEAST_BUDGET) if max(wanted, LEAST_BUDGET) < limit else limit * 4 // 5
    if budget < LEAST_BUDGET:
        pen.losses.add("reasoning", "tuning", f"max_tokens {request.max_tokens} leaves no room for thinking")
        return Thought(limit=request.max_tokens)
    if explicit is not None and budget != wanted:
        pen.losses.add("reasoning.budget", "tuning", f"the budget is {budget}: at least 1,024, less than max_tokens")
    if reasoning.adaptive:
        pen.losses.add("reasoning.adaptive", "tuning", f"this model can't choose: it may think {budget} tokens long")
    thinking: Block = {"type": "enabled", "budget_tokens": budget, **_display(reasoning, pen)}
    return Thought(limit=limit, fields={"thinking": thinking}, sampled=False)


def _effort(reasoning: Reasoning, pen: Pen) -> Effort | None:
    effort = reasoning.effort
    if reasoning.budget is not None and reasoning.budget > 0:
        pen.losses.add("reasoning.budget", "tuning", "this model takes no budget: it is told an effort instead")
        effort = effort or next((word for word, budget in BUDGETS.items() if budget >= (reasoning.budget or 0)), "max")
    return _allowed(effort, pen) if effort is not None else None


def _allowed(effort: Effort, pen: Pen) -> Effort | None:
    """`effort`, or the nearest word below it (else above it) that the family knows."""
    efforts = pen.family.efforts
    if effort in efforts:
        return effort
    rank = _RANKS.index(effort)
    below = [word for word in efforts if _RANKS.index(word) < rank and word != "none"]
    chosen = below[-1] if below else next((word for word in efforts if word != "none"), None)
    pen.losses.add("reasoning.effort", "tuning", f"the effort {effort} is not known to this model: {chosen} is sent")
    return chosen
