"""What no tracked file may say."""

import re

from tests.house.tree import ROOT, tracked

LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
PLACES = re.compile(r"(?<![\w.$}:/-])/(?:home|root|Users|work|mnt|workspace|private)/\w")


def _lines() -> list[tuple[str, str]]:
    """Every line of every tracked text file, with its place."""
    found = []
    for path in tracked():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [(f"{path}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
    return found


def test_nothing_is_left_for_later() -> None:
    assert not [f"{place} {line.strip()[:120]}" for place, line in _lines() if LATER.search(line)]


def test_no_path_of_one_machine() -> None:
    own = str(ROOT)
    assert not [f"{place} {line.strip()[:120]}" for place, line in _lines() if PLACES.search(line) or own in line]
