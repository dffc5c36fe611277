"""Tests mirror src: the tests of `src/uni_api/X/y.py` are `tests/X/test_y.py`."""

from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules

ELSEWHERE: dict[str, str] = {
    # Types and protocols: nothing runs, mypy is the test.
    "__init__.py": "tests/test_cli.py",
    "__main__.py": "tests/test_cli.py",
}
"""Modules whose tests are in another file than the mirrored one."""


def _expected() -> list[Path]:
    """Private modules are tested through the public ones that use them; a door by what is behind it."""
    return [module for module in modules() if not module.stem.startswith("_") or module.as_posix() in ELSEWHERE]


@pytest.mark.parametrize("module", _expected(), ids=str)
def test_module_has_its_tests(module: Path) -> None:
    mirrored = Path("tests", module.parent, f"test_{module.stem}.py").as_posix()
    place = ELSEWHERE.get(module.as_posix(), mirrored)
    assert (ROOT / place).exists(), f"no {place}"


def test_exceptions_are_real() -> None:
    known = {module.as_posix() for module in modules()}
    assert set(ELSEWHERE) <= known
