"""docs/errors.md tells the kinds, statuses, codes and verdicts as they are."""

import json
import re
from typing import get_args

from tests.docs.pages import ROOT, blocks, code, table
from tests.gateway import Gateway
from uni_api.errors import DEFAULT_STATUS, Fault, FaultKind
from uni_api.relay.verdict import Verdict, judge

PAGE = "docs/errors.md"
WORDS = {
    Verdict.NEXT_KEY: "next key",
    Verdict.RETRY: "next channel, and again",
    Verdict.NEXT_CHANNEL: "next channel",
    Verdict.REFUSE: "told to the client",
}


def test_kinds_and_their_verdicts() -> None:
    rows = table(PAGE, "kind", "status", "what happens", "meaning")
    told = {code(kind)[0]: (int(status), verdict) for kind, status, verdict, _ in rows}
    assert told == {kind: (DEFAULT_STATUS[kind], WORDS[judge(Fault(kind, ""))]) for kind in get_args(FaultKind)}


def test_codes_of_refusals() -> None:
    rows = table(PAGE, "status", "code", "when")
    told = {name for _, cell, _ in rows for name in code(cell)}
    assert told == _codes()


def _codes() -> set[str]:
    """Every code that the gateway's own refusals carry, in the rooms that refuse."""
    found: set[str] = set()
    for room in ("server", "relay", "accounts", "routing"):
        for module in (ROOT / "src" / "uni_api" / room).glob("*.py"):
            found |= set(re.findall(r'code="(\w+)"', module.read_text()))
    return found


def test_example_is_what_is_answered(demo: Gateway) -> None:
    example = next(block for block in blocks("json") if block.place.startswith(PAGE))
    body = {"model": "no-such-model", "messages": [{"role": "user", "content": "Hello!"}]}
    answer = demo.post(json.dumps(body).encode(), {"Authorization": "Bearer sk-demo"})
    assert answer.status == 404
    assert answer.json() == json.loads(example.text)
