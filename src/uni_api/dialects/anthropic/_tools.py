"""Tools and the choice among them."""

from typing import Any

from uni_api.canon import Foreign, Losses, Request, Tool
from uni_api.dialects.anthropic._blocks import NAME, RAW_ARGUMENTS, set_cache, tool_name
from uni_api.dialects.anthropic._media import Block
from uni_api.dialects.anthropic._models import Family
from uni_api.dialects.closed_schema import Unsayable, lower, object_schema


def write_tools(request: Request, family: Family, losses: Losses) -> list[Block]:
    tools: list[Block] = []
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        block = _tool(tool, family, path, losses)
        if block is None:
            continue
        name = block.get("name")
        if name in names:
            losses.add(path, "meaning", f"a second tool called {name} is left out")
            continue
        if isinstance(name, str):
            names.add(name)
        tools.append(block)
    return tools


def _tool(tool: Tool | Foreign, family: Family, path: str, losses: Losses) -> Block | None:
    if isinstance(tool, Foreign):
        if tool.dialect == NAME:
            return dict(tool.block)
        losses.add(path, "meaning", f"a {tool.dialect} tool has no counterpart")
        return None
    block: Block = {"name": tool_name(tool.name, f"{path}.name", losses)}
    if tool.description:
        block["description"] = tool.description
    if tool.custom:
        losses.add(
            f"{path}.custom",
            "meaning",
            f"a tool that takes free text is offered as one with a text field {RAW_ARGUMENTS!r}",
        )
        block["input_schema"] = {
            "type": "object",
            "properties": {RAW_ARGUMENTS: {"type": "string"}},
            "required": [RAW_ARGUMENTS],
        }
    else:
        _describe_arguments(block, tool, family, path, losses)
    set_cache(block, tool.cache, path, losses)
    return losses.merge(block, tool.rest, NAME, path)


def _describe_arguments(block: Block, tool: Tool, family: Family, path: str, losses: Losses) -> None:
    where = f"{path}.schema"
    if tool.strict and not family.schema:
        losses.add(f"{path}.strict", "tuning", "this model family has no strict tools")
    elif tool.strict:
        trial = Losses()
        try:
            lowered = lower(tool.schema or {"type": "object", "properties": {}}, where, trial)
        except Unsayable:
            losses.add(f"{path}.strict", "tuning", "this schema can't be enforced")
        else:
            losses.items.extend(trial.items)
            block["input_schema"] = object_schema(lowered, where, losses)
            block["strict"] = True
            return
    block["input_schema"] = object_schema(tool.schema, where, losses)


def write_choice(
    request: Request, tools: list[Block], family: Family, *, thinking: bool, losses: Losses
) -> Block | None:
    """`tool_choice`, or None when it says nothing beyond the default."""
    choice = request.tool_choice
    if not tools:
        if choice is not None and choice.mode in ("required", "named"):
            losses.add("tool_choice", "meaning", "there is no tool to choose")
        return None
    serial: dict[str, Any] = {"disable_parallel_tool_use": True} if request.parallel is False else {}
    mode = choice.mode if choice is not None else "auto"
    names = choice.names if choice is not None else ()
    if mode in ("required", "named") and (not family.forced or thinking):
        losses.add("tool_choice", "meaning", "a call can't be forced here: the model may choose")
        mode, names = "auto", ()
    if mode == "none":
        return {"type": "none"}
    if names and not (mode == "named" and len(names) == 1):
        losses.add("tool_choice.names", "tuning", "the choice can't be narrowed to some of the tools")
    if mode == "named" and len(names) == 1:
        return {"type": "tool", "name": tool_name(names[0], "tool_choice.names[0]", losses), **serial}
    if mode in ("required", "named"):
        return {"type": "any", **serial}
    return {"type": "auto", **serial} if choice is not None or serial else None
