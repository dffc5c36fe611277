"""Everything that a chat request says, leaf by leaf, and whether a translated body still says it."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Leaf = tuple[str, str]
"""Where the client said it, and what."""

_GRAMMAR = {"type", "$ref", "$schema", "$id", "role", "format", "detail"}
"""Fields whose values are the dialect's own words."""

_COST = {"cache_control", "prompt_cache_breakpoint"}
"""Fields that concern cost only: losing them changes no answer."""

KNOBS = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "top_k": ("top_k", "topK"),
    "max_tokens": ("max_tokens", "maxOutputTokens"),
    "max_completion_tokens": ("max_tokens", "maxOutputTokens"),
    "seed": ("seed",),
    "n": ("candidateCount", "n"),
    "frequency_penalty": ("frequencyPenalty", "frequency_penalty"),
    "presence_penalty": ("presencePenalty", "presence_penalty"),
    "logprobs": ("responseLogprobs", "logprobs"),
    "top_logprobs": ("logprobs", "top_logprobs"),
    "logit_bias": ("logit_bias",),
    "parallel_tool_calls": ("disable_parallel_tool_use", "parallel"),
    "reasoning_effort": ("thinking", "thinkingConfig", "output_config", "reasoning"),
    "response_format": ("output_config", "output_format", "responseMimeType", "shape"),
    "prediction": ("prediction",),
    "verbosity": ("verbosity",),
    "web_search_options": ("web_search_options",),
}
"""Where a knob may be found again: as a field of the body, or as a path in the ledger (which shows no hints)."""

_NEUTRAL: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "reasoning_effort": "none",
}
"""Values that say what is so without them."""


def knobs(request: dict[str, Any]) -> Iterator[str]:
    """The knobs that `request` turns."""
    for name in KNOBS:
        value = request.get(name)
        if value is None or (name in _NEUTRAL and value == _NEUTRAL[name]):
            continue
        if name == "response_format" and value.get("type") == "text":
            continue
        if name == "parallel_tool_calls" and (value is True or not request.get("tools")):
            continue
        yield name


def excused(path: str, losses: str) -> bool:
    """Whether the ledger, as the response header shows it, admits a loss where the client said `path`."""
    area = re.match(r"[a-z_]+", path)
    words = {"messages": "turns", "functions": "tools", "response_format": "shape"}
    name = area[0] if area else path
    return words.get(name, name) in re.findall(r"[a-z_]+", losses)


def leaves(request: dict[str, Any]) -> Iterator[Leaf]:
    """Every string that the messages, tools, schemas and stop sequences of a chat request hold."""
    for at, message in enumerate(request["messages"]):
        yield from _message(message, f"messages[{at}]")
    for at, tool in enumerate(request.get("tools") or []):
        yield from _tool(tool, f"tools[{at}]")
    for at, function in enumerate(request.get("functions") or []):
        yield from _tool({"function": function}, f"functions[{at}]")
    shape = request.get("response_format")
    if isinstance(shape, dict) and isinstance(shape.get("json_schema"), dict):
        yield from _schema(shape["json_schema"].get("schema"), "response_format.json_schema.schema")
    stop = request.get("stop")
    for one in [stop] if isinstance(stop, str) else stop or []:
        yield "stop", one
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        yield "tool_choice", choice["function"]["name"]


def _message(message: dict[str, Any], path: str) -> Iterator[Leaf]:
    for name, value in message.items():
        here = f"{path}.{name}"
        match name, value:
            case "tool_calls", list():
                for at, call in enumerate(value):
                    yield from _call(call, f"{here}[{at}]")
            case "function_call", dict():
                yield from _call({"function": value}, here)
            case "content", list():
                for at, part in enumerate(value):
                    yield from _any(part, f"{here}[{at}]")
            case (("content" | "refusal" | "name" | "tool_call_id" | "reasoning_content" | "reasoning"), str()):
                yield here, value
            case _:
                continue


def _call(call: dict[str, Any], path: str) -> Iterator[Leaf]:
    if call.get("id"):
        yield f"{path}.id", call["id"]
    named = call.get("function") or call.get("custom") or {}
    yield f"{path}.name", named["name"]
    arguments = named.get("arguments") or named.get("input") or ""
    try:
        yield from _any(json.loads(arguments), f"{path}.arguments", keys=True)
    except ValueError:
        yield f"{path}.arguments", arguments


