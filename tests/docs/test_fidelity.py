"""docs/fidelity.md tells where each field of a request goes, and what is lost."""

import json
import re
from typing import Any

import pytest

from tests.docs.pages import code, table
from uni_api.canon import Losses
from uni_api.dialects import registry

PAGE = "docs/fidelity.md"
MODELS = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
ROWS = table(PAGE, "field", "Anthropic", "Gemini")
PLAIN = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8000}

CASES = [
    pytest.param(code(field)[0], back, cell, id=f"{re.sub(r'[^a-z_].*', '', field[2:])}-{back}")
    for field, anthropic, gemini in ROWS
    for back, cell in (("anthropic", anthropic), ("gemini", gemini))
]


@pytest.mark.parametrize(("field", "back", "cell"), CASES)
def test_field_goes_where_the_table_says(field: str, back: str, cell: str) -> None:
    with_field: dict[str, Any] = json.loads(f"{{{field}}}")
    before, lost_before = _written(back, {})
    after, lost = _written(back, with_field)
    new = lost - lost_before
    if place := code(cell):
        assert _at(after, place[0]) is not None
        assert _at(after, place[0]) != _at(before, place[0])
        assert not {kind for _, kind in new if kind != "hint"}
    else:
        assert cell.removeprefix("loss: ") in {kind for _, kind in new}


def _written(back: str, fields: dict[str, Any]) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """The upstream's body for a plain request with `fields`, and the losses as path and kind."""
    body = PLAIN | {"model": MODELS[back]} | fields
    if "max_completion_tokens" in fields:
        del body["max_tokens"]
    losses = Losses()
    request = registry.front("openai_chat").read_request(body)
    written = registry.back(back).write_request(request, losses)
    return written, {(loss.path, loss.kind) for loss in losses.items}


def _at(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body
