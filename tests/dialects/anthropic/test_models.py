import json
from typing import get_args

import pytest
from anthropic.types import ModelParam

from uni_api.canon import Losses, Reasoning, Request, Text, Turn
from uni_api.dialects.anthropic import write_request

SDK_MODELS = sorted(get_args(get_args(ModelParam)[0]))


def default_max_tokens(model: str) -> object:
    return write_request(Request(model=model, turns=(Turn(role="user", parts=(Text(text="a"),)),)), Losses())[
        "max_tokens"
    ]


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-opus-20240229", 4_096),
        ("claude-3-5-sonnet-latest", 8_192),
        ("claude-3-7-sonnet-20250219", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-0", 32_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-sonnet-4-0", 64_000),
        ("claude-4-sonnet-20250514", 64_000),
        ("claude-sonnet-4-5-20250929", 64_000),
        ("claude-opus-4-5", 64_000),
        ("claude-opus-4-6", 128_000),
        ("anthropic/claude-opus-4.6", 128_000),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", 8_192),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("global.anthropic.claude-opus-4-6-v1", 128_000),
        ("anthropic.claude-v2:1", 4_096),
        ("anthropic.claude-instant-v1", 4_096),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-3-haiku-20240307-v1:0", 4_096),
        ("claude-opus-4@20250514", 32_000),
        ("claude-haiku-4-5@20251001", 64_000),
        ("claude-opus-9", 128_000),
        ("Claude-Opus-4-6", 128_000),
        ("claudette", 8_192),
        ("claude-99", 8_192),
        ("kimi-k2", 8_192),
    ],
)
def test_the_most_a_family_answers_is_the_default(model: str, most: int) -> None:
    assert default_max_tokens(model) == most


@pytest.mark.parametrize("model", SDK_MODELS)
def test_every_model_that_the_vendors_sdk_names_has_a_row(model: str) -> None:
    request = Request(
        model=model,
        turns=(Turn(role="user", parts=(Text(text="a"),)),),
        reasoning=Reasoning(effort="high"),
    )
    losses = Losses()
    body = write_request(request, losses)
    assert body["max_tokens"] > 8_192
    assert body["thinking"]["type"] in ("enabled", "adaptive"), json.dumps(body)
    assert not losses
