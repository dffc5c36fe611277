import time

import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan, problems
from uni_api.config import source
from uni_api.config.findings import Findings


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty; write at least providers and api_keys"),
        ("# only a comment\n", "1:1: the file is empty; write at least providers and api_keys"),
        ("- a\n", "1:1: expected a map with providers and api_keys, found a list"),
        ("just text", "1:1: expected a map with providers and api_keys, found text"),
        ("a: b\nc: caf\xe9".encode("latin-1"), "2:7: the file is not UTF-8; save it as UTF-8"),
        (b"\xff\xfea\x00", "1:1: the file is not UTF-8; save it as UTF-8"),
        ("a: x\ny: \x01", "2:4: not valid YAML: a control character; remove it"),
        ("a:\n\tb: 1", "2:1: not valid YAML: a tab can't indent; use spaces"),
        ("a: @x", '1:4: not valid YAML: a value can\'t begin with "@"; put it in quotes'),
        ("a: *", '1:5: not valid YAML: a value that begins with "*" or "&" must stand in quotes'),
        ("a: *b", '1:4: an alias ("*...") without its anchor; quote the value if it begins with "*"'),
        ("a: &a [*a]", "1:8: an alias stands inside the value that it repeats"),
        ("a: !foo x", '1:4: a tag ("!...") means nothing here; quote the value if it begins with "!"'),
        ("a: !foo!bar x", '1:4: not valid YAML: a value that begins with "!" must stand in quotes'),
        ("a: b: c", '1:5: not valid YAML: unexpected ":"; check the indentation, or put the value in quotes'),
        ("a: 'x\nb: 1", "2:5: not valid YAML: a quotation mark is never closed"),
        ("a: [1, 2\nb: 3", "2:2: not valid YAML: a bracket is never closed, or a comma is missing"),
        ('a: "\\q"', '1:6: not valid YAML: a bad "\\" escape in double quotes; use single quotes'),
        ("? [a]\n: b", "1:3: a key must be text, found a list; quote the value if it begins with a bracket"),
        (PROVIDERS + CLIENTS + "---\na: 1", '3:1: more than one document ("---"); keep one'),
        ("<<: 5\n" + PROVIDERS + CLIENTS, '1:5: "<<" merges a map, found a number'),
    ],
)
def test_unreadable_file(text: str | bytes, problem: str) -> None:
    assert problems(text) == (f"api.yaml:{problem}",)


def test_repeated_keys_are_all_told() -> None:
    found = problems(PROVIDERS + CLIENTS + "x-a: {b: 1, b: 2}\nx-a: 3\n")
    assert found == (
        "api.yaml:3:13: this key stands twice in one map; keep one of them",
        "api.yaml:4:1: this key stands twice in one map; keep one of them",
    )


@pytest.mark.parametrize(
    "text",
    [
        "x: " + "[" * 10_000,
        "x: " + "{a: " * 10_000,
        "\n".join(" " * depth + f"k{depth}:" for depth in range(500)),
        "y: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"x{n}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)),
        "x: " + "y" * (50 << 20),
    ],
)
def test_bombs_are_refused_quickly(text: str) -> None:
    before = time.process_time()
    assert len(problems(text)) == 1
    assert time.process_time() - before < 2


def test_mark_at_the_start_is_no_part_of_the_file() -> None:
    assert plan("\ufeff" + PROVIDERS + CLIENTS).channels


def test_merged_keys_stand_behind_own_ones() -> None:
    text = "x-base: &base {provider: openai, api: k1, model: [m]}\nproviders: [{<<: *base, api: k2}]\n" + CLIENTS
    [channel] = plan(text).channels
    assert channel.name == "openai"
    assert [door.key.reveal() for door in channel.doors if door.key] == ["k2"]


def test_merging_a_list_of_maps() -> None:
    text = "x-a: &a {api: k1}\nx-b: &b {api: k2, model: [m]}\nproviders: [{<<: [*a, *b], provider: openai}]\n" + CLIENTS
    [channel] = plan(text).channels
    assert [door.key.reveal() for door in channel.doors if door.key] == ["k1"]
    assert "m" in channel.models


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("off", "off"),
        ("007", 7),
        ("-5", -5),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("2.50", 2.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("15/min", "15/min"),
        ("2026-11-24", "2026-11-24"),
        (".", "."),
        ("9" * 70, "9" * 70),
    ],
)
def test_meaning_of_plain_text(text: str, value: object) -> None:
    found = source.value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_places_count_from_one() -> None:
    root = source.read(b"a: 1\nb:\n  - x\n", Findings("f"))
    assert isinstance(root, source.Mapping)
    [(_, one), (_, items)] = root.entries
    assert one.place == (1, 4)
    assert isinstance(items, source.Sequence)
    assert items.items[0].place == (3, 5)
