"""Schemas in the subset that structured outputs take: enforced, said in words, or not sayable."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.canon import Losses
from uni_api.dialects.closed_schema import Unsayable, lower, object_schema


def lowered(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    return lower(schema, "s", losses), [loss.path for loss in losses.items]


def test_what_is_enforced_stays_and_the_rest_is_said() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "Given name."},
            "born": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
            "either": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["name"],
    }
    assert lowered(schema) == (
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": 'Given name.\n\n{"minLength":1}'},
                "born": {"type": "string", "format": "date"},
                "tags": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "description": '{"maxItems":3}',
                },
                "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
        ["s.properties.name.minLength", "s.properties.tags.maxItems"],
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"$ref": "https://elsewhere.example/schema"},
        {"$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
        {"type": "array", "items": [{"type": "string"}]},
        {"type": "object", "properties": ["a"]},
        {"anyOf": {"type": "string"}},
    ],
)
def test_what_has_no_such_form(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsayable):
        lowered(schema)


def test_references_that_end_are_taken() -> None:
    schema = {"$defs": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/b"}
    assert lowered(schema) == (schema, [])


schemas = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer", "boolean"])},
        optional={"description": st.text(max_size=5), "minimum": st.integers(0, 3)},
    ),
    lambda inner: (
        st.builds(
            lambda properties: {"type": "object", "properties": properties},
            st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
        )
        | st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner)
    ),
    max_leaves=6,
)


@given(schemas)
def test_every_object_is_closed_and_the_schema_stays_one(schema: dict[str, Any]) -> None:
    out, _ = lowered(schema)
    jsonschema.Draft202012Validator.check_schema(out)
    stack: list[Any] = [out]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert node["additionalProperties"] is False
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (None, {"type": "object", "properties": {}}),
        ({"properties": None}, {"type": "object", "properties": {}}),
        ({"type": ["object", "null"], "properties": {}}, {"type": "object", "properties": {}}),
        (
            {"type": "string"},
            {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
        ),
        (
            {"anyOf": [{"properties": {"a": {}}}]},
            {"type": "object", "properties": {"a": {}}, "description": '{"anyOf":[{"properties":{"a":{}}}]}'},
        ),
    ],
)
def test_a_tools_schema_is_an_object(schema: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    assert object_schema(schema, "s", Losses()) == wanted
