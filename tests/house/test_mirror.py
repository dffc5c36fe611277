"""Tests mirror src: the tests of `src/uni_api/X/y.py` are `tests/X/test_y.py`."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules, parsed

ELSEWHERE: dict[str, str] = {
    # What these promise shows in a file that is read, not in any one of their functions.
    "config/kinds.py": "config/test_load.py",
    "config/reader.py": "config/test_load.py",
    "config/schema.py": "config/test_load.py",
    "config/section.py": "config/test_load.py",
    # Counters are sums of what folding a stream gives.
    "canon/reply.py": "canon/test_events.py",
    # Steps of an exchange, tested by what the client and the upstreams see of it.
    "relay/answer.py": "relay/test_exchange.py",
    "relay/relay.py": "relay/test_exchange.py",
    "relay/upstream.py": "relay/test_exchange.py",
    # The page of errors holds its table.
    "errors.py": "docs/test_errors.py",
    # Wiring, tested by running the whole.
    "app.py": "server/test_run.py",
    "dialects/registry.py": "relay/test_exchange.py",
}
"""Modules whose tests are in another file than the mirrored one, and why."""


def _does_something(module: ast.Module) -> bool:
    """Whether any function has a body of its own: more than a docstring, an ellipsis, a constant."""
    functions = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(not _is_trivial(statement) for function in functions for statement in function.body)


def _is_trivial(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Return(value=ast.Constant()):
            return True
    return False


def _with_behaviour() -> list[Path]:
    """Modules that do something. Private ones are tested through the public ones that use them."""
    return [module for module in modules() if not module.stem.startswith("_") and _does_something(parsed(module))]


@pytest.mark.parametrize("module", _with_behaviour(), ids=str)
def test_module_has_its_tests(module: Path) -> None:
    mirrored = (module.parent / f"test_{module.stem}.py").as_posix()
    place = Path("tests", ELSEWHERE.get(module.as_posix(), mirrored))
    assert (ROOT / place).exists(), f"no {place}"


def test_exceptions_are_needed() -> None:
    needed = {module.as_posix() for module in _with_behaviour()}
    mirrored = {
        name for name in ELSEWHERE if (ROOT / "tests" / Path(name).with_name(f"test_{Path(name).name}")).exists()
    }
    assert set(ELSEWHERE) <= needed - mirrored
