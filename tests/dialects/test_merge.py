from typing import Any

import pytest

from uni_api.dialects.merge import merged


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "deep": {"x": 1}}, {"b": 2, "deep": {"y": 2}}, {"a": 1, "b": 2, "deep": {"x": 1, "y": 2}}),
        ({"a": {"x": 1}}, {"a": 3}, {"a": 3}),
        ({"a": 3}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        (None, {"a": 1}, {"a": 1}),
        ({"a": 1}, None, None),
        ([1], [2], [2]),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
    ],
)
def test_mappings_are_merged_and_anything_else_is_replaced(old: Any, new: Any, expected: Any) -> None:
    assert merged(old, new) == expected


def test_neither_side_is_changed() -> None:
    old, new = {"deep": {"x": 1}}, {"deep": {"y": 2}}
    merged(old, new)
    assert (old, new) == ({"deep": {"x": 1}}, {"deep": {"y": 2}})
