"""Modules and functions stay small enough to read, and have names that say what they hold."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import modules, parsed, source

MOST_LINES = 600
MOST_FUNCTION_LINES = 80
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "tools_common"}

by_module = pytest.mark.parametrize("module", modules(), ids=str)


@by_module
def test_module_is_short(module: Path) -> None:
    assert len(source(module).splitlines()) <= MOST_LINES


@by_module
def test_functions_are_short(module: Path) -> None:
    long = [
        f"{node.name}: {lines} lines"
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_FUNCTION_LINES
    ]
    assert not long


@by_module
def test_module_has_a_docstring(module: Path) -> None:
    assert ast.get_docstring(parsed(module))


def test_no_module_is_named_for_nothing() -> None:
    assert not [module for module in modules() if module.stem.strip("_") in NO_NAMES]
