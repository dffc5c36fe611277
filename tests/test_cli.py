"""What `check` shows of a configuration, for people and without any secret."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from uni_api.cli import main

SECRET = "sk-never-shown-0123456789"
CLIENTS = "api_keys: [{api: sk-client, model: [all]}]\n"


def checked(tmp_path: Path, *channels: str) -> list[str]:
    """The lines for the channels, each one's keys and values in YAML's inline form."""
    path = tmp_path / "api.yaml"
    path.write_text("providers:\n" + "".join(f"  - {{{channel}}}\n" for channel in channels) + CLIENTS)
    result = CliRunner().invoke(main, ["check", "--config", str(path)])
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    *lines, last = result.stdout.splitlines()
    assert last == f"{path}: {len(channels)} channels, 1 client keys, ready to serve."
    return lines


def test_a_channel_of_the_openai_format(tmp_path: Path) -> None:
    assert checked(tmp_path, f"provider: groq, api: [{SECRET}, k2], model: [a, {{b: alias}}]") == [
        "groq: openai, 2 keys",
        "  openai_chat, https://api.groq.com/openai/v1/chat/completions, bearer token",
        "    a, alias (upstream: b)",
    ]


@pytest.mark.parametrize(
    ("channel", "provider", "reached"),
    [
        (
            "provider: a, base_url: 'https://api.anthropic.com', api: k",
            "anthropic, 1 key",
            "anthropic, https://api.anthropic.com/v1/messages, x-api-key",
        ),
        (
            "provider: a, base_url: 'https://generativelanguage.googleapis.com/v1beta', api: k",
            "gemini, 1 key",
            "gemini, https://generativelanguage.googleapis.com/v1beta/models/m:generateContent, x-goog-api-key",
        ),
        (
            "provider: a, base_url: 'https://mine.openai.azure.com', api: k",
            "azure, 1 key",
            "openai_chat, https://mine.openai.azure.com/openai/deployments/m/chat/completions"
            "?api-version=2025-01-01-preview, api-key",
        ),
        (
            "provider: a, cf_account_id: acc, api: k",
            "cloudflare, 1 key",
            "openai_chat, https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions, bearer token",
        ),
        (
            "provider: lmstudio",
            "openai",
            "openai_chat, http://localhost:1234/v1/chat/completions, no key",
        ),
        ("provider: a, engine: demo", "demo", "openai_chat, inside the gateway"),
    ],
)
def test_engine_dialect_address_and_scheme(tmp_path: Path, channel: str, provider: str, reached: str) -> None:
    first, second, third = checked(tmp_path, f"{channel}, model: [m]")
    assert first.partition(": ")[2] == provider
    assert second == f"  {reached}"
    assert third == "    m"


def test_models_at_different_addresses_stand_apart(tmp_path: Path) -> None:
    lines = checked(tmp_path, "provider: a, base_url: 'https://mine.openai.azure.com', api: k, model: [m, n]")
    assert [line.strip() for line in lines[2::2]] == ["m", "n"]
    assert "/deployments/m/" in lines[1]
    assert "/deployments/n/" in lines[3]


def test_models_that_are_not_known_yet(tmp_path: Path) -> None:
    assert checked(
        tmp_path, "provider: a, base_url: 'https://mine.openai.azure.com?api-version=2024-10-21', api: k"
    ) == [
        "a: azure, 1 key",
        "  openai_chat, https://mine.openai.azure.com/openai/deployments/{model}/chat/completions"
        "?api-version=2024-10-21, api-key",
        "    the models that the host lists",
    ]


@pytest.mark.parametrize(
    ("base_url", "shown"),
    [
        (f"https://a.b/v1?key={SECRET}&api-version=1", "https://a.b/v1/chat/completions?key=***&api-version=1"),
        (f"https://a.b/{SECRET}/v1", "https://a.b/***/v1/chat/completions"),
    ],
)
def test_no_key_inside_an_address_is_shown(tmp_path: Path, base_url: str, shown: str) -> None:
    lines = checked(tmp_path, f"provider: a, base_url: '{base_url}', api: {SECRET}, model: [m]")
    assert lines[1] == f"  openai_chat, {shown}, bearer token"


def test_several_places_of_one_channel(tmp_path: Path) -> None:
    lines = checked(
        tmp_path,
        f"provider: a, aws_access_key: k, aws_secret_key: {SECRET}, region: [eu-west-1, us-east-1], model: [m]",
    )
    assert [line.partition("runtime.")[2].partition(".")[0] for line in lines[1::2]] == ["eu-west-1", "us-east-1"]
