"""The locks hold every dependency, with hashes, and name no index to fetch them from."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT

LOCKS = ("run", "dev")
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,-]+\])?==\S+")


def _project() -> dict[str, list[str]]:
    """The names of the dependencies in pyproject.toml: of the package and its extras, and of those who work on it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    run = [*project["project"]["dependencies"], *extras, *project["build-system"]["requires"]]
    return {"run": run, "dev": [line for group in groups.values() for line in group]}


def _wanted(lock: str) -> dict[str, str]:
    """The lines of requirements/LOCK.in by name."""
    lines = (ROOT / "requirements" / f"{lock}.in").read_text().splitlines()
    return {_name(line): line.replace('"', "'") for line in lines if line and not line.startswith("-")}


def _name(line: str) -> str:
    """The name at the beginning of `line`, spelled as the package indexes normalise it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0]).lower()


def _pins(lock: str) -> dict[str, str]:
    """Each pinned requirement with its hashes, by name."""
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements" / f"{lock}.txt").read_text())
    return {_name(found[0]): block for block in blocks if (found := PINNED.match(block))}


@pytest.mark.parametrize("lock", LOCKS)
def test_source_of_the_lock_matches_the_project(lock: str) -> None:
    project = {_name(line): line.replace('"', "'") for line in _project()[lock]}
    assert _wanted(lock) == project


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_every_dependency(lock: str) -> None:
    assert set(_wanted(lock)) <= set(_pins(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = _pins(lock)
    assert len(pins) == len(re.findall(r"^\S", text, re.MULTILINE)), "a line that is not a pin"
    assert all("--hash=sha256:" in block for block in pins.values())


def test_locks_agree() -> None:
    run, dev = _pins("run"), _pins("dev")
    assert {name: block.split()[0] for name, block in run.items()} == {
        name: dev[name].split()[0] for name in run if name in dev
    }


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=lambda path: path.name)
def test_no_index_is_named(path: Path) -> None:
    assert not re.search(r"https?://|index-url|find-links|trusted-host", path.read_text())
