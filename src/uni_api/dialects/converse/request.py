"""Requests, canon to wire. The model is not in the body: it stands in the URL.

Source: the service model of botocore 1.44, shape ConverseRequest; docs.aws.amazon.com, Amazon Bedrock user guide, page
"Using the Converse API" (read 2026-11-24).
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from uni_api.canon import Losses, Request, Sampling, Shape, without_tools
from uni_api.dialects.closed_schema import Unsayable, lower
from uni_api.dialects.converse._blocks import MESSAGES, Pen
from uni_api.dialects.converse._media import Block
from uni_api.dialects.converse._messages import write_turns
from uni_api.dialects.converse._models import family_of
from uni_api.dialects.converse._names import NAME
from uni_api.dialects.converse._thinking import Thought, write_thinking
from uni_api.dialects.converse._tools import write_tools
from uni_api.dialects.merge import merged

MAX_CACHE_POINTS = 4

_ANY_JSON = "Answer with one JSON object and nothing else: no prose, no code fence."
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")


def write_request(request: Request, losses: Losses, /) -> Block:
    pen = Pen(family_of(request.model), losses)
    if not pen.family.tools:
        request = _without_tools(request, losses)
    said = write_turns(request.turns, pen)
    thought = write_thinking(request, pen, loop_unsealed=said.loop_unsealed)
    out: Block = {"messages": said.messages}
    instruction = _shape(request.shape, out, pen)
    if system := [*said.system, *instruction]:
        _instruct(out, system, pen)
    fields = dict(thought.fields)
    if inference := _inference(request, thought, fields, pen):
        out["inferenceConfig"] = inference
    if config := write_tools(request, said.called, pen):
        out["toolConfig"] = config
    if fields:
        out["additionalModelRequestFields"] = fields
    if request.user is not None:
        _user(out, request.user, losses)
    out["messages"][-1]["content"].extend(pen.cache_point(request.cache, "cache", places=MESSAGES))
    if any(kind != "text" for kind in request.modalities):
        losses.add("modalities", "meaning", "the model answers in text only")
    _merge_rest(out, request, losses)
    _limit_cache_points(out, losses)
    return out


def _without_tools(request: Request, losses: Losses) -> Request:
    for name in ("tool_choice", "parallel"):
        if request.tools and getattr(request, name) is not None:
            losses.add(name, "tuning", "this model takes no tools")
    return without_tools(request, losses)


def _instruct(out: Block, system: list[Block], pen: Pen) -> None:
    if pen.family.system:
        out["system"] = system
    else:
        out["messages"][0]["content"][:0] = system


def _merge_rest(out: Block, request: Request, losses: Losses) -> None:
    rest = request.rest
    if rest is not None and rest.dialect == NAME:
        for name in ("additionalModelRequestFields", "inferenceConfig", "outputConfig", "requestMetadata"):
            if isinstance(more := rest.fields.get(name), dict):
                out[name] = merged(more, out.get(name, {}))
    losses.merge(out, rest, NAME)


def _shape(shape: Shape | None, out: Block, pen: Pen) -> list[Block]:
    """Sets the output format, or gives the instruction that stands in for it. A tool is never forced for it: the
    client would see a call where it expects text."""
    if shape is None or shape.kind == "text":
        return []
    if shape.kind == "json" or shape.schema is None:
        pen.losses.add("shape", "tuning", "JSON without a schema can't be enforced: the model is asked for it")
        return [{"text": _ANY_JSON}]
    trial = Losses()
    try:
        schema = lower(shape.schema, "shape.schema", trial) if pen.family.schema else None
    except Unsayable:
        schema = None
    if schema is not None:
        pen.losses.items.extend(trial.items)
        named = {"name": shape.name, "description": shape.description}
        definition = {"schema": _json(schema)} | {name: value for name, value in named.items() if value}
        out["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}
        return []
    pen.losses.add("shape", "tuning", "this schema can't be enforced by this model: the model is asked for it")
    title = " - ".join(word for word in (shape.name, shape.description) if word)
    named_so = f" ({title})" if title else ""
    intro = f"Answer with JSON and nothing else: no prose, no code fence. It must fit this JSON Schema{named_so}:"
    return [{"text": f"{intro}\n{_json(shape.schema)}"}]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _inference(request: Request, thought: Thought, fields: Block, pen: Pen) -> Block:
    """`inferenceConfig`; the knobs that it lacks and the model has are put into `fields`."""
    config: Block = {}
    if thought.limit is not None:
        config["maxTokens"] = thought.limit
    refused = _refused(request.sampling, thought, pen)
    for name, spelt in (("temperature", "temperature"), ("top_p", "topP")):
        value = getattr(request.sampling, name)
        if value is not None and name in refused:
            pen.losses.add(f"sampling.{name}", "tuning", refused[name])
        elif value is not None:
            config[spelt] = min(max(value, 0), 1)
            if config[spelt] != value:
                pen.losses.add(f"sampling.{name}", "tuning", "is taken from 0 to 1")
    _top_k(request.sampling.top_k, refused, fields, pen)
    _unsayable(request.sampling, pen.losses)
    stop = [word for word in request.stop if word.strip()]
    for index, word in enumerate(request.stop):
        if not word.strip():
            pen.losses.add(f"stop[{index}]", "tuning", "stop sequences of white space are refused")
    if stop:
        config["stopSequences"] = stop
    return config


def _top_k(top_k: int | None, refused: dict[str, str], fields: Block, pen: Pen) -> None:
    if top_k is None:
        return
    if "top_k" in refused or not pen.family.top_k:
        pen.losses.add("sampling.top_k", "tuning", refused.get("top_k", "this model has no such knob"))
        return
    *outer, last = pen.family.top_k
    place = fields
    for name in outer:
        place = place.setdefault(name, {})
    place[last] = top_k


def _unsayable(sampling: Sampling, losses: Losses) -> None:
    for name in ("min_p", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs"):
        value = getattr(sampling, name)
        if value is not None and value is not False:
            losses.add(f"sampling.{name}", "tuning", "has no counterpart in the target's format")
    if sampling.n is not None and sampling.n != 1:
        losses.add("sampling.n", "tuning", "one answer is given")


def _refused(sampling: Sampling, thought: Thought, pen: Pen) -> dict[str, str]:
    """Which of the three the model does not take, and why."""
    three = ("temperature", "top_p", "top_k")
    if pen.family.sampling == "none":
        return dict.fromkeys(three, "this model draws tokens its own way")
    if not thought.sampled:
        return dict.fromkeys(three, "thinking fixes how tokens are drawn")
    if pen.family.sampling == "one" and sampling.temperature is not None:
        return {"top_p": "this model takes temperature or top_p, not both"}
    return {}


def _user(out: Block, user: str, losses: Losses) -> None:
    """The end user's id as a label in the vendor's log of calls, where it is one that the log takes."""
    if user and _METADATA.fullmatch(user):
        out["requestMetadata"] = {"user": user}
    else:
        losses.add("user", "hint", "the log takes 256 letters, digits and a few marks only")


def _limit_cache_points(out: Block, losses: Losses) -> None:
    """At most four cache points are taken. Those on tools and system serve every conversation and the last one serves
    the next turn, so the others in the messages go first, the oldest before the newer."""
    early = [*_cached(out.get("toolConfig", {}).get("tools")), *_cached(out.get("system"))]
    late = [point for message in out["messages"] for point in _cached(message["content"])]
    excess = max(0, len(early) + len(late) - MAX_CACHE_POINTS)
    for pool, point in [*late[:-1], *early, *late[-1:]][:excess]:
        pool[:] = [block for block in pool if block is not point]
        losses.add("cache", "hint", "no more than four cache points are taken")


def _cached(pool: Any) -> Iterator[tuple[list[Block], Block]]:
    """The cache points in `pool`, each with the pool."""
    for block in pool if isinstance(pool, list) else ():
        if "cachePoint" in block:
            yield pool, block
