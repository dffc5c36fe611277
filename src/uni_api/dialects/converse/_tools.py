"""Tools and the choice among them, as `toolConfig`."""

from typing import Any

from uni_api.canon import Foreign, Losses, Request, Tool
from uni_api.dialects.closed_schema import Unsayable, lower, object_schema
from uni_api.dialects.converse._blocks import EVERYWHERE, RAW_ARGUMENTS, Pen
from uni_api.dialects.converse._media import Block
from uni_api.dialects.converse._names import NAME, tool_name

_OPEN: Block = {"json": {"type": "object", "properties": {}}}


def write_tools(request: Request, called: tuple[str, ...], pen: Pen) -> Block | None:
    """`toolConfig`, or None. Where the history calls tools the API demands one, whatever else is asked for."""
    if request.tool_choice is not None and request.tool_choice.mode == "none" and not called:
        if request.tools:
            pen.losses.add("tools", "tuning", "no tool may be called: they are left out")
        return None
    tools = _tools(request, pen)
    offered = {tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool}
    if not tools and called:
        pen.losses.add("tools", "hint", "the tools that were called are offered, as the target demands it")
        tools = [{"toolSpec": {"name": name, "inputSchema": _OPEN}} for name in called]
    if not tools:
        if request.tool_choice is not None and request.tool_choice.mode in ("required", "named"):
            pen.losses.add("tool_choice", "meaning", "there is no tool to choose")
        return None
    config: Block = {"tools": tools}
    if choice := _choice(request, offered, pen):
        config["toolChoice"] = choice
    if request.parallel is False:
        pen.losses.add("parallel", "tuning", "calls can't be kept to one at a time")
    return config


def _tools(request: Request, pen: Pen) -> list[Block]:
    tools: list[Block] = []
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        if isinstance(tool, Foreign):
            if tool.dialect == NAME:
                tools.append(dict(tool.block))
            else:
                pen.losses.add(path, "meaning", f"a {tool.dialect} tool has no counterpart")
            continue
        spec = _spec(tool, path, pen)
        if spec["name"] in names:
            pen.losses.add(path, "meaning", f"a second tool called {spec['name']} is left out")
            continue
        names.add(spec["name"])
        tools.append({"toolSpec": spec})
        tools.extend(pen.cache_point(tool.cache, f"{path}.cache", places=EVERYWHERE))
    return tools


def _spec(tool: Tool, path: str, pen: Pen) -> Block:
    spec: Block = {"name": tool_name(tool.name, f"{path}.name", pen.losses)}
    if tool.description:
        spec["description"] = tool.description
    if tool.custom:
        pen.losses.add(
            f"{path}.custom",
            "meaning",
            f"a tool that takes free text is offered as one with a text field {RAW_ARGUMENTS!r}",
        )
        field = {RAW_ARGUMENTS: {"type": "string"}}
        spec["inputSchema"] = {"json": {"type": "object", "properties": field, "required": [RAW_ARGUMENTS]}}
    else:
        schema, strict = _schema(tool, path, pen)
        spec["inputSchema"] = {"json": schema}
        if strict:
            spec["strict"] = True
    return pen.losses.merge(spec, tool.rest, NAME, path)


def _schema(tool: Tool, path: str, pen: Pen) -> tuple[dict[str, Any], bool]:
    where = f"{path}.schema"
    if tool.strict and not pen.family.schema:
        pen.losses.add(f"{path}.strict", "tuning", "this model has no strict tools")
    elif tool.strict:
        trial = Losses()
        try:
            lowered = lower(tool.schema or {"type": "object", "properties": {}}, where, trial)
        except Unsayable:
            pen.losses.add(f"{path}.strict", "tuning", "this schema can't be enforced")
        else:
            pen.losses.items.extend(trial.items)
            return object_schema(lowered, where, pen.losses), True
    return object_schema(tool.schema, where, pen.losses), False


def _choice(request: Request, offered: set[str], pen: Pen) -> Block | None:
    """`toolChoice`, or None where it says nothing beyond the default, which is that the model may choose."""
    choice = request.tool_choice
    if choice is None or choice.mode == "auto":
        if choice is not None and choice.names:
            pen.losses.add("tool_choice.names", "tuning", "the choice can't be narrowed to some of the tools")
        return None
    if choice.mode == "none":
        pen.losses.add("tool_choice", "meaning", "calls can't be forbidden where the history holds some")
        return None
    if choice.mode == "named" and len(choice.names) == 1:
        name = tool_name(choice.names[0], "tool_choice.names[0]", pen.losses)
        if "tool" in pen.family.forced and name in offered:
            return {"tool": {"name": name}}
        pen.losses.add("tool_choice.names", "meaning", "no tool of this name can be forced here")
    elif choice.names:
        pen.losses.add("tool_choice.names", "tuning", "the choice can't be narrowed to some of the tools")
    if "any" in pen.family.forced:
        return {"any": {}}
    pen.losses.add("tool_choice", "meaning", "a call can't be forced here: the model may choose")
    return None
