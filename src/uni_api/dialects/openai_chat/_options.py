"""The options of a request that canon has words for and the chat format several spellings.

Each option is read from one or more fields. What was consumed is kept as a note, and written back as it was for as
long as it still says what the request says.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct

from uni_api.canon import Cache, Effort, Losses, Reasoning, Request, Sampling, Shape
from uni_api.dialects.openai_chat._content import read_cache
from uni_api.dialects.openai_chat._fields import Fields, note, wrong
from uni_api.dialects.openai_chat._tools import read_choice, write_choice

SPELT = ":spelt"

_EFFORTS = frozenset(get_args(Effort))


class _Option(Struct, frozen=True):
    """One option: the field of canon's Request, the wire fields it is read from, its reader and its writer."""

    name: str
    fields: tuple[str, ...]
    read: Callable[[Fields], Any]
    write: Callable[[Any, Request, Losses], Mapping[str, Any]]
    unset: Any = None


def read_options(fields: Fields) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments for canon's Request, and the note on how they were spelt."""
    values: dict[str, Any] = {}
    spelt: dict[str, Any] = {}
    for option in _OPTIONS:
        before = {name: fields.left[name] for name in option.fields if fields.left.get(name) is not None}
        if before:
            values[option.name] = option.read(fields)
            spelt[option.name] = {name: value for name, value in before.items() if fields.left.get(name) is not value}
    return values, spelt


def write_options(out: dict[str, Any], request: Request, losses: Losses) -> None:
    spelt = note(request.rest, SPELT) or {}
    for option in _OPTIONS:
        value = getattr(request, option.name)
        if value is None or value == option.unset:
            continue
        spelling = spelt.get(option.name)
        if spelling is not None and option.read(Fields(spelling, "")) == value:
            out.update(spelling)
        else:
            out.update(option.write(value, request, losses))


def _read_max_tokens(fields: Fields) -> int | None:
    newer = fields.integer("max_completion_tokens")
    # Both at once: the newer name counts, the other is kept as it is.
    return newer if newer is not None else fields.integer("max_tokens")


def _read_stop(fields: Fields) -> tuple[str, ...]:
    value = fields.any("stop")
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        wrong("stop", "a string or an array of strings")
    if not value:
        fields.left["stop"] = value
    return tuple(value)


def _read_modalities(fields: Fields) -> tuple[str, ...]:
    value = fields.any("modalities")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        wrong("modalities", "an array of strings")
    if not value:
        fields.left["modalities"] = value
    return tuple(value)


def _read_user(fields: Fields) -> str | None:
    newer = fields.text("safety_identifier")
    return newer if newer is not None else fields.text("user")


def _read_cache(fields: Fields) -> Cache | None:
    return read_cache(fields, {})


def _write_cache(cache: Cache, request: Request, losses: Losses) -> Mapping[str, Any]:
    losses.add("cache", "hint", "cache breakpoints are not part of the chat format")
    return {}


def _read_shape(fields: Fields) -> Shape | None:
    inner = fields.inside("response_format")
    assert inner is not None
    kind = inner.text("type")
    match kind:
        case "text":
            return Shape(kind="text")
        case "json_object":
            schema = inner.object("schema")
            fields.back("response_format", inner)
            return Shape(kind="json") if schema is None else Shape(kind="schema", schema=schema)
        case "json_schema":
            spec = inner.inside("json_schema")
            if spec is None:
                wrong("response_format.json_schema", "an object")
            name, description = spec.text("name"), spec.text("description")
            schema, strict = spec.object("schema"), spec.flag("strict")
            inner.back("json_schema", spec)
            fields.back("response_format", inner)
            return Shape(kind="schema", name=name, description=description, schema=schema, strict=strict)
        case None:
            wrong("response_format.type", "'text', 'json_object' or 'json_schema'")
    # A format that only some host knows (a grammar, a regular expression) stays among the leftovers.
    fields.left["response_format"] = {"type": kind, **inner.left}
    return None


def _write_shape(shape: Shape, request: Request, losses: Losses) -> Mapping[str, Any]:
    if shape.kind == "text":
        return {"response_format": {"type": "text"}}
    if shape.kind == "json" or shape.schema is None:
        return {"response_format": {"type": "json_object"}}
    spec: dict[str, Any] = {"name": shape.name or "answer", "schema": shape.schema}
    if shape.description is not None:
        spec["description"] = shape.description
    if shape.strict is not None:
        spec["strict"] = shape.strict
    return {"response_format": {"type": "json_schema", "json_schema": spec}}


