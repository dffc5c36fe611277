"""How the answer is to be made: its shape, its thinking, its tokens."""

from typing import Any

from uni_api.canon import Effort, Losses, Reasoning, Request, Shape
from uni_api.dialects.openai_responses._models import Family, family_of
from uni_api.dialects.openai_responses._words import Block, block
from uni_api.dialects.openai_terms import kin

LEAST_TOKENS = 16
"""The API refuses a smaller `max_output_tokens`."""

SEALED = "reasoning.encrypted_content"
SCORED = "message.output_text.logprobs"


def write_text(request: Request, losses: Losses) -> Block:
    """`text`: the format of the answer, and how wordy it is to be."""
    out: Block = {}
    if request.shape is not None:
        out["format"] = _format(request.shape)
    if (verbosity := kin(request.rest).get("verbosity")) is not None:
        out["verbosity"] = verbosity
    return out


def _format(shape: Shape) -> Block:
    if shape.kind == "text":
        return {"type": "text"}
    if shape.kind == "json" or shape.schema is None:
        return {"type": "json_object"}
    out: Block = {"type": "json_schema", "name": shape.name or "answer", "schema": shape.schema}
    if shape.description is not None:
        out["description"] = shape.description
    if shape.strict is not None:
        out["strict"] = shape.strict
    return out


def write_reasoning(request: Request, losses: Losses) -> Block:
    """`reasoning`: an effort word, and a summary where the client wants to see the thinking."""
    family = family_of(request.model)
    more = block(kin(request.rest).get("reasoning"))
    reasoning = request.reasoning or Reasoning()
    effort = _effort(reasoning, family, losses)
    if family.reasons is False:
        if effort not in (None, "none") or more:
            losses.add("reasoning", "tuning", "this model does not think")
        return {}
    out: Block = {} if effort is None else {"effort": effort}
    if reasoning.show is True:
        out["summary"] = "auto"
    return {**out, **more}


def _effort(reasoning: Reasoning, family: Family, losses: Losses) -> Effort | None:
    if reasoning.effort is not None:
        if reasoning.budget is not None and reasoning.budget > 0:
            losses.add("reasoning.budget", "tuning", "thinking is asked for by an effort word")
        return reasoning.effort
    if reasoning.enabled is False or reasoning.budget == 0:
        if family.reasons is False:
            return "none"
        if family.least != "none":
            losses.add("reasoning", "tuning", "this model always thinks: it is asked for the least effort")
        return family.least
    if reasoning.budget is not None and reasoning.budget > 0:
        losses.add("reasoning.budget", "tuning", "a budget is said as an effort")
        return "low" if reasoning.budget <= 2048 else "medium" if reasoning.budget <= 8192 else "high"
    # Whoever only turns thinking on gets what a thinking model does by itself.
    return "medium" if reasoning.enabled and family.reasons is None else None


def write_include(request: Request, input: list[Block]) -> list[str]:
    """What the answer is to hold beyond its words: reasoning sealed, so that it can come back; log probabilities."""
    out: list[str] = []
    if _thinks(request, input):
        out.append(SEALED)
    if _scores(request):
        out.append(SCORED)
    return out


def _scores(request: Request) -> bool:
    """Whether log probabilities are asked for and granted."""
    asked = bool(request.sampling.logprobs or request.sampling.top_logprobs)
    return asked and family_of(request.model).scores


def _thinks(request: Request, input: list[Block]) -> bool:
    """Whether the answer may hold reasoning. A model that does not reason refuses to be asked for it, so a name that
    does not tell is believed when the request does: it asks for thinking, or brings some."""
    family = family_of(request.model)
    if family.reasons is not None:
        return family.reasons
    wish = request.reasoning
    asked = wish is not None and wish.effort != "none" and wish.enabled is not False and wish.budget != 0
    return asked or any("encrypted_content" in item for item in input)


def write_limit(out: Block, request: Request, losses: Losses) -> None:
    if request.max_tokens is None:
        return
    out["max_output_tokens"] = max(request.max_tokens, LEAST_TOKENS)
    if request.max_tokens < LEAST_TOKENS:
        losses.add("max_tokens", "tuning", f"an answer may not be limited to fewer than {LEAST_TOKENS} tokens")


def write_sampling(out: Block, request: Request, losses: Losses) -> None:
    sampling = request.sampling
    for name in ("temperature", "top_p"):
        if (value := getattr(sampling, name)) is not None:
            out[name] = value
    if sampling.top_logprobs is not None and family_of(request.model).scores:
        out["top_logprobs"] = sampling.top_logprobs
    elif sampling.top_logprobs is not None:
        losses.add("sampling.top_logprobs", "tuning", "this model tells no log probabilities")
    if sampling.logprobs and not family_of(request.model).scores:
        losses.add("sampling.logprobs", "tuning", "this model tells no log probabilities")
    for name in ("top_k", "min_p", "seed", "frequency_penalty", "presence_penalty", "logit_bias"):
        if getattr(sampling, name) is not None:
            losses.add(f"sampling.{name}", "tuning", "has no counterpart in the target's format")
    if sampling.n is not None and sampling.n != 1:
        losses.add("sampling.n", "tuning", "one answer is given")


def write_web_search(request: Request) -> Block | None:
    """The chat format's `web_search_options` as the tool that they are here."""
    options = kin(request.rest).get("web_search_options")
    if not isinstance(options, dict):
        return None
    out: dict[str, Any] = {"type": "web_search", **options}
    place = options.get("user_location")
    if isinstance(place, dict) and isinstance(place.get("approximate"), dict):
        out["user_location"] = {"type": "approximate", **place["approximate"]}
    return out
