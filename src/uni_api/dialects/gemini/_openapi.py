"""JSON Schema lowered to the subset of OpenAPI that every model and every relay understands.

Its limits: no references, no `additionalProperties`, string enums only, few formats.
Source: ai.google.dev/api/caching#Schema, read 2026-11-24.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from uni_api.dialects.gemini._json_schema import MAX_DEPTH

MAX_NODES: Final = 20_000
"""References are copied in place: a small schema may stand for a huge one."""

_NUMBERS: Final = frozenset({"minimum", "maximum"})
_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_STRINGS: Final = frozenset({"title", "description", "pattern"})
_ANY: Final = frozenset({"default", "example"})
_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_FORMATS: Final[dict[str, frozenset[str]]] = {
    "string": frozenset({"date-time", "enum"}),
    "number": frozenset({"float", "double"}),
    "integer": frozenset({"int32", "int64"}),
}
_SILENT: Final = frozenset({"$schema", "$id", "$anchor", "$defs", "definitions"})
"""Book-keeping of the schema itself: of no use once every reference is copied in place."""

Refs = tuple[str, ...]


class Lowering:
    """JSON Schema to the OpenAPI subset. `lost` gathers the keywords that it has no word for."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0
        self.lost: list[str] = []
        self.left_out: list[str] = []

    def node(self, schema: Any, depth: int = 0, open_refs: Refs = ()) -> dict[str, Any]:
        """`schema` lowered. `open_refs` are the references being copied just now: meeting one again is recursion."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            self.lost.append("depth")
            return {}
        if not isinstance(schema, Mapping):
            self.lost.append(f"schema {schema!r}" if isinstance(schema, bool) else "schema")
            return {}
        flat, open_refs = self._flattened(schema, open_refs)
        said = flat.get("type")
        kinds = [kind for kind in said if _is_type(kind)] if isinstance(said, list | tuple) else []
        if len(kinds) > 1:
            return self._split(flat, kinds, depth, open_refs)
        return self._keywords(flat, depth, open_refs)

    def rooted(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """`schema` with a reference at its root replaced: the API wants to see an object there."""
        return self._resolved(schema, ())[0]

    def _flattened(self, schema: Mapping[str, Any], open_refs: Refs) -> tuple[dict[str, Any], Refs]:
        """`schema` without `$ref`, `allOf`, `oneOf` and null types, as far as each can be merged in."""
        flat: dict[str, Any] = dict(schema)
        for _ in range(MAX_DEPTH):
            flat, open_refs = self._resolved(flat, open_refs)
            flat, open_refs = self._united(flat, open_refs)
            flat = self._without_null(flat)
            variants = flat.get("anyOf")
            if not (isinstance(variants, list) and len(variants) == 1 and isinstance(variants[0], Mapping)):
                break
            del flat["anyOf"]
            self._join(flat, variants[0])
        return flat, open_refs

    def _resolved(self, schema: Mapping[str, Any], open_refs: Refs) -> tuple[dict[str, Any], Refs]:
        """`schema` with its reference replaced by what it names."""
        flat = dict(schema)
        while isinstance(reference := flat.pop("$ref", None), str):
            target = None if reference in open_refs else self._target(reference)
            if target is None:
                self.lost.append("$ref")
                name = reference.rsplit("/", 1)[-1]
                return {"type": "object", "description": f"A nested {name}.", **flat}, open_refs
            open_refs = (*open_refs, reference)
            self._join(flat, target)
        return flat, open_refs

    def _target(self, reference: str) -> Mapping[str, Any] | None:
        """The subschema that a local JSON pointer (`#/$defs/Name`) names."""
        if not reference.startswith("#"):
            return None
        found: Any = self._root
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and step in found:
                found = found[step]
            elif isinstance(found, list | tuple) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return None
        return found if isinstance(found, Mapping) else None

    def _united(self, flat: dict[str, Any], open_refs: Refs) -> tuple[dict[str, Any], Refs]:
        """`flat` with its `allOf` merged into it."""
        members = flat.pop("allOf", None)
        if not isinstance(members, list | tuple):
            return flat, open_refs
        for member in members:
            if not isinstance(member, Mapping):
                self.lost.append("allOf")
                continue
            part, open_refs = self._resolved(member, open_refs)
            if part.pop("allOf", None):
                self.lost.append("allOf")
            self._join(flat, part)
        return flat, open_refs

    def _join(self, flat: dict[str, Any], other: Mapping[str, Any]) -> None:
        """Make `flat` say both. Where they contradict each other `flat` prevails, and the keyword is entered."""
        for keyword, value in other.items():
            old = flat.get(keyword)
            match keyword:
                case _ if keyword not in flat:
                    flat[keyword] = value
                case "properties" if isinstance(old, Mapping) and isinstance(value, Mapping):
                    flat[keyword] = {**old, **{name: each for name, each in value.items() if name not in old}}
                    if any(old[name] != each for name, each in value.items() if name in old):
                        self.lost.append(keyword)
                case "required" if _is_names(old) and _is_names(value):
                    flat[keyword] = list(dict.fromkeys([*flat[keyword], *value]))
                case "description" if isinstance(old, str) and isinstance(value, str):
                    flat[keyword] = old if value in old else f"{old}\n{value}"
                case _ if old != value:
                    self.lost.append(keyword)

    def _without_null(self, flat: dict[str, Any]) -> dict[str, Any]:
        """`flat` with its unions as one `anyOf`, and with "or null" said by `nullable`."""
        if "oneOf" in flat:
            if "anyOf" in flat:
                self.lost.append("oneOf")
                del flat["oneOf"]
            else:
                flat = {("anyOf" if keyword == "oneOf" else keyword): value for keyword, value in flat.items()}
        variants = flat.get("anyOf")
        if isinstance(variants, list | tuple):
            rest = [variant for variant in variants if not (isinstance(variant, Mapping) and _is_null(variant))]
            if len(rest) < len(variants):
                flat["nullable"] = True
            flat["anyOf"] = rest
        kinds = flat.get("type")
        if (
            isinstance(kinds, list | tuple)
            and "null" in kinds
            and (others := [kind for kind in kinds if kind != "null"])
        ):
            flat["nullable"] = True
            flat["type"] = others
        return flat

    def _split(self, flat: dict[str, Any], kinds: Any, depth: int, open_refs: Refs) -> dict[str, Any]:
        """A choice of types as a choice of schemas, each with the keywords that concern its type."""
        shared: dict[str, Any] = {}
        for keyword, sort in (("title", str), ("description", str), ("nullable", bool)):
            if isinstance(flat.get(keyword), sort):
                shared[keyword] = flat.pop(keyword)
        flat.pop("type")
        if "anyOf" in flat:
            self.lost.append("type")
        variants = [
            {"type": kind, **{k: v for k, v in flat.items() if k != "anyOf" and _concerns(k, kind)}} for kind in kinds
        ]
        return {**shared, "anyOf": [self.node(variant, depth + 1, open_refs) for variant in variants]}

    def _keywords(self, flat: dict[str, Any], depth: int, open_refs: Refs) -> dict[str, Any]:
        out: dict[str, Any] = {}
        told: dict[str, Any] = {}
        kind = _kind(flat)
        if kind is not None:
            out["type"] = kind
        elif "anyOf" not in flat:
            self.lost.append("type")
        for keyword, value in flat.items():
            if keyword in _SILENT or keyword == "type":
                if isinstance(value, str) and keyword != "type":
                    self.left_out.append(keyword)
                continue
            if not self._keyword(out, keyword, value, kind, depth, open_refs):
                told[keyword] = value
        if "required" in out:
            named = [name for name in out["required"] if name in out.get("properties", {})]
            if len(named) < len(out["required"]):
                self.lost.append("required")
            out["required"] = named
            if not named:
                del out["required"]
        if (kind == "object" and not out.get("properties")) or (kind == "array" and "items" not in out):
            self.lost.append(kind)
        if told:
            self.lost.extend(told)
            out["description"] = _with_note(out.get("description"), told)
        return out

    def _keyword(
        self, out: dict[str, Any], keyword: str, value: Any, kind: str | None, depth: int, open_refs: Refs
    ) -> bool:
        """Say one keyword; False when it can't be said."""
        match keyword:
            case "properties" if isinstance(value, Mapping):
                out["properties"] = {name: self.node(each, depth + 1, open_refs) for name, each in value.items()}
                if len(value) > 1:
                    out.setdefault("propertyOrdering", list(value))
                return True
            case "propertyOrdering" | "required" if _is_names(value):
                out[keyword] = list(value)
                return True
            case "items" if isinstance(value, Mapping):
                out["items"] = self.node(value, depth + 1, open_refs)
                return True
            case "anyOf" if isinstance(value, list | tuple) and value:
                out["anyOf"] = [self.node(variant, depth + 1, open_refs) for variant in value]
                return True
            case "enum" if isinstance(value, list | tuple) and kind in (None, "string"):
                return _say_enum(out, value)
            case "const" if isinstance(value, str) and "enum" not in out:
                return _say_enum(out, [value])
            case "nullable" if isinstance(value, bool):
                out["nullable"] = value
                return True
            case "format" if kind is not None and isinstance(value, str) and value in _FORMATS.get(kind, ()):
                out["format"] = value
                return True
        return _say_scalar(out, keyword, value)