def _read_reasoning(fields: Fields) -> Reasoning | None:
    """OpenAI's word, OpenRouter's object, Anthropic's object as many clients send it here, and Qwen's switches."""
    effort = _effort(fields, "reasoning_effort")
    budget: int | None = None
    enabled = fields.flag("enable_thinking")
    adaptive: bool | None = None
    show = fields.flag("include_reasoning")
    if (budget_alone := fields.integer("thinking_budget")) is not None:
        budget = budget_alone
    if (router := fields.inside("reasoning")) is not None:
        effort = _effort(router, "effort") or effort
        budget = _first(router.integer("max_tokens"), budget)
        enabled = _first(router.flag("enabled"), enabled)
        exclude = router.flag("exclude")
        show = show if exclude is None else not exclude
        fields.back("reasoning", router)
    if (native := fields.inside("thinking")) is not None:
        kind = native.text("type")
        budget = _first(native.integer("budget_tokens"), budget)
        enabled = enabled if kind is None else kind != "disabled"
        adaptive = True if kind in ("adaptive", "auto") else None
        fields.back("thinking", native)
    found = Reasoning(effort=effort, budget=budget, enabled=enabled, adaptive=adaptive, show=show)
    return None if found == Reasoning() else found


def _first(one: Any, other: Any) -> Any:
    return other if one is None else one


def _effort(fields: Fields, name: str) -> Effort | None:
    word = fields.text(name)
    if word is None:
        return None
    if word not in _EFFORTS:
        # A host's own word (Groq's "default"): kept for that host, a loss elsewhere.
        fields.left[name] = word
        return None
    return word  # type: ignore[return-value]


def _write_reasoning(reasoning: Reasoning, request: Request, losses: Losses) -> Mapping[str, Any]:
    effort = reasoning.effort
    if effort is None and reasoning.budget is not None:
        effort = _effort_of(reasoning.budget)
        if effort is None or reasoning.budget > 0:
            losses.add("reasoning.budget", "tuning", "a budget is said as an effort")
    if effort is None and reasoning.enabled is False:
        effort = "none"
    if reasoning.show is not None:
        losses.add("reasoning.show", "hint", "the host decides whether thinking is shown")
    return {} if effort is None else {"reasoning_effort": effort}


def _effort_of(budget: int) -> Effort | None:
    """The effort that spends about `budget` tokens; None lets the model decide."""
    if budget <= 0:
        return "none" if budget == 0 else None
    return "low" if budget <= 2048 else "medium" if budget <= 8192 else "high"


_OPTIONS = (
    _Option("tool_choice", ("tool_choice", "function_call"), read_choice, lambda v, r, _: write_choice(v, r.tools)),
    _Option("max_tokens", ("max_completion_tokens", "max_tokens"), _read_max_tokens, lambda v, r, _: {"max_tokens": v}),
    _Option("stop", ("stop",), _read_stop, lambda v, r, _: {"stop": list(v)}, ()),
    _Option("modalities", ("modalities",), _read_modalities, lambda v, r, _: {"modalities": list(v)}, ()),
    _Option("user", ("safety_identifier", "user"), _read_user, lambda v, r, _: {"user": v}),
    _Option("cache", ("cache_control",), _read_cache, _write_cache),
    _Option("shape", ("response_format",), _read_shape, _write_shape),
    _Option(
        "reasoning",
        ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget", "include_reasoning"),
        _read_reasoning,
        _write_reasoning,
    ),
)


def read_sampling(fields: Fields) -> Sampling:
    return Sampling(
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        min_p=fields.number("min_p"),
        seed=fields.integer("seed"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        logit_bias=_read_bias(fields),
        n=fields.integer("n"),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.integer("top_logprobs"),
    )


def _read_bias(fields: Fields) -> dict[str, float] | None:
    inner = fields.inside("logit_bias")
    if inner is None:
        return None
    bias = {name: value for name in list(inner.left) if (value := inner.number(name)) is not None}
    fields.back("logit_bias", inner)
    return bias


def write_sampling(sampling: Sampling) -> Iterator[tuple[str, Any]]:
    for name in sampling.__struct_fields__:
        value = getattr(sampling, name)
        if value is not None:
            yield name, value
