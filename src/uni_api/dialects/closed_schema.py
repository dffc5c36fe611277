"""JSON Schemas in the subset that structured outputs and strict tools take.

Source: docs.aws.amazon.com, page "Get validated JSON results from models"; platform.claude.com, page "Structured
outputs" (read 2026-11-24): every object is closed (additionalProperties false), no recursion, no outside references, no
limits on numbers, lengths or counts beyond minItems 0 or 1, only some string formats. What is not taken becomes part of
the description, where the model reads it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.canon import Losses

_KEPT = frozenset({"type", "title", "description", "default", "enum", "const", "required", "$ref"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_IGNORED = frozenset({"$schema", "$id", "$comment"})


class Unsayable(Exception):
    """The schema can't be enforced by the API: it describes open objects, recursion or something outside itself."""


def lower(schema: Mapping[str, Any], path: str, losses: Losses) -> dict[str, Any]:
    """`schema` as the API takes it. Raises Unsayable when it has no such form."""
    try:
        _refuse_recursion(schema)
        return _lower(schema, path, losses)
    except RecursionError:
        raise Unsayable from None


def object_schema(schema: Mapping[str, Any] | None, path: str, losses: Losses) -> dict[str, Any]:
    """The schema of a tool that is not strict: anything, but an object at the top and no alternatives there."""
    if schema is None:
        return {"type": "object", "properties": {}}
    out = dict(schema)
    kind = out.get("type")
    if isinstance(kind, list) and "object" in kind:
        kind = None
    if kind not in (None, "object"):
        losses.add(path, "meaning", "arguments that are no object are asked for as the field 'input'")
        return {"type": "object", "properties": {"input": out}, "required": ["input"]}
    out["type"] = "object"
    for word in ("anyOf", "oneOf", "allOf"):
        if word in out:
            _merge_variants(out, word, out.pop(word), path, losses)
    # Read by people as "no arguments", refused by the API.
    for word, empty in (("properties", {}), ("required", [])):
        if word in out and out[word] is None:
            out[word] = empty
    if not ({"properties", "$ref", "patternProperties"} & out.keys()):
        out["properties"] = {}
    return out


def _merge_variants(out: dict[str, Any], word: str, variants: object, path: str, losses: Losses) -> None:
    losses.add(
        f"{path}.{word}", "tuning", "alternatives at the top of a tool's schema are merged and described in words"
    )
    before = out.get("properties")
    properties = dict(before) if isinstance(before, Mapping) else {}
    for variant in variants if isinstance(variants, list) else []:
        if isinstance(variant, Mapping) and isinstance(variant.get("properties"), Mapping):
            properties = {**variant["properties"], **properties}
    out["properties"] = properties
    _describe(out, {word: variants})


def _lower(schema: Any, path: str, losses: Losses) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise Unsayable
    out: dict[str, Any] = {}
    spoken: dict[str, Any] = {}
    for word, value in schema.items():
        where = f"{path}.{word}"
        if value is None and word not in ("default", "const"):
            continue
        if word in _KEPT:
            out[word] = value
        elif word in ("properties", "$defs", "definitions"):
            out[word] = {name: _lower(inner, f"{where}.{name}", losses) for name, inner in _items(value)}
        elif word in ("anyOf", "oneOf", "allOf"):
            name = "anyOf" if word == "oneOf" else word
            out[name] = [_lower(inner, f"{where}[{index}]", losses) for index, inner in enumerate(_list(value))]
        elif word == "items":
            out[word] = _lower(value, where, losses)
        elif _is_enforced(word, value):
            out[word] = value
        elif word != "additionalProperties" and word not in _IGNORED:
            spoken[word] = value
    _close(out, schema)
    for word in spoken:
        losses.add(f"{path}.{word}", "tuning", "the target does not enforce this: it is said in the description")
    if spoken:
        _describe(out, spoken)
    return out


def _is_enforced(word: str, value: object) -> bool:
    return (word == "format" and isinstance(value, str) and value in _FORMATS) or (
        word == "minItems" and value in (0, 1)
    )


def _close(out: dict[str, Any], schema: Mapping[str, Any]) -> None:
    kind = out.get("type")
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in out
    if not is_object:
        return
    extra = schema.get("additionalProperties")
    # Closing an object that is open on purpose would only let the model answer {}.
    if isinstance(extra, Mapping) or ("properties" not in out and extra is not False):
        raise Unsayable
    out["additionalProperties"] = False


def _describe(out: dict[str, Any], spoken: Mapping[str, Any]) -> None:
    words = msgspec.json.encode(spoken).decode()
    before = out.get("description")
    out["description"] = f"{before}\n\n{words}" if isinstance(before, str) and before else words


def _items(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise Unsayable
    return list(value.items())


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unsayable
    return value


def _refuse_recursion(schema: Mapping[str, Any]) -> None:
    """Raises Unsayable when a reference leads out of the schema, or, followed, leads back to itself."""
    edges: dict[str, set[str]] = {}
    tables = [
        (f"#/{word}/{name}", inner)
        for word in ("$defs", "definitions")
        for name, inner in _items(schema.get(word) or {})
    ]
    for name, inner in tables:
        edges[name] = _references(inner)
    top = {name: value for name, value in schema.items() if name not in ("$defs", "definitions")}
    if any(target not in edges for targets in (_references(top), *edges.values()) for target in targets):
        raise Unsayable
    users: dict[str, list[str]] = {}
    for name, targets in edges.items():
        for target in targets:
            users.setdefault(target, []).append(name)
    waiting = {name: len(targets) for name, targets in edges.items()}
    ready = [name for name, count in waiting.items() if not count]
    while ready:
        name = ready.pop()
        del waiting[name]
        for user in users.get(name, ()):
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if waiting:
        raise Unsayable


def _references(value: Any) -> set[str]:
    found: set[str] = set()
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            if isinstance(target := node.get("$ref"), str):
                found.add(target)
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found
