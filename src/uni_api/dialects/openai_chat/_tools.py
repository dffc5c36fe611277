"""Tools and the choice among them, in today's spelling and the one before it (`functions`, `function_call`)."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from uni_api.canon import Foreign, Losses, Request, Tool, ToolChoice
from uni_api.dialects.openai_chat._content import read_cache, write_cache
from uni_api.dialects.openai_chat._fields import NAME, Fields, missing, note, restore, wrong

_HINTS = frozenset({"cache_control", "prompt_cache_breakpoint"})


def read_tools(fields: Fields) -> tuple[Tool | Foreign, ...]:
    """`tools` and the older `functions`, in that order."""
    tools = [_read_tool(one, f"tools[{index}]") for index, one in enumerate(fields.array("tools") or [])]
    functions = [
        _read_function(one, f"functions[{index}]") for index, one in enumerate(fields.array("functions") or [])
    ]
    return (*tools, *functions)


def _read_tool(value: Any, path: str) -> Tool | Foreign:
    fields = Fields(value, path)
    kind = fields.text("type")
    notes: dict[str, Any] = {}
    if kind is None:
        notes[":untyped"] = True
        kind = "function"
    if kind not in ("function", "custom"):
        return Foreign(dialect=NAME, block=value)
    cache = read_cache(fields, notes)
    inner = fields.inside(kind)
    if inner is None:
        if not isinstance(fields.left.get("name"), str):
            missing(fields.where(kind))
        notes[":flat"] = True
        return _tool(fields, fields, cache, notes, custom=kind == "custom")
    return _tool(inner, fields, cache, notes, custom=kind == "custom")


def _tool(inner: Fields, outer: Fields, cache: Any, notes: dict[str, Any], *, custom: bool) -> Tool:
    name = inner.must_text("name")
    description = inner.text("description")
    schema = None if custom else inner.object("parameters")
    strict = None if custom else inner.flag("strict")
    if inner is not outer:
        outer.back("custom" if custom else "function", inner)
    return Tool(
        name=name,
        description=description,
        schema=schema,
        strict=strict,
        custom=custom,
        cache=cache,
        rest=outer.rest(notes, _HINTS),
    )


def _read_function(value: Any, path: str) -> Tool:
    fields = Fields(value, path)
    return _tool(fields, fields, None, {":legacy": True}, custom=False)


def is_legacy(request: Request) -> bool:
    """Whether the client speaks of functions, and so expects `function_call` in the answer."""
    return any(isinstance(tool, Tool) and note(tool.rest, ":legacy") for tool in request.tools)


def write_tools(out: dict[str, Any], tools: Iterable[Tool | Foreign], losses: Losses) -> None:
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if isinstance(tool, Foreign):
            if tool.dialect == NAME:
                out.setdefault("tools", []).append(dict(tool.block))
            else:
                losses.add(path, "meaning", f"a tool that only its own provider runs ({tool.block.get('type')})")
        elif note(tool.rest, ":legacy"):
            out.setdefault("functions", []).append(restore(_function(tool), tool.rest, losses, path))
        else:
            out.setdefault("tools", []).append(_write_tool(tool, losses, path))


def _write_tool(tool: Tool, losses: Losses, path: str) -> dict[str, Any]:
    kind = "custom" if tool.custom else "function"
    function = _function(tool)
    out: dict[str, Any] = {} if note(tool.rest, ":untyped") else {"type": kind}
    if note(tool.rest, ":flat"):
        out |= function
    else:
        out[kind] = function
    write_cache(out, tool.cache, tool.rest, losses, path)
    return restore(out, tool.rest, losses, path)


def _function(tool: Tool) -> dict[str, Any]:
    out: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        out["description"] = tool.description
    if tool.schema is not None:
        out["parameters"] = tool.schema
    if tool.strict is not None:
        out["strict"] = tool.strict
    return out


_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


def read_choice(fields: Fields) -> ToolChoice | None:
    """`tool_choice`, or the older `function_call`."""
    if "function_call" in fields.left and fields.left.get("tool_choice") is None:
        return _read_choice(fields.any("function_call"), "function_call")
    return _read_choice(fields.any("tool_choice"), "tool_choice")


def _read_choice(value: Any, path: str) -> ToolChoice | None:
    match value:
        case None:
            return None
        case str(word) if word in _MODES:
            return ToolChoice(mode=_MODES[word])
        case {"type": "allowed_tools"}:
            inner = value.get("allowed_tools", value)
            return _allowed(inner, f"{path}.allowed_tools")
        case {"type": str(kind)} if kind in _MODES:
            return ToolChoice(mode=_MODES[kind])
        case {"type": str(kind), **more} if isinstance(more.get(kind), dict):
            return ToolChoice(mode="named", names=(Fields(more[kind], f"{path}.{kind}").must_text("name"),))
        case {"function": dict(inner)}:
            return ToolChoice(mode="named", names=(Fields(inner, f"{path}.function").must_text("name"),))
        case {"name": str(name)}:
            return ToolChoice(mode="named", names=(name,))
    wrong(path, "'none', 'auto', 'required' or an object that names a tool")


def _allowed(value: Any, path: str) -> ToolChoice:
    fields = Fields(value, path)
    mode = fields.text("mode")
    tools = fields.array("tools") or []
    names = [name for index, tool in enumerate(tools) if (name := _name(tool, f"{path}.tools[{index}]")) is not None]
    if mode not in ("auto", "required"):
        wrong(fields.where("mode"), "'auto' or 'required'")
    return ToolChoice(mode="auto" if mode == "auto" else "required", names=tuple(names))


def _name(value: Any, path: str) -> str | None:
    """The name in a reference to a tool; None for a tool that has only a type."""
    fields = Fields(value, path)
    inner = fields.inside(fields.text("type") or "function")
    return (inner or fields).text("name")


def write_choice(choice: ToolChoice, tools: Iterable[Tool | Foreign]) -> Mapping[str, Any]:
    kinds = {tool.name: "custom" if tool.custom else "function" for tool in tools if isinstance(tool, Tool)}

    def reference(name: str) -> dict[str, Any]:
        kind = kinds.get(name, "function")
        return {"type": kind, kind: {"name": name}}

    if choice.mode == "named" and len(choice.names) == 1:
        return {"tool_choice": reference(choice.names[0])}
    if not choice.names:
        return {"tool_choice": "required" if choice.mode == "named" else choice.mode}
    mode = "auto" if choice.mode == "auto" else "required"
    allowed = {"mode": mode, "tools": [reference(name) for name in choice.names]}
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}}
