"""Links and file names lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, prose, text_of

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SOURCE = re.compile(r"`((?:[a-z_]+/)+[a-z_]*(?:\.[a-z]+)?)`")
PLACES = (Path(), Path("src"), Path("src/uni_api"), Path("src/uni_api/dialects"))

by_page = pytest.mark.parametrize("page", PAGES, ids=str)


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_named_files_exist(page: str) -> None:
    named = {name for name in SOURCE.findall(prose(Path(page))) if name.split("/")[0] not in ("provider", "openai")}
    assert named
    assert not sorted(name for name in named if not any((ROOT / place / name).exists() for place in PLACES))


def test_every_page_is_on_the_map() -> None:
    listed = {(ROOT / "docs" / link).resolve() for link in LINK.findall(text_of("docs/index.md"))}
    assert {(ROOT / page).resolve() for page in PAGES} - {ROOT / "docs" / "index.md"} <= listed


def _anchors(file: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    titles = HEADING.findall(file.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
