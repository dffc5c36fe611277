import pytest

from uni_api.providers.vertex_models import Model, parsed


@pytest.mark.parametrize(
    ("model", "publisher", "name"),
    [
        ("gemini-3-pro-preview", "google", "gemini-3-pro-preview"),
        ("models/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("google/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("something-new", "google", "something-new"),
        ("claude-sonnet-4-5@20250929", "anthropic", "claude-sonnet-4-5@20250929"),
        ("anthropic/claude-opus-4-1", "anthropic", "claude-opus-4-1"),
        ("publishers/anthropic/models/claude-opus-4-1", "anthropic", "claude-opus-4-1"),
        (
            "projects/p/locations/us/publishers/anthropic/models/claude-opus-4-1",
            "anthropic",
            "claude-opus-4-1",
        ),
        ("meta/llama-4-maverick-maas", "meta", "llama-4-maverick-maas"),
        ("deepseek-v3.1-maas", "deepseek-ai", "deepseek-v3.1-maas"),
        ("openai/gpt-oss-120b-maas", "openai", "gpt-oss-120b-maas"),
        ("google/gemma-3-27b-it-maas", "google", "gemma-3-27b-it-maas"),
        ("codestral-2", "mistralai", "codestral-2"),
        ("projects/p/locations/us/endpoints/77", "", "77"),
    ],
)
def test_a_model_is_known_by_its_publisher(model: str, publisher: str, name: str) -> None:
    assert parsed(model) == Model(publisher, name)


def test_a_bare_name_is_of_the_publisher_that_is_given() -> None:
    assert parsed("claude-no-more", "google") == Model("google", "claude-no-more")
    assert parsed("publishers/anthropic/models/x", "google") == Model("anthropic", "x")
    assert parsed("Claude-Opus-4-1") == Model("anthropic", "Claude-Opus-4-1")
