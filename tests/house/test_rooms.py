"""Every room has a card that tells its rules, and one door that tells its surface."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOT, modules, packages, parsed

MOST_CARD_LINES = 12

by_package = pytest.mark.parametrize("package", packages(), ids=str)


@by_package
def test_room_has_a_card(package: Path) -> None:
    card = ast.get_docstring(parsed(package / "__init__.py"))
    assert card is not None, "no docstring"
    title, *rules = card.splitlines()
    assert ": " in title, "the first line is 'Name: what the room holds'"
    assert any(line.startswith("Rule 1: ") for line in rules), "no rules"
    assert len(card.splitlines()) <= MOST_CARD_LINES


@by_package
def test_door_lists_what_it_lets_through(package: Path) -> None:
    """A room's `__init__` that imports or defines anything says in `__all__` which of it is for others."""
    door = parsed(package / "__init__.py")
    public = {name for name in _bound(door) if not name.startswith("_")}
    listed = _listed(door)
    if listed is None:
        assert not public, "exports without __all__"
        return
    assert listed == sorted(listed), "__all__ is not in order"
    assert set(listed) <= public


def test_surface_is_entered_by_the_door() -> None:
    """No room takes an underscored module or name out of another room."""
    intruders = []
    for module in modules():
        for node in ast.walk(parsed(module)):
            if not isinstance(node, ast.ImportFrom) or node.module is None or not node.module.startswith("uni_api."):
                continue
            home = _package_of(node.module)
            private = [part for part in node.module.split(".") if part.startswith("_")]
            private += [
                alias.name for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"
            ]
            if private and home not in (module.parent, *module.parent.parents):
                intruders.append(f"{module}: {node.module} {private}")
    assert not intruders


def test_room_table_matches_the_cards() -> None:
    done = subprocess.run([sys.executable, "docs/rooms.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _package_of(dotted: str) -> Path:
    path = Path(*dotted.split(".")[1:])
    return path if (PACKAGE / path).is_dir() else path.parent


def _bound(door: ast.Module) -> set[str]:
    """The names that a door binds, those for type checkers only left out."""
    names: set[str] = set()
    for node in door.body:
        match node:
            case ast.ImportFrom(module=module, names=aliases) if module is not None and module.startswith("uni_api"):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
    return names - {"__all__"}


def _listed(door: ast.Module) -> list[str] | None:
    for node in door.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                listed: list[str] = ast.literal_eval(value)
                return listed
    return None
