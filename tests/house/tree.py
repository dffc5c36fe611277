"""The sources as the tests of the house see them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "uni_api"


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the package, relative to it."""
    return tuple(sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")))


@cache
def packages() -> tuple[Path, ...]:
    """Every package below `uni_api`, relative to it: the rooms, and the dialects inside theirs."""
    return tuple(path.parent for path in modules() if path.name == "__init__.py" and path.parent != Path())


@cache
def source(module: Path) -> str:
    return (PACKAGE / module).read_text()


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(source(module), filename=str(module))


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks or would add, relative to the root; without git, every file that is not made."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listing.returncode == 0:
        found = [Path(line) for line in listing.stdout.splitlines()]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    made = {".git", ".venv", "__pycache__"}
    return tuple(path for path in found if (ROOT / path).is_file() and not made & set(path.parts))
