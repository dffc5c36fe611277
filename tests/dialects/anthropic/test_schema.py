import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.canon import Losses, Request, Shape, Text, Tool, Turn
from uni_api.dialects.anthropic import write_request

SONNET = "claude-sonnet-4-5"


def enforced(schema: dict[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The schema as it is enforced, None when it can't be, and the paths of what is lost."""
    losses = Losses()
    request = Request(
        model=SONNET,
        turns=(Turn(role="user", parts=(Text(text="Hi."),)),),
        shape=Shape(kind="schema", schema=schema),
    )
    body = write_request(request, losses)
    return body.get("output_config", {}).get("format", {}).get("schema"), [loss.path for loss in losses.items]


def offered(schema: dict[str, Any], *, strict: bool = False) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    request = Request(model=SONNET, turns=(), tools=(Tool(name="t", schema=schema, strict=strict),))
    tool = write_request(request, losses)["tools"][0]
    assert tool.get("strict", False) is strict or "tools[0].strict" in [loss.path for loss in losses.items]
    return tool["input_schema"], [loss.path for loss in losses.items if loss.path != "turns"]


def test_what_is_not_enforced_is_said() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "A person.",
        "properties": {
            "name": {"type": "string", "minLength": 1, "pattern": "^[A-Z]", "description": "Given name."},
            "born": {"type": "string", "format": "date"},
            "phone": {"type": "string", "format": "phone"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
            "pair": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "either": {"oneOf": [{"type": "string"}, {"type": "null"}]},
            "kind": {"enum": ["a", "b"], "default": "a"},
        },
        "required": ["name"],
    }
    lowered, lost = enforced(schema)
    assert lowered == {
        "type": "object",
        "description": "A person.",
        "properties": {
            "name": {"type": "string", "description": 'Given name.\n\n{"minLength":1,"pattern":"^[A-Z]"}'},
            "born": {"type": "string", "format": "date"},
            "phone": {"type": "string", "description": '{"format":"phone"}'},
            "tags": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": '{"maxItems":3}',
            },
            "pair": {"type": "array", "items": {"type": "integer"}, "description": '{"minItems":2}'},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "kind": {"enum": ["a", "b"], "default": "a"},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    assert list(lowered["properties"]) == list(schema["properties"])
    assert lost == [
        f"shape.schema.properties.{place}"
        for place in ("name.minLength", "name.pattern", "phone.format", "tags.maxItems", "pair.minItems")
    ]
    jsonschema.Draft202012Validator.check_schema(lowered)


def test_definitions_are_kept_and_closed() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "integer"}}}
    lowered, lost = enforced(
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/In"}, "b": {"$ref": "#/$defs/In"}},
            "$defs": {"In": inner},
        }
    )
    assert lowered is not None
    assert lowered["$defs"]["In"] == inner | {"additionalProperties": False}
    assert lost == []


def test_definitions_may_use_each_other() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {
            "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}, "c": {"$ref": "#/$defs/C"}}},
            "B": {"type": "array", "items": {"$ref": "#/$defs/C"}},
            "C": {"type": "string"},
        },
    }
    lowered, lost = enforced(schema)
    assert lowered is not None
    assert list(lowered["$defs"]) == ["A", "B", "C"]
    assert lost == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "integer"}}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/N"}}, "$defs": {"N": {"$ref": "#/$defs/N"}}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"$ref": "https://example.org/schema"}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": [1]},
        {"anyOf": {"type": "string"}},
        {"$defs": 3, "type": "object", "properties": {}},
    ],
)
def test_what_can_not_be_enforced_is_asked_for(schema: dict[str, Any]) -> None:
    assert enforced(schema) == (None, ["shape"])
    assert offered(schema, strict=True)[1][0] == "tools[0].strict"


def test_other_tools_keep_their_schema_to_the_letter() -> None:
    schema = {
        "type": "object",
        "properties": {"z": {"$ref": "#/$defs/z"}, "a": {"type": "object", "additionalProperties": True}},
        "required": ["z"],
        "$defs": {"z": {"type": "string", "maxLength": 3}},
        "additionalProperties": False,
    }
    assert offered(schema) == (schema, [])


def test_alternatives_at_the_top_of_a_tool_are_merged_and_told() -> None:
    variants = [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "object", "properties": {"b": {"type": "string"}}},
    ]
    merged, lost = offered({"anyOf": variants})
    assert merged["type"] == "object"
    assert list(merged["properties"]) == ["b", "a"]
    assert '"required":["a"]' in merged["description"]
    assert "anyOf" not in merged
    assert lost == ["tools[0].schema.anyOf"]


def test_arguments_that_are_no_object_become_a_field() -> None:
    assert offered({"type": "string"}) == (
        {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
        ["tools[0].schema"],
    )
    assert offered({"type": ["object", "null"], "properties": {}})[0] == {"type": "object", "properties": {}}


WORDS = (
    "type",
    "properties",
    "items",
    "anyOf",
    "$ref",
    "$defs",
    "enum",
    "format",
    "required",
    "description",
    "minItems",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["object", "string", "#/$defs/type", "x", "date"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6), st.booleans())
def test_no_schema_raises(schema: dict[str, Any], strict: bool) -> None:
    json.dumps(enforced(schema))
    assert isinstance(offered(schema, strict=strict)[0], dict)


def test_a_very_deep_schema_raises_nothing() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(800):
        schema = {"type": "array", "items": schema}
    assert enforced(schema)[1] in ([], ["shape"])
