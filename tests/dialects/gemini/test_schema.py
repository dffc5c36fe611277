"""JSON Schema lowering: says everything in one of two forms, whatever it is given."""

import copy
import time
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from uni_api.canon import Losses
from uni_api.dialects.gemini._json_schema import MAX_DEPTH
from uni_api.dialects.gemini._schema import write_schema


def openapi(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI form of a schema that it can say in full."""
    written = write_schema(schema, json_schema=True)
    assert not written.native
    assert not written.lost
    types.Schema.model_validate(written.schema)
    return written.schema


def nearest(schema: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The OpenAPI form for a model that takes nothing else."""
    written = write_schema(schema, json_schema=False)
    assert not written.native
    types.Schema.model_validate(written.schema)
    return written.schema, written.lost


def native(schema: dict[str, Any]) -> dict[str, Any]:
    written = write_schema(schema, json_schema=True)
    assert written.native
    assert not written.lost
    return written.schema


def test_a_plain_schema_stays_as_it_is_with_the_order_of_its_properties() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where", "minLength": 2, "pattern": "^[A-Z]"},
            "days": {"type": "integer", "minimum": 1, "maximum": 9, "format": "int32"},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 3},
        },
        "required": ["city"],
    }
    assert openapi(schema) == {**schema, "propertyOrdering": ["city", "days", "tags"]}


def test_properties_named_like_keywords_are_properties() -> None:
    names = ["type", "format", "default", "enum", "$ref", "anyOf", "additionalProperties", "properties", "items"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert openapi(schema)["properties"] == schema["properties"]


@pytest.mark.parametrize(
    ("said", "lowered"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "integer", "nullable": True}),
        ({"const": "fixed"}, {"type": "string", "enum": ["fixed"]}),
        ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
        ({"type": "STRING"}, {"type": "string"}),
        (
            {"oneOf": [{"type": "string"}, {"type": "number"}], "description": "either"},
            {"anyOf": [{"type": "string"}, {"type": "number"}], "description": "either"},
        ),
        (
            {"type": ["string", "integer"], "minLength": 3, "minimum": 2},
            {"anyOf": [{"type": "string", "minLength": 3}, {"type": "integer", "minimum": 2}]},
        ),
        (
            {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                       {"properties": {"b": {"type": "string"}}, "required": ["b"]}]},
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
             "propertyOrdering": ["a", "b"], "required": ["a", "b"]},
        ),
        (
            {"$ref": "#/$defs/P", "description": "the one", "$defs": {"P": {"type": "string", "description": "any"}}},
            {"type": "string", "description": "the one\nany"},
        ),
    ],
)  # fmt: skip
def test_what_has_another_spelling_in_the_subset(said: dict[str, Any], lowered: dict[str, Any]) -> None:
    assert openapi(said) == lowered


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {"enum": [1, 2]}}},
        {"type": "object", "properties": {"a": {"type": "string", "format": "uuid"}}},
        {"type": "object", "properties": {"a": {"type": "number", "exclusiveMinimum": 0}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object"},
        {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}},
    ],
)
def test_what_the_subset_lacks_goes_as_json_schema_untouched(schema: dict[str, Any]) -> None:
    assert native(schema) == schema


def test_json_schema_is_spelt_as_the_api_heeds_it() -> None:
    schema = {
        "type": "object",
        "definitions": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/Node"}}}},
        "properties": {"kind": {"const": "k"}, "node": {"$ref": "#/definitions/Node", "description": "first"}},
        "additionalProperties": False,
    }
    assert native(schema) == {
        "type": "object",
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
        "properties": {
            "kind": {"enum": ["k"]},
            "node": {"anyOf": [{"$ref": "#/$defs/Node"}], "description": "first"},
        },
        "additionalProperties": False,
    }


