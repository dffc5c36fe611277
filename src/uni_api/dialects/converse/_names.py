"""Names and ids in the characters that the API takes.

Source: the service model of the vendor's Python SDK, botocore 1.44, shapes ToolName, ToolUseId and DocumentBlock (read
2026-11-24).
"""

import re

from uni_api.canon import Losses

NAME = "converse"

MOST_NAME = 64
MOST_ID = 64
MOST_DOCUMENT = 200

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_.:-]")
_NOT_IN_DOCUMENTS = re.compile(r"[^a-zA-Z0-9\s()\[\]-]")
_SPACES = re.compile(r"\s+")


def tool_name(name: str, path: str, losses: Losses) -> str:
    """`name` as the API takes it: letters, digits, `_` and `-`, 1 to 64 of them."""
    legal = _NOT_IN_NAMES.sub("_", name)[:MOST_NAME] or "unnamed"
    if legal != name:
        losses.add(path, "meaning", f"the tool is called {legal}: the target takes 64 letters, digits, _ and - only")
    return legal


class Ids:
    """Ids of calls: legal, and each only once in a conversation."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def mint(self, wanted: str) -> str:
        return _once(_NOT_IN_IDS.sub("_", wanted)[:MOST_ID] or f"call_{len(self._taken)}", MOST_ID, "_{}", self._taken)


class Titles:
    """Names of documents: neutral, legal, and each only once in a request."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def mint(self, wanted: str | None) -> str:
        legal = _SPACES.sub(" ", _NOT_IN_DOCUMENTS.sub("-", wanted or "")).strip()[:MOST_DOCUMENT].strip()
        return _once(legal or "document", MOST_DOCUMENT, " ({})", self._taken)


def _once(base: str, most: int, suffix: str, taken: set[str]) -> str:
    new, copy = base, 2
    while new in taken:
        mark = suffix.format(copy)
        new, copy = base[: most - len(mark)] + mark, copy + 1
    taken.add(new)
    return new
