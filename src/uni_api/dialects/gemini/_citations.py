"""Sources of an answer. The API counts bytes of UTF-8; canon counts characters."""

from collections.abc import Iterator, Mapping
from typing import Any

from uni_api.canon import Citation, Rest
from uni_api.dialects.gemini._words import NAME


def read_citations(grounding: Any, citations: Any, text: str, before: int) -> Iterator[Citation]:
    """The sources of `text`, the last text of an answer in which `before` bytes of text came before it."""
    ruler = _Ruler(text, before)
    yield from _grounded(grounding, ruler)
    found = citations.get("citations", citations.get("citationSources")) if isinstance(citations, dict) else None
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            start, end = ruler.span(each)
            licence = _word(each, "license")
            yield Citation(
                url=_word(each, "uri"),
                title=_word(each, "title"),
                start=start,
                end=end,
                rest=Rest(NAME, {"license": licence}) if licence else None,
            )


def _grounded(grounding: Any, ruler: "_Ruler") -> Iterator[Citation]:
    if not isinstance(grounding, dict):
        return
    chunks = grounding.get("groundingChunks")
    supports = grounding.get("groundingSupports")
    if not isinstance(chunks, list) or not isinstance(supports, list):
        return
    for support in supports:
        if not isinstance(support, dict):
            continue
        segment = support.get("segment")
        start, end = ruler.span(segment if isinstance(segment, dict) else {})
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            if isinstance(index, int) and 0 <= index < len(chunks) and isinstance(chunks[index], dict):
                yield _source(chunks[index], start, end)


def _source(chunk: Mapping[str, Any], start: int | None, end: int | None) -> Citation:
    """A chunk holds one object, named for where it comes from (web, maps, retrievedContext, image)."""
    held = next((value for value in chunk.values() if isinstance(value, dict)), {})
    return Citation(
        url=_word(held, "uri") or _word(held, "sourceUri"),
        title=_word(held, "title"),
        quote=_word(held, "text"),
        start=start,
        end=end,
    )


def _word(held: Mapping[str, Any], name: str) -> str | None:
    value = held.get(name)
    return value if isinstance(value, str) and value else None


class _Ruler:
    """Finds a stretch of bytes in a text of characters."""

    def __init__(self, text: str, before: int) -> None:
        self._text = text
        self._bytes = text.encode("utf-8", "surrogatepass")
        self._before = before

    def span(self, segment: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """Start and end of `segment`, counted from this text or from the first of the answer, whichever fits its words;
        where its words stand if neither does; None for a segment of another text."""
        start, end, words = segment.get("startIndex", 0), segment.get("endIndex"), _word(segment, "text")
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end:
            for shift in (0, self._before):
                if shift <= start and end - shift <= len(self._bytes):
                    span = self._characters(start - shift), self._characters(end - shift)
                    if words is None or self._text[span[0] : span[1]] == words:
                        return span
        place = self._text.find(words) if words else -1
        return (place, place + len(words)) if words and place >= 0 else (None, None)

    def _characters(self, count: int) -> int:
        if len(self._bytes) == len(self._text):
            return count
        return len(self._bytes[:count].decode("utf-8", "ignore"))
