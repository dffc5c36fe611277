"""What is wrong with a file: one line a finding, with its place, and never with a secret."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_HARMLESS = re.compile(r"[\w.@:/*<>+ -]{1,64}\Z")
_SECRETIVE = re.compile(r"\bsk-|\d{9}|(?=[A-Za-z]*\d)[A-Za-z0-9]{12}|(?=[A-Za-z_]*\d)[A-Za-z0-9_]{20}", re.IGNORECASE)
_MASKABLE = re.compile(r"(?=.*\d).{8}|.{20}", re.DOTALL)
"""Shorter secrets, and words without a digit, are too much like the words of a message to be masked in it."""


class Place(NamedTuple):
    """A position in the file. Both count from one."""

    line: int
    column: int


class Findings:
    """Collects problems (the file can't be used) and warnings (it can), so that all are told at once.

    With `strict`, unknown keys are problems instead of warnings.
    """

    def __init__(self, name: str, *, strict: bool = False) -> None:
        self._name = name
        self._strict = strict
        self._problems: list[tuple[Place, str]] = []
        self._warnings: list[tuple[Place, str]] = []
        self._idle: dict[str, list[tuple[Place, str]]] = {}
        self._secrets: set[str] = set()

    def problem(self, place: Place, path: str, text: str) -> None:
        self._problems.append((place, f"{path}: {text}" if path else text))

    def warning(self, place: Place, path: str, text: str) -> None:
        self._warnings.append((place, f"{path}: {text}" if path else text))

    def unknown(self, place: Place, path: str, text: str) -> None:
        """A key that nobody reads."""
        (self.problem if self._strict else self.warning)(place, path, text)

    def idle(self, place: Place, path: str) -> None:
        """A key that is known but does nothing yet. Told once a key, wherever it stands."""
        self._idle.setdefault(re.sub(r"\[\d+\]", "[]", path), []).append((place, path))

    def hide(self, secret: str) -> None:
        """Mask `secret` in every finding. A second net: no finding is meant to quote one."""
        if _MASKABLE.match(secret):
            self._secrets.add(secret)

    @property
    def problems(self) -> tuple[str, ...]:
        return self._lines(self._problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._lines([*self._warnings, *map(_idle_line, self._idle.values())])

    def _lines(self, found: list[tuple[Place, str]]) -> tuple[str, ...]:
        ordered = sorted(found, key=lambda each: each[0])
        return tuple(f"{self._name}:{place.line}:{place.column}: {self._masked(text)}" for place, text in ordered)

    def _masked(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def quoted(word: str) -> str:
    """`word` in quotation marks, or only its length when it may be a secret or would spoil the line."""
    if _HARMLESS.match(word) and not _SECRETIVE.search(word):
        return f'"{word}"'
    return f"a text of {len(word)} characters"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """`; did you mean "x"?` for the choice that is most like `word`, else nothing."""
    import difflib  # costs a millisecond that a good file need not pay

    by_folded = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {quoted(by_folded[close[0]])}?" if close else ""


def _idle_line(places: list[tuple[Place, str]]) -> tuple[Place, str]:
    place, path = places[0]
    match len(places) - 1:
        case 0:
            others = ""
        case 1:
            others = " (nor in one other place)"
        case more:
            others = f" (nor in {more} other places)"
    return place, f"{path} is read but has no effect yet{others}"