def _say_scalar(out: dict[str, Any], keyword: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = (
        (keyword in _STRINGS and isinstance(value, str))
        or (keyword in _NUMBERS and number)
        or (keyword in _COUNTS and isinstance(value, int) and number)
        or keyword in _ANY
    )
    if fits:
        out[keyword] = value
    return fits


def _say_enum(out: dict[str, Any], values: Any) -> bool:
    words = [value for value in values if value is not None]
    if not words or not all(isinstance(word, str) and word for word in words):
        return False
    out["type"] = "string"
    out["enum"] = words
    if len(words) < len(values):
        out["nullable"] = True
    return True


def _kind(flat: Mapping[str, Any]) -> str | None:
    """The one type of a schema: as said, or as its keywords give away."""
    said = flat.get("type")
    if isinstance(said, list | tuple) and len(said) == 1:
        said = said[0]
    if isinstance(said, str):
        return said.lower() if _is_type(said) else None
    if "anyOf" in flat:
        return None
    if "properties" in flat:
        return "object"
    if "items" in flat:
        return "array"
    enum = flat.get("enum")
    words = [word for word in enum if word is not None] if isinstance(enum, list | tuple) else [flat.get("const")]
    return "string" if words and _is_names(words) else None


def _is_type(word: Any) -> bool:
    return isinstance(word, str) and word.lower() in _TYPES


def _is_null(schema: Mapping[str, Any]) -> bool:
    """Whether `schema` says "null" and no more than that."""
    return schema in ({"type": "null"}, {"const": None}, {"enum": [None]}, {"type": "null", "const": None})


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def _concerns(keyword: str, kind: str) -> bool:
    """Whether a keyword that is bound to a type is bound to `kind`. Others concern every type."""
    bound = {
        "number": (*_NUMBERS, "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "object": (
            "properties",
            "required",
            "propertyOrdering",
            "additionalProperties",
            "minProperties",
            "maxProperties",
        ),
        "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
        "string": ("pattern", "minLength", "maxLength", "format"),
    }
    kind = "number" if kind == "integer" else kind
    return not any(keyword in words and kind != owner for owner, words in bound.items())


def _with_note(description: str | None, told: Mapping[str, Any]) -> str:
    """`description` followed by the keywords that the subset lacks, as JSON, for the model to read."""
    try:
        note = "JSON Schema: " + msgspec.json.encode(told).decode()
    except (TypeError, ValueError, RecursionError):
        note = "JSON Schema keywords: " + ", ".join(told)
    return f"{description}\n{note}" if description else note
