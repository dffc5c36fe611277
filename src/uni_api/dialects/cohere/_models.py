"""What one model family takes and another refuses, by the beginning of the model's name.

Source: docs.cohere.com, pages "An Overview of Cohere's Models" and "Reasoning Capabilities" (read 2026-11-24): thinking
began with Command A Reasoning. Models that are not named here are believed to think.
"""

from typing import Final

_NEVER_THINK: Final = (
    "command-r",
    "command-a-03-2025",
    "command-a-translate",
    "command-a-vision",
    "command-light",
    "command-nightly",
    "c4ai-aya",
)


def can_think(model: str) -> bool:
    """Whether `thinking` may be said. `model` may stand behind a namespace."""
    name = model.rpartition("/")[2].lower()
    return name != "command" and not name.startswith(_NEVER_THINK)
