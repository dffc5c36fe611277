"""Law 4 on the hand-written pairs: a stream says what the whole reply says."""

import json
from pathlib import Path

import pytest

from tests.dialects.anthropic.frames import REALM, read_bytes
from uni_api.canon import fold
from uni_api.dialects.anthropic import read_reply

CASES = sorted((Path(__file__).parents[2] / "golden" / "anthropic").iterdir())


def test_there_are_cases() -> None:
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_stream_is_batch_at_every_cut(case: Path) -> None:
    whole = read_reply(json.loads((case / "reply.json").read_text(encoding="utf-8")), REALM)
    body = (case / "stream.txt").read_bytes()
    events = read_bytes(body)
    assert fold(events) == whole
    for cut in range(1, len(body)):
        assert read_bytes(body, [cut]) == events
    assert read_bytes(body.replace(b"\n", b"\r\n"), range(1, len(body))) == events
