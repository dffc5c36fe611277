"""What one model family takes and another refuses, by the beginning of the model's name.

Source: server/routes.go of github.com/ollama/ollama (read 2026-11-24): a level of thinking is known to gpt-oss, and
refused with status 400 for other models by versions in use; those are told to think or not.
"""

from typing import Final

_TAKE_LEVELS: Final = ("gpt-oss",)


def takes_level(model: str) -> bool:
    """Whether `think` may be a word. `model` may stand behind a namespace and before a tag (`me/gpt-oss:20b`)."""
    return model.rpartition("/")[2].lower().startswith(_TAKE_LEVELS)
