"""Tools and the choice among them: `tools` and `toolConfig`."""

from typing import Any

from uni_api.canon import Foreign, Losses, Request, Tool
from uni_api.dialects.gemini._models import Family
from uni_api.dialects.gemini._names import is_cut, wire_name
from uni_api.dialects.gemini._schema import write_schema
from uni_api.dialects.gemini._words import NAME, RAW_FIELD

Wire = dict[str, Any]


def write_tools(request: Request, family: Family, losses: Losses) -> list[Wire]:
    """All functions in one declaration list, then the tools that only this dialect knows, each as it was spelt."""
    functions: list[Wire] = []
    others: list[Wire] = []
    for number, tool in enumerate(request.tools):
        path = f"tools[{number}]"
        if isinstance(tool, Tool):
            functions.append(_declaration(tool, family, losses, path))
        elif tool.dialect == NAME:
            others.append(dict(tool.block))
        else:
            losses.add(path, "meaning", f"a tool that only {tool.dialect} offers")
    return [{"functionDeclarations": functions}, *others] if functions else others


def write_tool_choice(request: Request, losses: Losses) -> Wire | None:
    """The functionCallingConfig. One function at a time can't be asked for; that is entered in `losses`."""
    if request.parallel is False:
        losses.add("parallel", "tuning", "calling several tools at once can't be forbidden")
    choice = request.tool_choice
    if choice is None:
        return None
    if not any(isinstance(tool, Tool) for tool in request.tools):
        if choice.mode in ("required", "named") or choice.names:
            losses.add("tool_choice", "meaning", "there is no function to choose")
        return None
    names = [wire_name(name) for name in choice.names]
    match choice.mode:
        case "none":
            return {"mode": "NONE"}
        case "auto" if not names:
            return {"mode": "AUTO"}
        case "auto":
            # AUTO takes no list of names; VALIDATED is AUTO with one, and with arguments held to their schema.
            return {"mode": "VALIDATED", "allowedFunctionNames": names}
        case "required" | "named":
            return {"mode": "ANY", "allowedFunctionNames": names} if names else {"mode": "ANY"}


def has_tools(request: Request) -> bool:
    """Whether any tool is left in the body."""
    return any(not isinstance(tool, Foreign) or tool.dialect == NAME for tool in request.tools)


def _declaration(tool: Tool, family: Family, losses: Losses, path: str) -> Wire:
    out: Wire = {"name": wire_name(tool.name)}
    if is_cut(tool.name):
        losses.add(f"{path}.name", "meaning", "the name is too long and was cut")
    if tool.description is not None:
        out["description"] = tool.description
    if tool.custom:
        losses.add(path, "tuning", f"a free-text tool, offered as a function of one string, {RAW_FIELD!r}")
        out["parameters"] = {"type": "object", "properties": {RAW_FIELD: {"type": "string"}}, "required": [RAW_FIELD]}
    elif tool.schema and (tool.schema.get("properties") or set(tool.schema) - {"type", "properties", "required"}):
        written = write_schema(tool.schema, json_schema=family.json_schema)
        out["parametersJsonSchema" if written.native else "parameters"] = written.schema
        written.enter(losses, f"{path}.schema")
    if tool.strict:
        losses.add(f"{path}.strict", "tuning", "strictness of a single tool can't be asked for")
    if tool.cache is not None:
        losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
    if tool.rest is not None:
        return losses.merge(out, tool.rest, NAME, path)
    return out