def _tool(tool: dict[str, Any], path: str) -> Iterator[Leaf]:
    function = tool.get("function") or tool.get("custom")
    if not isinstance(function, dict):
        return
    yield f"{path}.name", function["name"]
    if function.get("description"):
        yield f"{path}.description", function["description"]
    yield from _schema(function.get("parameters"), f"{path}.parameters")


def _schema(schema: Any, path: str) -> Iterator[Leaf]:
    """Names of properties, and every string that is no keyword of JSON Schema."""
    if isinstance(schema, list):
        for at, one in enumerate(schema):
            yield from _schema(one, f"{path}[{at}]")
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        here = f"{path}.{name}"
        match name, value:
            case (("properties" | "$defs" | "definitions"), dict()):
                for key, inner in value.items():
                    if name == "properties":
                        yield f"{here}.{key}", key
                    yield from _schema(inner, f"{here}.{key}")
            case (("enum" | "required" | "examples" | "const" | "default" | "example"), _):
                yield from _any(value, here)
            case _, str() if name not in _GRAMMAR:
                yield here, value
            case _, dict() | list():
                yield from _schema(value, here)
            case _:
                continue


def _any(value: Any, path: str, *, keys: bool = False) -> Iterator[Leaf]:
    match value:
        case str():
            yield path, value
        case list():
            for at, one in enumerate(value):
                yield from _any(one, f"{path}[{at}]", keys=keys)
        case dict():
            for name, inner in value.items():
                if keys:
                    yield f"{path}.{name}", name
                if keys or (name not in _COST and (name not in _GRAMMAR or not isinstance(inner, str))):
                    yield from _any(inner, f"{path}.{name}", keys=keys)
        case _:
            return


class Said:
    """Everything that a body says: its names and strings, and the values inside strings that are themselves JSON."""

    def __init__(self, body: Any) -> None:
        self._pieces: set[str] = set()
        self._blobs: set[bytes] = set()
        self._collect(body)
        self._all = "\x00".join(self._pieces)

    def _collect(self, value: Any) -> None:
        match value:
            case str():
                self._pieces.add(value)
                if (blob := _blob(value)) is not None:
                    self._blobs.add(blob)
            case list():
                for one in value:
                    self._collect(one)
            case dict():
                for name, inner in value.items():
                    self._pieces.add(name)
                    self._collect(inner)
            case _:
                return

    def names(self, name: str) -> bool:
        """Whether there is a field called `name`."""
        return name in self._pieces

    def holds(self, text: str) -> bool:
        """Whether `text` stands somewhere, whole; data URLs and base64 are compared by their bytes."""
        if not text.strip() or text in self._pieces or text in self._all:
            return True
        if (blob := _blob(text)) is not None and blob in self._blobs:
            return True
        try:
            inner = json.loads(text)
        except ValueError:
            return False
        return isinstance(inner, dict | list) and all(self.holds(leaf) for _, leaf in _any(inner, "", keys=True))


def _blob(text: str) -> bytes | None:
    packed = text.partition(";base64,")[2] if text.startswith("data:") else text
    if len(packed) < 24:
        return None
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None


def reckoned(
    request: dict[str, Any],
    said: Said,
    losses: str,
    words: Mapping[str, tuple[str, ...]] = KNOBS,
    *,
    cut: tuple[str, ...] = (),
) -> tuple[int, int, list[str]]:
    """How many things `request` says, how many of them `said` holds, and what is neither held nor in the ledger.

    words: where each knob may be found again · cut: beginnings of texts that the request holds shortened.
    """
    total = held = 0
    gone = []
    for path, text in leaves(request):
        total += 1
        if said.holds(text):
            held += 1
        elif not excused(path, losses) and not text.startswith(cut):
            gone.append(f"{path}: {text[:80]!r}")
    for name in knobs(request):
        if not any(said.names(word) or word in losses for word in words.get(name, (name,))):
            gone.append(name)
    return total, held, gone
