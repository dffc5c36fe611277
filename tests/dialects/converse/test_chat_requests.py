"""Recorded and rich chat requests as bodies of this dialect: valid, and still saying what the client said."""

from typing import Any

import pytest

from tests.cassettes.records import needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import KNOBS, Said, excused, knobs, leaves
from tests.dialects.converse.service import problems
from uni_api.canon import Losses, keep_realm
from uni_api.dialects import converse, openai_chat

MODELS = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-opus-4-8",
    "us.amazon.nova-2-lite-v1:0",
    "amazon.nova-pro-v1:0",
    "openai.gpt-oss-120b-1:0",
    "meta.llama3-2-1b-instruct-v1:0",
    "us.deepseek.r1-v1:0",
)

_SPELT = {
    "max_tokens": ("maxTokens",),
    "max_completion_tokens": ("maxTokens",),
    "reasoning_effort": ("reasoningConfig", "reasoning_config", "reasoning_effort"),
    "response_format": ("outputConfig",),
}


def found(chat: dict[str, Any], model: str, tally: list[int]) -> list[str]:
    losses = Losses()
    request = keep_realm(openai_chat.read_request({**chat, "model": model}), "aws", losses)
    body = converse.write_request(request, losses)
    said, line = Said(body), losses.summary()
    silent = []
    for path, text in leaves(chat):
        held = said.holds(text)
        tally[0] += held
        tally[1] += 1
        if not held and not excused(path, line):
            silent.append(path)
    for name in knobs(chat):
        words = (*KNOBS[name], *_SPELT.get(name, ()))
        if not any(said.names(word) for word in words) and not any(word in line for word in words):
            silent.append(name)
    return [*problems(body), *silent]


@needs_records
@pytest.mark.parametrize("model", MODELS)
def test_recorded_requests(model: str) -> None:
    chats = [one["request_json"] for one in records("openai-chat") if isinstance(one["request_json"], dict)]
    tally = [0, 0]
    every = [found(chat, model, tally) for chat in chats if isinstance(chat.get("messages"), list)]
    assert len(every) > 400
    assert [one for one in every if one] == []
    if model != "us.deepseek.r1-v1:0":  # It takes no tools.
        assert tally[0] >= 0.98 * tally[1], tally
    print(f"{model}: {tally[0]}/{tally[1]}")


@pytest.mark.parametrize("name", RICH)
@pytest.mark.parametrize("model", MODELS)
def test_rich_requests(name: str, model: str) -> None:
    assert found(RICH[name], model, [0, 0]) == []
