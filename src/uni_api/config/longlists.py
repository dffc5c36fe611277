"""Long lists of simple values, such as a hundred thousand API keys, taken out of YAML before it is parsed.

The parser takes 50 us for a value; a list of keys needs none of what it can do. Of each long list its first and its
last item are left in the text. Whoever parses that puts the others back where the first turned up as an item of a
list: what looks alike and stands between two items of a list is items of that list too. Where it did not turn up (the
lines are part of a text, say) nothing was taken out that may stay out, and the whole text has to be parsed.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from uni_api.config.findings import Place

LONG = 500
"""Items from which on a list is long."""

_ITEM = r"""(?P<item>"[ !#-\[\]-~]*"|'[ -&(-~]*'|(?<![\w.+=/~-])\w[\w.+=/~-]*+)"""
_BLOCK = re.compile(rf"^(?P<indent> *)- +{_ITEM} *\r?$", re.MULTILINE | re.ASCII)
_FLOW = re.compile(rf"{_ITEM}\s*,\s*", re.ASCII)
_BREAK = re.compile("\r\n?|\n")


class Item(Struct, frozen=True):
    """A value as it stands in the text: `start` is its first character, or its quotation mark."""

    start: int
    text: str
    plain: bool


class Shortened:
    """A text without what is long in it. `lists` tells by the place of each first item, in `text`, what is missing
    behind it."""

    def __init__(self, whole: str, runs: list[list[Item]]) -> None:
        self.lists: dict[int, list[Item]] = {}
        self._lines = [0, *(found.end() for found in _BREAK.finditer(whole))]
        self._starts: list[int] = []
        self._gone: list[int] = []
        pieces, done, gone = [], 0, 0
        for run in runs:
            self.lists[run[0].start - gone] = run[:-1]
            pieces.append(whole[done : run[1].start])
            done = run[-1].start
            gone += done - run[1].start
            self._starts.append(done - gone)
            self._gone.append(gone)
        self.text = "".join([*pieces, whole[done:]])

    def place(self, index: int) -> Place:
        """Where the character at `index` of `text` stands in the whole text."""
        cut = bisect_right(self._starts, index)
        return self.place_of(index + (self._gone[cut - 1] if cut else 0))

    def place_of(self, start: int) -> Place:
        """The same for a character of the whole text."""
        line = bisect_right(self._lines, start)
        return Place(line, start - self._lines[line - 1] + 1)


def shortened(text: str) -> Shortened | None:
    """`text` without what is long in it, or None when nothing is."""
    runs: list[list[Item]] = []
    for pattern, sign, between in ((_BLOCK, "\n", 1), (_FLOW, ",", 0)):
        if text.count(sign) >= LONG:
            runs += [run for run in _runs(pattern, text, between) if len(run) >= LONG]
    if not runs:
        return None
    runs.sort(key=lambda run: run[0].start)
    if any(later[0].start < run[-1].start for run, later in pairwise(runs)):
        return None  # a long text within a list of texts
    return Shortened(text, runs)


def _runs(pattern: re.Pattern[str], text: str, between: int) -> Iterator[list[Item]]:
    """Items that follow each other with so many characters between one match and the next."""
    run: list[Item] = []
    end, shape = -1, None
    for found in pattern.finditer(text):
        indent = found["indent"] if between else None
        if found.start() != end + between or indent != shape:
            yield run
            run = []
        run.append(_item(found))
        end, shape = found.end(), indent
    yield run


def _item(found: re.Match[str]) -> Item:
    text = found["item"]
    if text[0] in "\"'":
        return Item(found.start("item"), text[1:-1], plain=False)
    return Item(found.start("item"), text, plain=True)
