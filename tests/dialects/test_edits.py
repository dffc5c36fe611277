"""Changes to top-level fields: their order, raw values, and one after the other."""

from typing import Any

import msgspec
import pytest

from uni_api.dialects.edits import NO_EDITS, Edits

_encode = msgspec.json.Encoder().encode


@pytest.mark.parametrize(
    ("edits", "before", "after"),
    [
        (NO_EDITS, {"a": 1}, {"a": 1}),
        (Edits(rename={"a": "b"}), {"a": 1}, {"b": 1}),
        (Edits(rename={"a": "b"}), {"a": 1, "b": 2}, {"b": 2}),
        (Edits(rename={"a": "b"}), {"c": 1}, {"c": 1}),
        (Edits(refuse=frozenset({"a"}), drop=frozenset({"b"})), {"a": 1, "b": 2, "c": 3}, {"c": 3}),
        (Edits(without_nulls=True), {"a": None, "b": 0, "c": ""}, {"b": 0, "c": ""}),
        (Edits(default={"a": 1, "b": 2}), {"a": None}, {"a": None, "b": 2}),
        (Edits(without_nulls=True, default={"a": 1}), {"a": None}, {"a": 1}),
        (Edits(set={"a": {"x": 1}}), {"a": {"x": 0, "y": 2}}, {"a": {"x": 1, "y": 2}}),
        (Edits(set={"a": {"x": 1}}), {"a": 5}, {"a": {"x": 1}}),
        (Edits(set={"a": None}), {"a": 5}, {"a": None}),
    ],
)
def test_fields_are_changed_in_order(edits: Edits, before: dict[str, Any], after: dict[str, Any]) -> None:
    decoded = dict(before)
    edits.apply(decoded)
    assert decoded == after

    raw = {name: msgspec.Raw(_encode(value)) for name, value in before.items()}
    edits.apply(
        raw,
        read=msgspec.json.decode,
        write=lambda value: msgspec.Raw(_encode(value)),
        null=msgspec.Raw(b"null"),
    )
    assert msgspec.json.decode(_encode(raw)) == after


def test_values_that_are_not_changed_keep_their_bytes() -> None:
    fields = msgspec.json.decode(b'{"old": 1e400, "b" : [ 2.50 ]}', type=dict[str, msgspec.Raw])
    Edits(rename={"old": "new"}, without_nulls=True).apply(fields, null=msgspec.Raw(b"null"))
    assert _encode(fields) == b'{"b":[ 2.50 ],"new":1e400}'


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (Edits(set={"a": 1}), Edits(set={"a": 2}), Edits(set={"a": 2})),
        (Edits(set={"a": {"x": 1}}), Edits(set={"a": {"y": 2}}), Edits(set={"a": {"x": 1, "y": 2}})),
        (Edits(set={"a": 1}), Edits(drop=frozenset({"a"})), Edits(drop=frozenset({"a"}))),
        (Edits(drop=frozenset({"a"})), Edits(set={"a": 1}), Edits(set={"a": 1})),
        (Edits(refuse=frozenset({"a"})), Edits(set={"a": 1}), Edits(set={"a": 1})),
        (Edits(rename={"a": "b"}), Edits(without_nulls=True), Edits(rename={"a": "b"}, without_nulls=True)),
        (Edits(default={"a": 1}), Edits(default={"a": 2}), Edits(default={"a": 2})),
    ],
)
def test_the_later_word_counts(first: Edits, second: Edits, both: Edits) -> None:
    assert first.then(second) == both
