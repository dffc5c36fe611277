"""How the answer is made: `generationConfig` with its thinking, and the safety filters."""

from collections.abc import Iterator
from typing import Any, Final

from uni_api.canon import Effort, Losses, Media, Reasoning, Request, Result, Sampling
from uni_api.dialects.gemini._models import Family, Level
from uni_api.dialects.gemini._schema import write_schema
from uni_api.dialects.gemini._words import HARM_CATEGORIES

Wire = dict[str, Any]

MAX_STOPS: Final = 5
"""Source: GenerationConfig.stopSequences, ai.google.dev/api/generate-content, read 2026-11-24."""

BUDGETS: Final[dict[Effort, int]] = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens for an effort word, as the vendor's own OpenAI-compatible endpoint maps them; xhigh and max: the ceiling.
Source: ai.google.dev/gemini-api/docs/openai, read 2026-11-24."""

_LEVEL_BUDGETS: Final[tuple[tuple[int, Level], ...]] = ((512, "minimal"), (4096, "low"), (16384, "medium"))
"""The other way round, for models that take a level only: the level for a budget of up to so many tokens."""

_ORDER: Final[tuple[Level, ...]] = ("minimal", "low", "medium", "high")
_RESOLUTIONS: Final = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
_MODALITIES: Final = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}


def write_generation(request: Request, family: Family, losses: Losses) -> Wire:
    """The generationConfig, all but the shape of the answer."""
    out: Wire = _sampling(request.sampling, family, losses)
    if request.max_tokens is not None:
        out["maxOutputTokens"] = request.max_tokens
    if stops := [stop for stop in request.stop if stop]:
        out["stopSequences"] = stops[:MAX_STOPS]
        for number in range(MAX_STOPS, len(stops)):
            losses.add(f"stop[{number}]", "tuning", f"at most {MAX_STOPS} stop sequences")
    if modalities := _modalities(request, losses):
        out["responseModalities"] = modalities
    if resolution := _resolution(request, losses):
        out["mediaResolution"] = resolution
    if thinking := _thinking(request.reasoning, family, losses):
        out["thinkingConfig"] = thinking
    return out


def write_shape(request: Request, family: Family, losses: Losses) -> Wire:
    """The part of the generationConfig that holds the answer to JSON."""
    shape = request.shape
    if shape is None or shape.kind == "text":
        return {}
    if shape.name is not None:
        losses.add("shape.name", "hint", "schemas have no names in the target's format")
    out: Wire = {"responseMimeType": "application/json"}
    if shape.schema is None:
        return out
    schema = dict(shape.schema)
    if shape.description is not None:
        schema.setdefault("description", shape.description)
    written = write_schema(schema, json_schema=family.json_schema)
    out["responseJsonSchema" if written.native else "responseSchema"] = written.schema
    written.enter(losses, "shape.schema")
    if shape.description is not None and schema["description"] != shape.description:
        losses.add("shape.description", "hint", "the schema has a description of its own")
    return out


def safety_settings(family: Family) -> list[Wire]:
    """Every adjustable filter switched off: whoever runs the gateway decides, not a default."""
    threshold = "OFF" if family.filters_off else "BLOCK_NONE"
    return [{"category": category, "threshold": threshold} for category in HARM_CATEGORIES]


def _sampling(sampling: Sampling, family: Family, losses: Losses) -> Wire:
    out: Wire = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "seed": sampling.seed,
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "candidateCount": sampling.n,
        "responseLogprobs": sampling.logprobs,
    }
    for name, wire, neutral in _refused(family):
        if out[wire] is not None and out[wire] != neutral:
            losses.add(f"sampling.{name}", "tuning", "this model does not heed it, or refuses the request for it")
        out[wire] = None
    if sampling.seed is not None and not -(2**31) <= sampling.seed < 2**31:
        losses.add("sampling.seed", "tuning", "beyond 32 bits")
        out["seed"] = None
    if sampling.logprobs and sampling.top_logprobs is not None:
        out["logprobs"] = sampling.top_logprobs
    elif sampling.top_logprobs:
        losses.add("sampling.top_logprobs", "tuning", "log probabilities were not asked for")
    if sampling.min_p is not None:
        losses.add("sampling.min_p", "tuning", "has no counterpart in the target's format")
    for token in sampling.logit_bias or ():
        losses.add(f"sampling.logit_bias.{token}", "tuning", "has no counterpart in the target's format")
    return {name: value for name, value in out.items() if value is not None}


def _refused(family: Family) -> Iterator[tuple[str, str, float | None]]:
    """The settings that `family` does not take: canon's name, the wire's, and the value that says nothing anyway."""
    if not family.sampling:
        yield from (("temperature", "temperature", None), ("top_p", "topP", None), ("top_k", "topK", None))
    if not family.penalties:
        yield from (("presence_penalty", "presencePenalty", 0), ("frequency_penalty", "frequencyPenalty", 0))
    if not family.candidates:
        yield ("n", "candidateCount", 1)


def _modalities(request: Request, losses: Losses) -> list[str]:
    """The kinds of output. Text alone is the default; a model that speaks gives sound alone."""
    known: list[str] = []
    for number, modality in enumerate(request.modalities):
        if modality in _MODALITIES:
            known.append(_MODALITIES[modality])
        else:
            losses.add(f"modalities[{number}]", "meaning", "a kind of output that the target does not give")
    if "AUDIO" in known and len(known) > 1:
        losses.add("modalities", "hint", "sound comes without text")
        return ["AUDIO"]
    return [] if known == ["TEXT"] else known


def _resolution(request: Request, losses: Losses) -> str | None:
    """One resolution holds for all media: the finest one wished for."""
    wishes: list[tuple[str, str]] = []
    for turn_number, turn in enumerate(request.turns):
        for number, part in enumerate(turn.parts):
            pieces = part.parts if isinstance(part, Result) else (part,)
            path = f"turns[{turn_number}].parts[{number}].detail"
            wishes.extend((path, piece.detail) for piece in pieces if isinstance(piece, Media) and piece.detail)
    wishes = [(path, wish) for path, wish in wishes if wish != "auto"]
    chosen = "high" if any(wish == "high" for _, wish in wishes) else "low"
    for path, wish in wishes:
        if wish != chosen:
            losses.add(path, "hint", "one resolution holds for all media")
    return _RESOLUTIONS[chosen] if any(wish == chosen for _, wish in wishes) else None


def _thinking(reasoning: Reasoning | None, family: Family, losses: Losses) -> Wire:
    if family.thinking == "none":
        if reasoning is not None and _wants_thought(reasoning):
            losses.add("reasoning", "tuning", "this model does not think")
        return {}
    asked = reasoning or Reasoning()
    out = _budget(asked, family, losses) if family.thinking == "budget" else _level(asked, family, losses)
    thinks = out.get("thinkingBudget") != 0
    if thinks and asked.show is not False and (family.shows or _wants_thought(asked)):
        # Without this the API thinks in silence, and clients that show reasoning would show none.
        out["includeThoughts"] = True
    return out


def _wants_thought(reasoning: Reasoning) -> bool:
    if _is_off(reasoning):
        return False
    return bool(reasoning.effort or reasoning.budget or reasoning.enabled or reasoning.adaptive or reasoning.show)


def _is_off(reasoning: Reasoning) -> bool:
    return reasoning.effort == "none" or reasoning.budget == 0 or reasoning.enabled is False


def _budget(asked: Reasoning, family: Family, losses: Losses) -> Wire:
    """A budget in tokens: as given, or what the effort word stands for, within what the model takes."""
    if _is_off(asked):
        if not family.can_stop:
            losses.add("reasoning", "tuning", f"this model always thinks; it is held to {family.floor} tokens")
        return {"thinkingBudget": 0 if family.can_stop else family.floor}
    wanted = asked.budget
    if wanted is None and asked.effort is not None:
        wanted = BUDGETS.get(asked.effort, family.ceiling)
    if wanted is None:
        return {"thinkingBudget": -1} if asked.enabled or asked.adaptive else {}
    if wanted < 0:
        return {"thinkingBudget": -1}
    taken = min(max(wanted, family.floor), family.ceiling)
    if asked.budget is not None and taken != wanted:
        losses.add("reasoning.budget", "tuning", f"this model thinks for {family.floor} to {family.ceiling} tokens")
    return {"thinkingBudget": taken}


def _level(asked: Reasoning, family: Family, losses: Losses) -> Wire:
    """A level: the effort word or the budget, at the nearest level that the model has (the lower one when between)."""
    wanted: Level | None = None
    match asked.effort:
        case "none":
            wanted = "minimal"
        case "xhigh" | "max":
            wanted = "high"
            losses.add("reasoning.effort", "tuning", "high is the highest level of this model")
        case "minimal" | "low" | "medium" | "high":
            wanted = asked.effort
        case None if asked.budget is not None and asked.budget >= 0:
            wanted = next((level for most, level in _LEVEL_BUDGETS if asked.budget <= most), "high")
            if asked.budget:
                losses.add("reasoning.budget", "tuning", f"this model takes a level, not a budget; sent {wanted}")
        case None if asked.enabled is False:
            wanted = "minimal"
    if wanted is None:
        return {}
    taken = _nearest(wanted, family)
    if _is_off(asked):
        losses.add("reasoning", "tuning", f"this model always thinks; it is held to the level {taken}")
    elif taken != wanted:
        losses.add("reasoning", "tuning", f"this model has no level {wanted}; sent {taken}")
    return {"thinkingLevel": taken}


def _nearest(wanted: Level, family: Family) -> Level:
    lower = [level for level in _ORDER[: _ORDER.index(wanted) + 1] if level in family.levels]
    return lower[-1] if lower else family.levels[0]
