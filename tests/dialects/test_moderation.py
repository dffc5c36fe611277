"""Questions to moderation models and their answers."""

import json
from typing import Any

import pytest

from tests.cassettes.records import FOLDER, needs_records
from uni_api.dialects.moderation import LONGEST, MODELS, OVERLAP, Flags, read_reply, write_request
from uni_api.errors import Fault


def said(*results: Any) -> bytes:
    return json.dumps({"id": "modr-1", "model": MODELS[0], "results": list(results)}).encode()


def test_a_text_is_asked_about_as_it_is() -> None:
    assert write_request("mod", "a\nb") == {"model": "mod", "input": "a\nb"}


def test_a_long_text_is_cut_into_pieces_that_overlap() -> None:
    text = "".join(chr(97 + index % 26) for index in range(2 * LONGEST + 5))
    pieces = write_request("mod", text)["input"]
    assert max(map(len, pieces)) == LONGEST
    assert pieces[0] + "".join(piece[OVERLAP:] for piece in pieces[1:]) == text


@pytest.mark.parametrize(
    ("results", "flags"),
    [
        ([{"flagged": False}], Flags(False)),
        ([{"flagged": False, "categories": {"hate": False}}], Flags(False)),
        ([{"flagged": True}], Flags(True)),
        (
            [{"flagged": False}, {"flagged": True, "categories": {"hate": True, "sexual": False}}],
            Flags(True, ("hate",)),
        ),
        ([{"flagged": True, "categories": {"illicit": None, "hate": True}}], Flags(True, ("hate",))),
    ],
)
def test_any_result_counts(results: list[Any], flags: Flags) -> None:
    assert read_reply(said(*results)) == flags


@pytest.mark.parametrize("body", [b"", b"null", b"{}", said(), said({}), said({"flagged": "no"}), b"\xff", b"[" * 9999])
def test_what_says_nothing_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_reply(body)
    assert caught.value.kind == "protocol"


@needs_records
def test_recorded_answers() -> None:
    records = [json.loads(line) for line in (FOLDER / "moderations.jsonl").read_text().splitlines()]
    bodies = [one["response_body"].encode() for one in records if one["status"] == 200]
    flagged = [body for body in bodies if b'"flagged": true' in body or b'"flagged":true' in body]
    assert flagged and len(flagged) < len(bodies)
    for body in bodies:
        flags = read_reply(body)
        named = {name for each in json.loads(body)["results"] for name, is_so in each["categories"].items() if is_so}
        assert (flags.flagged, set(flags.categories)) == (body in flagged, named)
