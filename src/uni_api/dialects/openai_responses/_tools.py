"""Tools and the choice among them.

Source: `tool_param.py`, `function_tool_param.py` and `custom_tool_param.py` of the official SDK; the API's guide to
function calling: a function is strict here unless told otherwise (read 2026-11-24).
"""

from typing import Any

from uni_api.canon import Foreign, Losses, Request, Tool
from uni_api.dialects.openai_responses._words import NAME, Block, block
from uni_api.dialects.openai_terms import is_kin, kin


def write_tools(request: Request, losses: Losses) -> list[Block]:
    tools = [_tool(tool, f"tools[{index}]", losses) for index, tool in enumerate(request.tools)]
    return [tool for tool in tools if tool is not None]


def _tool(tool: Tool | Foreign, path: str, losses: Losses) -> Block | None:
    if isinstance(tool, Foreign):
        # A tool that the chat format does not know, in a chat request, is meant for this API.
        if is_kin(tool.dialect):
            return dict(tool.block)
        losses.add(path, "meaning", f"a {tool.dialect} tool has no counterpart")
        return None
    if tool.cache is not None:
        losses.add(f"{path}.cache", "hint", "the API finds what to cache by itself")
    out: Block = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description is not None:
        out["description"] = tool.description
    if tool.custom:
        return _custom(out, tool, path, losses)
    out["parameters"] = tool.schema if tool.schema is not None else {"type": "object", "properties": {}}
    out["strict"] = bool(tool.strict)
    return losses.merge(out, tool.rest, NAME, path)


def _custom(out: Block, tool: Tool, path: str, losses: Losses) -> Block:
    """The chat format has the grammar of a custom tool one level deeper."""
    form = block(block(kin(tool.rest).get("custom")).get("format"))
    if form.get("type") == "grammar" and isinstance(grammar := form.get("grammar"), dict):
        out["format"] = {"type": "grammar", **grammar}
    elif form:
        out["format"] = form
    if not form:
        return losses.merge(out, tool.rest, NAME, path)
    return out


def write_choice(request: Request, tools: list[Block], losses: Losses) -> str | Block | None:
    """`tool_choice`, or None when there is nothing to choose."""
    choice = request.tool_choice
    if choice is None:
        return None
    if not tools:
        if choice.mode in ("required", "named"):
            losses.add("tool_choice", "meaning", "there is no tool to choose")
        return None
    kinds = {tool.name: "custom" for tool in request.tools if isinstance(tool, Tool) and tool.custom}

    def reference(name: str) -> dict[str, Any]:
        return {"type": kinds.get(name, "function"), "name": name}

    if choice.mode == "named" and len(choice.names) == 1:
        return reference(choice.names[0])
    mode = "required" if choice.mode == "named" else choice.mode
    if not choice.names:
        return mode
    return {
        "type": "allowed_tools",
        "mode": "auto" if mode == "auto" else "required",
        "tools": [reference(name) for name in choice.names],
    }
