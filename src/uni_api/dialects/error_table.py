"""Kinds of faults by an API's own words, by the HTTP status where there is no word, and by what the message says."""

import re
from collections.abc import Mapping

from msgspec import Struct

from uni_api.errors import FaultKind


class ErrorTable(Struct, frozen=True):
    """What one API's errors mean.

    types: its word for an error -> the kind, and the status that goes with it · statuses: the kind by status, where no
    word is known · finer: patterns that make one kind another, for what an API says under a wider word.
    """

    types: Mapping[str, tuple[FaultKind, int]]
    statuses: Mapping[int, FaultKind]
    finer: Mapping[FaultKind, tuple[tuple[FaultKind, re.Pattern[str]], ...]]

    def kind(self, word: str | None, status: int, message: str) -> FaultKind:
        """A status that is not known is the request's fault below 500, and the host's above."""
        if word is not None and word in self.types:
            kind = self.types[word][0]
        elif status in self.statuses:
            kind = self.statuses[status]
        elif 400 <= status < 500:
            kind = "bad_request"
        else:
            kind = "overloaded"
        return next((finer for finer, pattern in self.finer.get(kind, ()) if pattern.search(message)), kind)

    def status(self, word: str | None, status: int) -> int:
        """The status as it is; below 400, as in a stream, the one that goes with the word, else 502."""
        if status >= 400:
            return status
        return self.types[word][1] if word is not None and word in self.types else 502


def words_of(body: bytes, *tags: str) -> str:
    """Plain text as it is, of a page what stands in the first of `tags` that it has, at most 500 characters."""
    text = body[:65_536].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        names = "|".join(map(re.escape, tags))
        found = re.search(rf"<(?:{names})[^>]*>(.*?)</(?:{names})>", text, re.I | re.S)
        text = found[1].strip() if found else ""
    elif text.startswith(("{", "[")):
        text = ""
    return text[:500]
