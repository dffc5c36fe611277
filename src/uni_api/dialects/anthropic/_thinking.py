"""How much to think: effort words and budgets, in the kind of thinking that the model family takes.

Source: platform.claude.com, pages "Extended thinking", "Adaptive thinking", "Effort" (read 2026-11-24):
budget_tokens is at least 1,024 and less than max_tokens; with a budget the last assistant turn of a tool loop must
begin with thinking; a call can't be forced while thinking.
"""

from typing import Literal, assert_never

from msgspec import Struct

from uni_api.canon import Effort, Losses, Reasoning, Request
from uni_api.dialects.anthropic._media import Block
from uni_api.dialects.anthropic._models import Family

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
_RANKS: tuple[Effort, ...] = ("minimal", "low", "medium", "high", "xhigh", "max")


class Thought(Struct, frozen=True, kw_only=True):
    """What is sent as `thinking`, `output_config.effort` and `max_tokens`; `on`: thinking was asked for and granted."""

    max_tokens: int
    thinking: Block | None = None
    effort: Effort | None = None
    on: bool = False


def write_thinking(request: Request, family: Family, *, loop_unsealed: bool, losses: Losses) -> Thought:
    limit = request.max_tokens if request.max_tokens is not None else family.max_tokens
    reasoning = request.reasoning
    wish = _wish(reasoning)
    if wish != "off" and family.forced and _forces_call(request):
        return _while_forced(reasoning if wish == "on" else None, family, limit, losses)
    match wish:
        case "unsaid":
            return Thought(max_tokens=limit, thinking=_shown(family, reasoning, losses))
        case "off":
            if family.off == "never":
                losses.add("reasoning", "tuning", "this model always thinks: it is asked for the least effort")
                return Thought(max_tokens=limit, effort=family.efforts[0] if family.efforts else None)
            return Thought(max_tokens=limit, thinking=_off(family))
        case "on":
            assert reasoning is not None
            budgeted = reasoning.budget is not None and reasoning.budget > 0 and family.budget
            if family.adaptive and (not budgeted or loop_unsealed):
                return _adaptive(reasoning, family, limit, losses)
            if family.budget:
                return _budgeted(reasoning, request, family, limit, loop_unsealed=loop_unsealed, losses=losses)
            losses.add("reasoning", "tuning", "this model does not think")
            return Thought(max_tokens=limit)
        case _:
            assert_never(wish)


def _forces_call(request: Request) -> bool:
    choice = request.tool_choice
    return choice is not None and choice.mode in ("required", "named") and bool(request.tools)


def _while_forced(reasoning: Reasoning | None, family: Family, limit: int, losses: Losses) -> Thought:
    """The forced call wins over thinking, which changes less. A model that always thinks is not told to."""
    if family.off == "never":
        effort = _effort(reasoning, family, losses) if reasoning is not None else None
        return Thought(max_tokens=limit, effort=effort)
    if reasoning is not None:
        losses.add("reasoning", "tuning", "the model can't think when a tool call is forced")
    return Thought(max_tokens=limit, thinking=_off(family))


def _wish(reasoning: Reasoning | None) -> Literal["unsaid", "off", "on"]:
    if reasoning is None:
        return "unsaid"
    if reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0:
        return "off"
    if reasoning.enabled or reasoning.adaptive or reasoning.effort or reasoning.budget:
        return "on"
    return "unsaid"


def _off(family: Family) -> Block | None:
    return {"type": family.off} if family.off in ("disabled", "between_tools") else None


def _shown(family: Family, reasoning: Reasoning | None, losses: Losses) -> Block | None:
    if reasoning is None or reasoning.show is None:
        return None
    if family.thinks_unasked and family.adaptive:
        return {"type": "adaptive", **_display(family, reasoning)}
    losses.add("reasoning.show", "hint", "there is no thinking to show or to hide")
    return None


def _display(family: Family, reasoning: Reasoning) -> dict[str, str]:
    if reasoning.show is False:
        return {"display": "omitted"}
    # Whoever asks for thinking expects to see it, as the older families show it unasked.
    return {} if family.shows else {"display": "summarized"}


def _adaptive(reasoning: Reasoning, family: Family, limit: int, losses: Losses) -> Thought:
    thinking: Block = {"type": "adaptive", **_display(family, reasoning)}
    return Thought(max_tokens=limit, thinking=thinking, effort=_effort(reasoning, family, losses), on=True)


def _effort(reasoning: Reasoning, family: Family, losses: Losses) -> Effort | None:
    effort = reasoning.effort
    if reasoning.budget is not None and reasoning.budget > 0:
        losses.add("reasoning.budget", "tuning", "this model takes no budget: it is told an effort instead")
        effort = effort or _word_for(reasoning.budget)
    return _allowed(effort, family, losses)


def _budgeted(
    reasoning: Reasoning, request: Request, family: Family, limit: int, *, loop_unsealed: bool, losses: Losses
) -> Thought:
    if loop_unsealed:
        losses.add(
            "reasoning", "tuning", "thinking is off: the last assistant turn does not begin with sealed thinking"
        )
        return Thought(max_tokens=limit, thinking=_off(family))
    explicit = reasoning.budget is not None and reasoning.budget > 0
    budget = reasoning.budget if explicit and reasoning.budget else BUDGETS[_word(reasoning.effort)]
    wanted = budget
    budget = max(budget, LEAST_BUDGET)
    if budget >= limit:
        # A fifth of the room stays for the answer.
        budget = limit * 4 // 5
    if budget < LEAST_BUDGET:
        losses.add("reasoning", "tuning", f"max_tokens {request.max_tokens} leaves no room for thinking")
        return Thought(max_tokens=limit, thinking=_off(family))
    if explicit and budget != wanted:
        losses.add("reasoning.budget", "tuning", f"the budget is {budget}: at least 1,024 and less than max_tokens")
    if reasoning.adaptive:
        losses.add(
            "reasoning.adaptive", "tuning", f"this model can't choose how much to think: it may use {budget} tokens"
        )
    thinking: Block = {"type": "enabled", "budget_tokens": budget, **_display(family, reasoning)}
    return Thought(max_tokens=limit, thinking=thinking, on=True)


def _word(effort: Effort | None) -> Effort:
    return effort if effort is not None and effort in BUDGETS else "medium"


def _word_for(budget: int) -> Effort:
    return next((word for word in _RANKS if BUDGETS[word] >= budget), "max")


def _allowed(effort: Effort | None, family: Family, losses: Losses) -> Effort | None:
    """`effort`, or the nearest word below it (else above it) that the family knows."""
    if effort is None or effort in family.efforts:
        return effort
    rank = _RANKS.index(effort)
    below = [word for word in family.efforts if _RANKS.index(word) < rank]
    chosen = below[-1] if below else (family.efforts[0] if family.efforts else None)
    losses.add("reasoning.effort", "tuning", f"the effort {effort} is not known to this model: {chosen} is sent")
    return chosen
