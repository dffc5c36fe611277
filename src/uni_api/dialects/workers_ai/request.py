"""A canon request as the body of a run. The URL says the model."""

from typing import Any, Final

from uni_api.canon import Foreign, Losses, Reasoning, Request, Tool
from uni_api.dialects.faces import Body
from uni_api.dialects.workers_ai._messages import write_messages
from uni_api.dialects.workers_ai._words import NAME, RAW_FIELD, Wire

_SAMPLING: Final = (
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
)
"""What the body spells as canon does."""

_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}

_LOW_BUDGET: Final = 2_048
_MEDIUM_BUDGET: Final = 8_192
"""The most tokens of thinking that the words low and medium stand for, where a client gave a number."""

_NO_ARGUMENTS: Final[Wire] = {"type": "object", "properties": {}}
_RAW_ARGUMENT: Final[Wire] = {"type": "object", "properties": {RAW_FIELD: {"type": "string"}}, "required": [RAW_FIELD]}


def write_request(request: Request, losses: Losses, /) -> Body:
    """The upstream's body. What can't be said is entered in `losses`; nothing raises for content."""
    body: Body = {"messages": write_messages(request.turns, losses), "stream": request.stream}
    _tools(body, request, losses)
    sampling = request.sampling
    body |= {name: value for name in _SAMPLING if (value := getattr(sampling, name)) is not None}
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    if (shape := _shape(request, losses)) is not None:
        body["response_format"] = shape
    if (effort := _effort(request.reasoning, losses)) is not None:
        body["reasoning_effort"] = effort
    _admit(request, losses)
    return losses.merge(body, request.rest, NAME)


def _admit(request: Request, losses: Losses) -> None:
    """Enter what has no field at all."""
    if request.sampling.min_p is not None:
        losses.add("sampling.min_p", "tuning", "there is no least probability")
    if request.sampling.logprobs or request.sampling.top_logprobs is not None:
        losses.add("sampling.logprobs", "tuning", "log probabilities are not given")
    if request.sampling.n is not None and request.sampling.n != 1:
        losses.add("sampling.n", "tuning", "one answer is given")
    if any(kind != "text" for kind in request.modalities):
        losses.add("modalities", "tuning", "answers are text")
    if request.user is not None:
        losses.add("user", "hint", "has no counterpart in the target's format")
    if request.cache is not None:
        losses.add("cache", "hint", "prompt caching is implicit in the target")


def _tools(body: Body, request: Request, losses: Losses) -> None:
    """Tools and the choice among them. One tool is forced by offering no other."""
    choice = request.tool_choice
    allowed = frozenset(choice.names) if choice is not None and choice.names else None
    out: list[Wire] = []
    for number, tool in enumerate(request.tools):
        path = f"tools[{number}]"
        if isinstance(tool, Foreign):
            if tool.dialect == NAME:
                out.append(dict(tool.block))
            else:
                losses.add(path, "meaning", f"a tool that only {tool.dialect} offers")
        elif allowed is None or tool.name in allowed:
            out.append(_tool(tool, losses, path))
        else:
            losses.add(path, "tuning", "left out: the choice of tools excludes it")
    if out:
        body["tools"] = out
        if choice is not None:
            body["tool_choice"] = "required" if choice.mode == "named" else choice.mode
        if request.parallel is not None:
            body["parallel_tool_calls"] = request.parallel
    elif choice is not None and choice.mode in ("required", "named"):
        losses.add("tool_choice", "meaning", "there is no tool to choose")


def _tool(tool: Tool, losses: Losses, path: str) -> Wire:
    function: Wire = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.custom:
        losses.add(path, "tuning", f"a free-text tool, offered as a function of one string, {RAW_FIELD!r}")
        function["parameters"] = _RAW_ARGUMENT
    else:
        function["parameters"] = tool.schema or _NO_ARGUMENTS
    if tool.strict is not None:
        function["strict"] = tool.strict
    if tool.cache is not None:
        losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
    return losses.merge({"type": "function", "function": function}, tool.rest, NAME, path)


def _shape(request: Request, losses: Losses) -> Any:
    """The value of `response_format`, in which `json_schema` is the schema itself; None for free text."""
    shape = request.shape
    if shape is None or shape.kind == "text":
        return None
    if shape.description is not None:
        losses.add("shape.description", "tuning", "a shape has no description")
    if shape.name is not None:
        losses.add("shape.name", "hint", "a shape has no name")
    if shape.kind == "json" or not shape.schema:
        return {"type": "json_object"}
    if shape.strict:
        losses.add("shape.strict", "tuning", "strictness can't be asked for")
    return {"type": "json_schema", "json_schema": dict(shape.schema)}


def _effort(reasoning: Reasoning | None, losses: Losses) -> str | None:
    if reasoning is None:
        return None
    if reasoning.show is not None:
        losses.add("reasoning.show", "hint", "thinking that happens is shown")
    if reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0:
        losses.add("reasoning", "tuning", "thinking can't be switched off")
        return None
    budget = reasoning.budget if reasoning.budget is not None and reasoning.budget > 0 else None
    if budget is not None:
        losses.add("reasoning.budget", "tuning", "a budget is said as an effort")
    if reasoning.effort is not None:
        word = _EFFORTS[reasoning.effort]
        if word != reasoning.effort:
            losses.add("reasoning.effort", "tuning", f"the effort {reasoning.effort} is not known: {word} is sent")
        return word
    if budget is None:
        return None
    return "low" if budget <= _LOW_BUDGET else "medium" if budget <= _MEDIUM_BUDGET else "high"
