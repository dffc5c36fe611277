from urllib.parse import urlsplit

import pytest

from uni_api.providers.presets import PRESETS, path_at


@pytest.mark.parametrize("name", PRESETS)
def test_names_and_addresses_are_usable(name: str) -> None:
    assert name == name.lower()
    assert "/" not in name
    parts = urlsplit(PRESETS[name])
    assert parts.scheme == ("http" if parts.hostname == "localhost" else "https")
    assert not PRESETS[name].endswith("/")
    assert not parts.query


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("api.groq.com", "/openai/v1"),
        ("openrouter.ai", "/api/v1"),
        ("api.perplexity.ai", ""),
        ("models.github.ai", "/inference"),
        ("models.inference.ai.azure.com", ""),
        ("generativelanguage.googleapis.com", "/v1beta/openai"),
        ("localhost:8000", "/v1"),
        ("api.anthropic.com", "/v1"),
        ("unknown.example", "/v1"),
    ],
)
def test_where_a_bare_host_speaks_the_openai_format(host: str, path: str) -> None:
    assert path_at(host) == path
