"""JSON Schema in the spellings that the API heeds.

Source: GenerationConfig.responseJsonSchema in ai.google.dev/api/generate-content, read 2026-11-24: the full JSON Schema
may be sent, a listed part of it is heeded (`enum` but not `const`, `$defs` but not `definitions`), and beside `$ref` no
other keyword may stand.
"""

from collections.abc import Mapping
from typing import Any, Final

MAX_DEPTH: Final = 64

_MAPS: Final = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLES: Final = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties"}
)


class Tidying:
    """Copies schemas into those spellings. `cut`: something too deep was left out."""

    def __init__(self) -> None:
        self.cut = False

    def node(self, schema: Any, depth: int = 0) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        if depth > MAX_DEPTH:
            self.cut = True
            return {}
        out: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword == "definitions" and "$defs" not in schema:
                keyword = "$defs"
            out[keyword] = self._value(keyword, value, depth)
        if isinstance(out.get("const"), str | int | float) and not isinstance(out["const"], bool) and "enum" not in out:
            out = {("enum" if keyword == "const" else keyword): value for keyword, value in out.items()}
            out["enum"] = [out["enum"]]
        reference = out.get("$ref")
        if isinstance(reference, str):
            out["$ref"] = reference.replace("#/definitions/", "#/$defs/", 1)
            if any(not keyword.startswith("$") for keyword in out):
                return {"anyOf": [{"$ref": out.pop("$ref")}, *out.pop("anyOf", ())], **out}
        return out

    def _value(self, keyword: str, value: Any, depth: int) -> Any:
        if keyword in _MAPS and isinstance(value, Mapping):
            return {name: self.node(schema, depth + 1) for name, schema in value.items()}
        if isinstance(value, list | tuple) and (keyword in _LISTS or keyword == "items"):
            return [self.node(schema, depth + 1) for schema in value]
        return self.node(value, depth + 1) if keyword in _SINGLES else value
