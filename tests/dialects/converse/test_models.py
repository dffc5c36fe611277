"""Which family a model id belongs to."""

import pytest

from uni_api.dialects.converse._models import FAMILIES, OTHER, family_of


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("anthropic.claude-v2:1", "anthropic.claude-v2"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3"),
        ("us.anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        ("global.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
        ("us.anthropic.claude-novel-9", "anthropic"),
        ("amazon.nova-micro-v1:0", "amazon.nova"),
        ("us.amazon.nova-2-lite-v1:0", "amazon.nova-2"),
        ("arn:aws:bedrock:us-west-2:1:inference-profile/us.amazon.nova-lite-v1:0", "amazon.nova"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1", "amazon.titan-text"),
        ("us.deepseek.r1-v1:0", "deepseek.r1"),
        ("deepseek.v3-v1:0", "deepseek"),
        ("meta.llama3-2-1b-instruct-v1:0", "meta"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral.mistral-7b-instruct"),
        ("mistral.mistral-large-3-675b-instruct", "mistral"),
        ("openai.gpt-oss-120b-1:0", "openai.gpt-oss"),
        ("openai.gpt-5.6-terra", "openai"),
        ("qwen.qwen3-32b-v1:0", "qwen"),
        ("cohere.command-r-plus-v1:0", "cohere.command-r-plus"),
        ("zai.glm-4.7-flash", "zai"),
    ],
)
def test_families(model: str, key: str) -> None:
    assert family_of(model) is FAMILIES[key]


@pytest.mark.parametrize(
    "model", ["", "x", "arn:aws:bedrock:us-east-1:1:application-inference-profile/1arbu5hu2sjr", "my-metal", "xmeta.y"]
)
def test_models_of_unknown_makers(model: str) -> None:
    assert family_of(model) is OTHER
