"""Vendor names live in dialects/, providers/ and the demo. Everywhere else, each one is listed here with its reason."""

import re
from pathlib import Path

from tests.house.tree import modules, source

HOMES = {"dialects", "providers", "demo"}

VENDORS = re.compile(
    r"(?<![a-z])(openai|anthropic|claude|gemini|gpt|groq|deepseek|mistral|openrouter|xai|grok|azure|bedrock|vertex"
    r"|cohere|google|aws|amazon|cloudflare|cerebras|fireworks|perplexity|moonshot|siliconflow)(?![a-z])",
    re.IGNORECASE,
)

EXCEPTIONS: dict[str, set[str]] = {
    # What the help calls the API that is served, and the variable that its clients read.
    "cli.py": {"openai"},
    # Keys of api.yaml that are named after a vendor, the words that `engine` takes, and their reference text.
    "config/schema.py": {
        "aws",
        "azure",
        "bedrock",
        "claude",
        "cloudflare",
        "cohere",
        "gemini",
        "google",
        "gpt",
        "openai",
        "openrouter",
        "vertex",
    },
    # The same keys, told to the provider; and the engine to write when there is none.
    "config/compile.py": {"aws", "gpt"},
    # The framing is that vendor's own.
    "framing/eventstream.py": {"amazon", "aws"},
    # The front that is served, by its registered name; and the shape of errors, in the room card.
    "server/gateway.py": {"openai"},
    "server/__init__.py": {"openai"},
}


def test_vendor_names_stay_in_their_rooms() -> None:
    found: dict[str, set[str]] = {}
    for module in modules():
        if module.parts[0] not in HOMES and (names := _names(module)):
            found[module.as_posix()] = names
    assert found == EXCEPTIONS


def _names(module: Path) -> set[str]:
    return {name.lower() for name in VENDORS.findall(source(module))}
