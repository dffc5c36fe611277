"""The pure rooms wait for nothing and ask nobody."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules, parsed

PURE = {"canon", "framing", "dialects", "providers", "config"}
"""Rooms without await. config reads files, but never waits."""

CLOCKLESS = {"canon", "framing", "dialects", "providers"}
WORLD = {"asyncio", "logging", "os", "random", "socket", "ssl", "threading", "time"}

BOUNDARIES = {
    # The last stop before the client: whatever broke becomes a 500 or the end of a stream, and a line in the log.
    "server/connection.py",
    "server/errand.py",
    "server/relayed.py",
}
"""Where `except Exception` is allowed."""


def _in(rooms: set[str]) -> list[Path]:
    return [module for module in modules() if module.parts[0] in rooms]


@pytest.mark.parametrize("module", _in(PURE), ids=str)
def test_nothing_waits_in_pure_rooms(module: Path) -> None:
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node for node in ast.walk(parsed(module)) if isinstance(node, waiting)]


@pytest.mark.parametrize("module", _in(CLOCKLESS), ids=str)
def test_pure_rooms_do_not_see_the_world(module: Path) -> None:
    assert not WORLD & _imported(module)


def test_everything_is_caught_at_the_boundaries_only() -> None:
    catching = {module.as_posix() for module in modules() if any(map(_catches_all, ast.walk(parsed(module))))}
    assert catching <= BOUNDARIES


def test_check_runs_the_import_contracts() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\ncheck:")[2].partition("\n\n")[0]
    assert "lint-imports" in recipe


def _imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(parsed(module)):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name.partition(".")[0] for alias in aliases}
            case ast.ImportFrom(module=str(source)):
                names.add(source.partition(".")[0])
    return names


def _catches_all(node: ast.AST) -> bool:
    """`except Exception`, or a bare or BaseException clause that does not raise again at its end."""
    match node:
        case ast.ExceptHandler(type=ast.Name(id="Exception")):
            return True
        case ast.ExceptHandler(type=None | ast.Name(id="BaseException"), body=[*_, last]):
            return not isinstance(last, ast.Raise)
    return False
