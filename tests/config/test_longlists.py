import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uni_api.config import longlists, source
from uni_api.config.findings import Findings, Place
from uni_api.config.load import loads
from uni_api.config.source import Node, Scalar, Sequence

FEW = 3


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longlists, "LONG", FEW)


def outline(node: Node | None) -> object:
    """A node with its places, to be compared."""
    match node:
        case None:
            return None
        case Scalar():
            return (node.place, node.text, node.plain)
        case Sequence():
            return (node.place, [outline(each) for each in node.items])
        case _:
            return (node.place, [(outline(key), outline(value)) for key, value in node.entries])


def read(text: str) -> tuple[object, tuple[str, ...]]:
    findings = Findings("api.yaml")
    return outline(source.read(text.encode(), findings)), findings.problems


def read_whole(text: str) -> tuple[object, tuple[str, ...]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longlists, "LONG", 10**9)
        return read(text)


def is_shortened(text: str) -> bool:
    """Whether something is taken out of the text, and put back."""
    shorter = longlists.shortened(text)
    if shorter is None:
        return False
    assert len(shorter.text) < len(text)
    builder = source._build(shorter.text, shorter)
    return not shorter.lists and not builder.problems


BLOCK = "api:\n  - one\n  - two\n  - three\n  - four\nmodel: [m]\n"

SHORTENED = [
    BLOCK,
    BLOCK.replace("\n", "\r\n"),
    BLOCK.replace("  -", "-"),
    BLOCK.replace("- t", "-   t"),
    BLOCK.replace("two", '"t: #w,o"').replace("three", "'3'").replace("one", "'o'"),
    BLOCK.replace("two", "null").replace("three", "007").replace("one", "true"),
    BLOCK + "more:\n" + BLOCK.replace("\n", "\n  ").rstrip(" ").replace("api", "  api"),
    BLOCK.replace("three", "three\n    goes on"),
    "[one, two, three, four, five]",
    "api: [one, two, three, four, five]\nmodel: [m]  # after\n",
    "api: ['one', \"two\", three,\n   four, five,\n   ]\nmodel: m\n",
    "{a: [one, two, three, four], b: c, d: [5, 6, 7, 8]}\n",
    json.dumps({"api": ["one", "two", "three", "four", "five"], "model": ["m"]}),
    json.dumps({"api": ["one", "two", "three", "four", "five"], "model": ["m"]}, indent=2),
    "x: \u2028é\napi: [one, two, three, four, five]\nmodel: é\n",
]

LEFT_ALONE = [
    "a: |\n  - one\n  - two\n  - three\n  - four\nb: c\n",
    "a: >\n  [one, two, three, four, five]\nb: c\n",
    'a: "text\n  - one\n  - two\n  - three\n  - four"\n',
    "a: text\n  - one\n  - two\n  - three\n  - four\n",
    "a: one, two, three, four, five\n",
    "{one, two, three, four, five}\n",
    "[a: one, two, three, four, five]\n",
    "a: [\n  - one\n  - two\n  - three\n  - four\n  ]\n",
    "- one, two, three, four, five\n",
    "# one, two, three, four, five\na: b\n",
    BLOCK + "api: twice\n",
    BLOCK + "  bad\n indent: [\n",
    "- 'a, b, c, d, e'\n- 'a, b, c, d, e'\n- 'a, b, c, d, e'\n- f\n",
    "a: one, two, three, four\n" + BLOCK,
]


@pytest.mark.parametrize("text", SHORTENED)
def test_a_long_list_reads_as_if_it_were_parsed(text: str) -> None:
    assert is_shortened(text)
    found, problems = read(text)
    assert (found, problems) == read_whole(text)
    assert not problems


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_a_list_reads_as_it_did(text: str) -> None:
    assert not is_shortened(text)
    assert read(text) == read_whole(text)


LINES = st.sampled_from(
    [
        *(
            "- one",
            "- two",
            "  - one",
            "  - two",
            '  - "x"',
            "  - 'y'",
            "a: |",
            "b:",
            "c: [",
            "]",
            "one, two,",
            "'q', ",
        ),
        *('"z",', "{", "}", "", "# note", "- - one", "d: >", "    - deep", '"', "- [one, two, three, four]", "- e: f"),
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(LINES, max_size=14))
def test_any_text_reads_as_it_did(lines: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longlists, "LONG", 2)
        found = read("\n".join(lines))
    assert found == read_whole("\n".join(lines))


def test_places_are_those_of_the_whole_text() -> None:
    shorter = longlists.shortened(BLOCK)
    assert shorter is not None
    assert shorter.text == "api:\n  - one\n  - four\nmodel: [m]\n"
    assert shorter.place(shorter.text.index("one")) == Place(2, 5)
    assert shorter.place(shorter.text.index("four")) == Place(5, 5)
    assert shorter.place(shorter.text.index("m]")) == Place(6, 9)


def test_aliases_and_the_number_of_values_count_what_was_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a [one, two, three, four, five]\nb: *a\n"
    assert is_shortened(text)
    assert read(text) == read_whole(text)
    monkeypatch.setattr(source, "MAX_NODES", 7)
    assert read(text) == read_whole(text)
    assert "more than 7 values" in read(text)[1][0]


def test_a_hundred_thousand_keys_start_within_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longlists, "LONG", 500)
    keys = [f"sk-{number:06}-abcdefghijklmnopqrstuvwxyz0123456789" for number in range(100_000)]
    block = "providers:\n- provider: p\n  base_url: https://a.test/v1\n  api:\n" + "".join(
        f"  - {key}\n" for key in keys
    )
    begun = time.perf_counter()
    plan = loads(f"{block}  model: [m]\napi_keys: [{{api: sk-client}}]\n".encode(), environ={})
    assert time.perf_counter() - begun < 2
    assert [door.key.reveal() for door in plan.channels[0].doors if door.key is not None] == keys