def test_a_reference_at_the_root_is_replaced() -> None:
    schema = {"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}}}}
    assert native(schema)["type"] == "object"
    assert native(schema)["properties"] == {"n": {"$ref": "#/$defs/N"}}


def test_a_model_without_json_schema_is_told_the_rest_in_words() -> None:
    schema, lost = nearest({"type": "number", "description": "A share.", "exclusiveMinimum": 0})
    assert schema == {"type": "number", "description": 'A share.\nJSON Schema: {"exclusiveMinimum":0}'}
    assert lost == ("exclusiveMinimum",)


def test_recursion_ends_and_is_entered() -> None:
    schema, lost = nearest(
        {
            "$ref": "#/$defs/Node",
            "$defs": {
                "Node": {
                    "type": "object",
                    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
                }
            },
        }
    )
    assert schema["properties"]["next"] == {"type": "object", "nullable": True, "description": "A nested Node."}
    assert "$ref" in lost


@pytest.mark.parametrize("json_schema", [True, False])
def test_depth_and_bombs_are_bounded(json_schema: bool) -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(10_000):
        deep = {"type": "object", "properties": {"a": deep}}
    bomb = {f"D{n}": {"type": "object", "properties": {s: {"$ref": f"#/$defs/D{n + 1}"} for s in "lr"}}
            for n in range(40)}  # fmt: skip
    start = time.process_time()
    assert write_schema(deep, json_schema=json_schema).lost == ("depth",)
    write_schema({"$ref": "#/$defs/D0", "$defs": {**bomb, "D40": {"type": "string"}}}, json_schema=json_schema)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "defs",
    [
        {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        {"a": {"allOf": [{"$ref": "#/$defs/a"}]}},
        {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}},
        {"a": {"$ref": "https://example.com/schema"}},
        {"a": 5},
    ],
)
def test_broken_references_are_survived(defs: dict[str, Any]) -> None:
    _, lost = nearest({"$ref": "#/$defs/a", "$defs": defs})
    assert "$ref" in lost


keywords = st.sampled_from(
    ["type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "format", "required", "$ref", "$defs",
     "description", "default", "minLength", "maximum", "additionalProperties", "nullable", "not", "pattern"]
)  # fmt: skip
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["string", "object", "null", "#/$defs/a", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keywords, junk, max_size=6), st.booleans())
def test_anything_lowers_to_a_schema_that_the_sdk_takes_and_is_not_touched(
    schema: dict[str, Any], json_schema: bool
) -> None:
    before = copy.deepcopy(schema)
    written = write_schema(schema, json_schema=json_schema)
    assert schema == before
    if not written.native:
        types.Schema.model_validate(written.schema)


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"$ref": "#/$defs/0", "$defs": [{"type": "string", "title": "b"}], "title": "a"}, "title"),
        ({"allOf": [5], "type": "string"}, "allOf"),
        ({"allOf": [{"properties": {"a": {"type": "string"}}}], "properties": {"a": {"type": "null"}}}, "properties"),
        ({"type": ["string", "integer"], "anyOf": [{"type": "string"}, {"type": "integer"}]}, "type"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]}, "required"),
        ({"anyOf": [{"type": "string"}], "oneOf": [{"type": "string"}]}, "oneOf"),
        ({"type": "string", "const": object()}, "const"),
        ({"type": "array", "items": {"$ref": "nowhere"}}, "$ref"),
    ],
)
def test_contradictions_and_nonsense_are_entered(schema: dict[str, Any], keyword: str) -> None:
    assert keyword in nearest(schema)[1]


def test_a_choice_of_types_keeps_its_description() -> None:
    assert openapi({"type": ["string", "number"], "description": "d", "title": "t"}) == {
        "anyOf": [{"type": "string"}, {"type": "number"}],
        "description": "d",
        "title": "t",
    }


def test_names_of_the_schema_itself_are_left_out_in_the_open() -> None:
    losses = Losses()
    written = write_schema({"$schema": "https://json-schema.org/x", "type": "string"}, json_schema=True)
    written.enter(losses, "tools[0].schema")
    assert written.schema == {"type": "string"}
    assert [(loss.path, loss.kind) for loss in losses.items] == [("tools[0].schema", "hint")]


def test_the_depth_limit_is_generous() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(MAX_DEPTH - 1):
        schema = {"type": "array", "items": schema}
    assert openapi(schema) == schema
