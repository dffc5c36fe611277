"""How the answer is made: `options`, `think`, `format` and log probabilities.

Source: the table of parameters in docs/modelfile.md and `Options` in api/types.go of github.com/ollama/ollama
(read 2026-11-24).
"""

from typing import Any, Final, Literal

from uni_api.canon import Losses, Reasoning, Request
from uni_api.dialects.ollama._models import takes_level
from uni_api.dialects.ollama._words import Wire

_SAMPLING: Final = ("temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty")
"""What `options` spells as canon does."""

Level = Literal["low", "medium", "high"]

_LEVELS: Final[dict[str, Level]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}

_LOW_BUDGET: Final = 2_048
_MEDIUM_BUDGET: Final = 8_192
"""The most tokens of thinking that the words low and medium stand for, where a client gave a number."""


def write_options(request: Request, losses: Losses) -> Wire:
    sampling = request.sampling
    options: Wire = {name: value for name in _SAMPLING if (value := getattr(sampling, name)) is not None}
    if request.max_tokens is not None:
        options["num_predict"] = request.max_tokens
    if request.stop:
        options["stop"] = list(request.stop)
    if sampling.logit_bias:
        losses.add("sampling.logit_bias", "tuning", "single tokens can't be weighted")
    if sampling.n is not None and sampling.n != 1:
        losses.add("sampling.n", "tuning", "one answer is given")
    return options


def write_logprobs(request: Request) -> Wire:
    out: Wire = {}
    if request.sampling.logprobs is not None:
        out["logprobs"] = request.sampling.logprobs
    if request.sampling.top_logprobs is not None:
        out["top_logprobs"] = request.sampling.top_logprobs
    return out


def write_format(request: Request, losses: Losses) -> Any:
    """The value of `format`, or None for free text. A schema is always enforced, so `strict` is no loss."""
    shape = request.shape
    if shape is None or shape.kind == "text":
        return None
    if shape.description is not None:
        losses.add("shape.description", "tuning", "a shape has no description")
    if shape.name is not None:
        losses.add("shape.name", "hint", "a shape has no name")
    if shape.kind == "json" or not shape.schema:
        return "json"
    return dict(shape.schema)


def write_think(request: Request, losses: Losses) -> bool | Level | None:
    """The value of `think`, or None when nothing was asked."""
    reasoning = request.reasoning
    if reasoning is None:
        return None
    if reasoning.show is not None:
        losses.add("reasoning.show", "hint", "thinking that happens is shown")
    if reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0:
        return False
    if not (reasoning.enabled or reasoning.adaptive or reasoning.effort or reasoning.budget):
        return None
    return _how_much(reasoning, request.model, losses)


def _how_much(reasoning: Reasoning, model: str, losses: Losses) -> bool | Level:
    budget = reasoning.budget if reasoning.budget is not None and reasoning.budget > 0 else None
    if not takes_level(model):
        for name, said in (("effort", reasoning.effort), ("budget", budget)):
            if said is not None:
                losses.add(f"reasoning.{name}", "tuning", "this model is told to think, not how much")
        return True
    if budget is not None:
        losses.add("reasoning.budget", "tuning", "a budget is said as a level")
    if reasoning.effort is not None:
        level = _LEVELS[reasoning.effort]
        if level != reasoning.effort:
            losses.add("reasoning.effort", "tuning", f"the effort {reasoning.effort} is not known: {level} is sent")
        return level
    if budget is None:
        return True
    return "low" if budget <= _LOW_BUDGET else "medium" if budget <= _MEDIUM_BUDGET else "high"
