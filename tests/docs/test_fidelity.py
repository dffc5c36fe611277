"""docs/fidelity.md tells where each field of a request goes, and what is lost."""

import json
import re
from typing import Any

import pytest

from tests.docs.pages import code, table
from uni_api.canon import Losses
from uni_api.dialects import registry

PAGE = "docs/fidelity.md"
COLUMNS = {
    "anthropic": ("Anthropic", "claude-sonnet-4-5"),
    "gemini": ("Gemini", "gemini-2.5-flash"),
    "openai_responses": ("Responses", "gpt-5.1"),
    "converse": ("Converse", "us.amazon.nova-lite-v1:0"),
    "cohere": ("Cohere", "command-a-reasoning-08-2025"),
    "ollama": ("Ollama", "gpt-oss:20b"),
    "workers_ai": ("Workers AI", "@cf/meta/llama-3.3-70b-instruct-fp8-fast"),
}
TABLES = [("anthropic", "gemini"), ("openai_responses", "converse", "cohere", "ollama", "workers_ai")]
PLAIN = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8000}

CASES = [
    pytest.param(code(field)[0], back, cell, id=f"{re.sub(r'[^a-z_].*', '', field[2:])}-{back}")
    for backs in TABLES
    for field, *cells in table(PAGE, "field", *(COLUMNS[back][0] for back in backs))
    for back, cell in zip(backs, cells, strict=True)
]


def test_every_format_has_a_column() -> None:
    same = {"openai_chat", "gemini_vertex"}  # the client's own, and Gemini's with other ids
    assert set(COLUMNS) == set(registry.BACKS) - same


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
    body = PLAIN | {"model": COLUMNS[back][1]} | fields
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
