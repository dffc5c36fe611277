"""Reads the pages of the documentation: fenced blocks, tables, links."""

import re
from functools import cache
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]

PAGES: tuple[Path, ...] = tuple(
    sorted(
        path.relative_to(ROOT)
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"), *(ROOT / "bench").glob("*.md"))
    )
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(Struct, frozen=True):
    """One fenced block; `place` is the page and the line where its text begins."""

    place: str
    language: str
    text: str


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text()


@cache
def blocks(*languages: str) -> tuple[Block, ...]:
    """Every block in one of `languages`, of all pages."""
    found = []
    for page in PAGES:
        text = text_of(page.as_posix())
        for match in _FENCE.finditer(text):
            if match[1] in languages:
                line = text.count("\n", 0, match.start(2)) + 1
                found.append(Block(f"{page}:{line}", match[1], match[2]))
    return tuple(found)


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text_of(page.as_posix()))


def table(page: str, *header: str) -> list[list[str]]:
    """The rows of the one table with this header. Raises LookupError when there is none."""
    lines = iter(text_of(page).splitlines())
    for line in lines:
        if _cells(line) == list(header):
            next(lines)
            rows = []
            for row in lines:
                if not row.startswith("|"):
                    break
                rows.append(_cells(row))
            return rows
    raise LookupError(f"{page} has no table | {' | '.join(header)} |")


def code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
