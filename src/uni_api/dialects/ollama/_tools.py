"""Tools. Which of them to call can't be said, so a choice is kept by leaving out what it excludes."""

from uni_api.canon import Foreign, Losses, Request, Tool
from uni_api.dialects.ollama._words import NAME, RAW_FIELD, Wire

_NO_ARGUMENTS: Wire = {"type": "object", "properties": {}}
_RAW_ARGUMENT: Wire = {"type": "object", "properties": {RAW_FIELD: {"type": "string"}}, "required": [RAW_FIELD]}


def write_tools(request: Request, losses: Losses) -> list[Wire]:
    allowed = _allowed(request, losses)
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
    return out


def _allowed(request: Request, losses: Losses) -> frozenset[str] | None:
    """The names that may be called, or None when all may."""
    if request.parallel is False:
        losses.add("parallel", "tuning", "calling several tools at once can't be forbidden")
    choice = request.tool_choice
    if choice is None:
        return None
    if choice.mode == "none":
        return frozenset()
    if choice.mode in ("required", "named"):
        losses.add("tool_choice", "meaning", "a call can't be forced")
    return frozenset(choice.names) if choice.names else None


def _tool(tool: Tool, losses: Losses, path: str) -> Wire:
    function: Wire = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.custom:
        losses.add(path, "tuning", f"a free-text tool, offered as a function of one string, {RAW_FIELD!r}")
        function["parameters"] = _RAW_ARGUMENT
    else:
        function["parameters"] = tool.schema or _NO_ARGUMENTS
    if tool.strict:
        losses.add(f"{path}.strict", "tuning", "strictness of a single tool can't be asked for")
    if tool.cache is not None:
        losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
    return losses.merge({"type": "function", "function": function}, tool.rest, NAME, path)
