"""Requests, canon to wire.

Source: platform.claude.com, API reference "Create a Message"; the request types of the vendor's Python SDK 2.12
(read 2026-11-24).
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from uni_api.canon import Losses, Request, Sampling
from uni_api.dialects.anthropic._blocks import NAME, plain, set_cache
from uni_api.dialects.anthropic._media import Block
from uni_api.dialects.anthropic._messages import write_turns
from uni_api.dialects.anthropic._models import Family, family_of
from uni_api.dialects.anthropic._thinking import write_thinking
from uni_api.dialects.anthropic._tools import write_choice, write_tools
from uni_api.dialects.closed_schema import Unsayable, lower

MAX_CACHE_POINTS = 4

_ANY_JSON = "Answer with one JSON object and nothing else: no prose, no code fence."


def write_request(request: Request, losses: Losses, /) -> Block:
    family = family_of(request.model)
    said = write_turns(request.turns, family, losses)
    thought = write_thinking(request, family, loop_unsealed=said.loop_unsealed, losses=losses)
    out: Block = {"model": request.model, "max_tokens": thought.max_tokens}
    output_config: Block = {}
    if thought.effort is not None:
        output_config["effort"] = thought.effort
    system = [*said.system, *_shape(request, family, output_config, losses)]
    if system:
        out["system"] = plain(system)
    out["messages"] = said.messages
    if tools := write_tools(request, family, losses):
        out["tools"] = tools
    if choice := write_choice(request, tools, family, thinking=thought.on, losses=losses):
        out["tool_choice"] = choice
    if thought.thinking is not None:
        out["thinking"] = thought.thinking
    if output_config:
        out["output_config"] = output_config
    _stop(out, request, losses)
    _sampling(out, request.sampling, family, thinking=thought.on, losses=losses)
    if request.user is not None:
        out["metadata"] = {"user_id": request.user}
    set_cache(out, request.cache, "cache", losses)
    if request.stream:
        out["stream"] = True
    if any(kind != "text" for kind in request.modalities):
        losses.add("modalities", "meaning", "the model answers in text only")
    _merge_rest(out, request, losses)
    _limit_cache_points(out, losses)
    return out


def _merge_rest(out: Block, request: Request, losses: Losses) -> None:
    rest = request.rest
    if rest is not None and rest.dialect == NAME:
        for name in ("output_config", "metadata"):
            if isinstance(more := rest.fields.get(name), dict):
                out[name] = {**more, **out.get(name, {})}
    losses.merge(out, rest, NAME)


def _shape(request: Request, family: Family, output_config: Block, losses: Losses) -> list[Block]:
    """Sets the output format, or gives the instruction that stands in for it. A tool is never forced for it: the
    client would see a call where it expects text."""
    shape = request.shape
    if shape is None or shape.kind == "text":
        return []
    if shape.kind == "json" or shape.schema is None:
        losses.add("shape", "tuning", "JSON without a schema can't be enforced: the model is asked for it")
        return [{"type": "text", "text": _ANY_JSON}]
    trial = Losses()
    try:
        schema = lower(shape.schema, "shape.schema", trial) if family.schema else None
    except Unsayable:
        schema = None
    if schema is not None:
        losses.items.extend(trial.items)
        if shape.description and "description" not in schema:
            schema["description"] = shape.description
        elif shape.description:
            losses.add("shape.description", "hint", "the schema describes itself")
        if shape.name:
            losses.add("shape.name", "hint", "schemas have no name")
        output_config["format"] = {"type": "json_schema", "schema": schema}
        return []
    losses.add("shape", "tuning", "this schema can't be enforced by this model: the model is asked for it")
    title = f" ({' - '.join(word for word in (shape.name, shape.description) if word)})"
    words = msgspec.json.encode(shape.schema).decode()
    intro = f"Answer with JSON and nothing else: no prose, no code fence. It must fit this JSON Schema{title}:"
    return [{"type": "text", "text": f"{intro.replace(' ()', '')}\n{words}"}]


def _stop(out: Block, request: Request, losses: Losses) -> None:
    words = []
    for index, word in enumerate(request.stop):
        if word.strip():
            words.append(word)
        else:
            losses.add(f"stop[{index}]", "tuning", "stop sequences of white space are refused")
    if words:
        out["stop_sequences"] = words


def _sampling(out: Block, sampling: Sampling, family: Family, *, thinking: bool, losses: Losses) -> None:
    refused = _refused(sampling, family, thinking=thinking)
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(sampling, name)
        if value is None:
            continue
        if name not in refused:
            out[name] = value
        else:
            losses.add(f"sampling.{name}", "tuning", refused[name])
    if (temperature := out.get("temperature")) is not None and not 0 <= temperature <= 1:
        out["temperature"] = 0 if temperature < 0 else 1
        losses.add("sampling.temperature", "tuning", "temperatures go from 0 to 1")
    for name in ("min_p", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs"):
        value = getattr(sampling, name)
        if value is not None and value is not False:
            losses.add(f"sampling.{name}", "tuning", "has no counterpart in the target's format")
    if sampling.n is not None and sampling.n != 1:
        losses.add("sampling.n", "tuning", "one answer is given")


def _refused(sampling: Sampling, family: Family, *, thinking: bool) -> dict[str, str]:
    """Which of the three the model does not take, and why."""
    if family.sampling == "none":
        return dict.fromkeys(("temperature", "top_p", "top_k"), "this model draws tokens its own way")
    if thinking:
        why = "thinking fixes how tokens are drawn"
        refused = dict.fromkeys(("temperature", "top_p", "top_k"), why)
        if sampling.top_p is not None and sampling.top_p >= 0.95:
            del refused["top_p"]
        return refused
    if family.sampling == "one" and sampling.temperature is not None:
        return {"top_p": "this model takes temperature or top_p, not both"}
    return {}


def _limit_cache_points(out: Block, losses: Losses) -> None:
    """At most four cache points are taken. Those on tools and system serve every conversation and the last one serves
    the next turn, so the others in the messages go first, the oldest before the newer."""
    early = [*_cached(out.get("tools")), *_cached(out.get("system"))]
    late = [block for message in out["messages"] for block in _cached(message["content"])]
    excess = len(early) + len(late) - (MAX_CACHE_POINTS - ("cache_control" in out))
    for block in [*late[:-1], *early, *late[-1:]][: max(0, excess)]:
        del block["cache_control"]
        losses.add("cache", "hint", "no more than four cache points are taken")


def _cached(pool: Any) -> Iterator[Block]:
    """The blocks in `pool` and in its tool results that have a cache point, in order."""
    for block in pool if isinstance(pool, list) else ():
        if isinstance(inner := block.get("content"), list):
            yield from _cached(inner)
        if "cache_control" in block:
            yield block
