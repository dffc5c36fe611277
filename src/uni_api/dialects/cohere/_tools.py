"""Tools. A single one can't be named as the choice: it is required, and the others are left out.

Source: docs.cohere.com, pages "Chat" and "Parameter types for tool use" (read 2026-11-24): strictness is asked for
all tools at once, and needs a required parameter in each of them.
"""

from collections.abc import Mapping
from typing import Any

from uni_api.canon import Foreign, Losses, Request, Tool
from uni_api.dialects.cohere._words import NAME, RAW_FIELD, Wire

_NO_ARGUMENTS: Wire = {"type": "object", "properties": {}}
_RAW_ARGUMENT: Wire = {"type": "object", "properties": {RAW_FIELD: {"type": "string"}}, "required": [RAW_FIELD]}


def write_tools(request: Request, losses: Losses) -> Wire:
    """The fields `tools`, `tool_choice` and `strict_tools`, those of them that have something to say."""
    choice = request.tool_choice
    names = frozenset(choice.names) if choice is not None and choice.mode != "none" else frozenset()
    tools: list[Wire] = []
    strict: list[tuple[int, Tool]] = []
    for number, tool in enumerate(request.tools):
        path = f"tools[{number}]"
        if isinstance(tool, Foreign):
            if tool.dialect == NAME:
                tools.append(dict(tool.block))
            else:
                losses.add(path, "meaning", f"a tool that only {tool.dialect} offers")
        elif names and tool.name not in names:
            losses.add(path, "tuning", "left out: the choice of tools excludes it")
        else:
            tools.append(_tool(tool, losses, path))
            if tool.strict:
                strict.append((number, tool))
    out: Wire = {"tools": tools} if tools else {}
    if strict:
        out |= _strictness(strict, len(tools), losses)
    if tools and request.parallel is False:
        losses.add("parallel", "tuning", "calling several tools at once can't be forbidden")
    return out | _choice(request, losses, offered=bool(tools))


def _choice(request: Request, losses: Losses, *, offered: bool) -> Wire:
    choice = request.tool_choice
    if choice is None or choice.mode == "auto":
        return {}
    if choice.mode == "none":
        return {"tool_choice": "NONE"} if offered else {}
    if offered:
        return {"tool_choice": "REQUIRED"}
    losses.add("tool_choice", "meaning", "a call can't be required where no tool is offered")
    return {}


def _strictness(strict: list[tuple[int, Tool]], offered: int, losses: Losses) -> Wire:
    if len(strict) == offered and all(_has_required(tool.schema) for _, tool in strict):
        return {"strict_tools": True}
    for number, _ in strict:
        losses.add(f"tools[{number}].strict", "tuning", "either all tools are strict, each with a required parameter")
    return {}


def _has_required(schema: Mapping[str, Any] | None) -> bool:
    return schema is not None and bool(schema.get("required"))


def _tool(tool: Tool, losses: Losses, path: str) -> Wire:
    function: Wire = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.custom:
        losses.add(path, "tuning", f"a free-text tool, offered as a function of one string, {RAW_FIELD!r}")
        function["parameters"] = _RAW_ARGUMENT
    else:
        function["parameters"] = tool.schema or _NO_ARGUMENTS
    if tool.cache is not None:
        losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
    return losses.merge({"type": "function", "function": function}, tool.rest, NAME, path)
