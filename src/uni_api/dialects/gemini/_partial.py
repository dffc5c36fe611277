"""A function call whose arguments come in pieces (`partialArgs`, on request only, Vertex AI).

Source: FunctionCall.partialArgs and PartialArg in the google-genai types, read 2026-11-24: each piece names its place
by a JSON path and holds one scalar; pieces of a string are joined.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from uni_api.canon import Seal

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\"([^\"]*)\"\]|\['([^']*)'\]")
_SCALARS: Final = ("stringValue", "numberValue", "boolValue")
_LONGEST: Final = 10_000


class PartialCall:
    """Gathers one call. `arguments` is what has been said so far."""

    def __init__(self, first: Mapping[str, Any], seal: Seal | None) -> None:
        self.id = first.get("id")
        self.name = first.get("name")
        self.seal = seal
        self.arguments: dict[str, Any] = dict(first["args"]) if isinstance(first.get("args"), dict) else {}
        self.add(first)

    def add(self, piece: Mapping[str, Any]) -> None:
        parts = piece.get("partialArgs")
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and isinstance(part.get("jsonPath"), str):
                _put(self.arguments, _steps(part["jsonPath"]), _scalar(part))


def _steps(path: str) -> list[str | int]:
    return [int(match[2]) if match[2] else match[1] or match[3] or match[4] or "" for match in _STEP.finditer(path)]


def _scalar(part: Mapping[str, Any]) -> Any:
    return next((part[name] for name in _SCALARS if name in part), None)


def _put(root: dict[str, Any], steps: list[str | int], value: Any) -> None:
    """Set `value` at `steps`, making what is missing on the way; a place that contradicts what is there is no place."""
    here: Any = root
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        if isinstance(step, int):
            if not isinstance(here, list) or step > _LONGEST:
                return
            here.extend([None] * (step + 1 - len(here)))
        elif not isinstance(here, dict):
            return
        old = here[step] if isinstance(step, int) else here.get(step)
        if last:
            here[step] = old + value if isinstance(old, str) and isinstance(value, str) else value
        elif old is None:
            here[step] = [] if isinstance(steps[number + 1], int) else {}
        here = here[step]
