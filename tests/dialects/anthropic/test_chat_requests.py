"""Recorded and rich chat requests as bodies of this dialect: valid, and still saying what the client said."""

from typing import Any

import pytest

from tests.cassettes.records import needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import Said, excused, leaves
from tests.cassettes.typed import anthropic_problems
from uni_api.canon import Losses, keep_realm
from uni_api.dialects import anthropic, openai_chat

MODELS = ("claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-fable-5-1")


def problems(chat: dict[str, Any], model: str) -> list[str]:
    losses = Losses()
    request = keep_realm(openai_chat.read_request({**chat, "model": model}), "anthropic", losses)
    body = anthropic.write_request(request, losses)
    said = Said(body)
    silent = [path for path, text in leaves(chat) if not said.holds(text) and not excused(path, losses.summary())]
    return [*anthropic_problems(body), *silent]


@needs_records
@pytest.mark.parametrize("model", MODELS)
def test_recorded_requests(model: str) -> None:
    chats = [one["request_json"] for one in records("openai-chat") if isinstance(one["request_json"], dict)]
    found = [problems(chat, model) for chat in chats if isinstance(chat.get("messages"), list)]
    assert len(found) > 400
    assert [one for one in found if one] == []


@pytest.mark.parametrize("name", RICH)
@pytest.mark.parametrize("model", MODELS)
def test_rich_requests(name: str, model: str) -> None:
    assert problems(RICH[name], model) == []
