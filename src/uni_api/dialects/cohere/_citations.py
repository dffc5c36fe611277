"""Sources of an answer. One citation of the API names several sources; canon has one for each of them.

`start` and `end` count characters of the text block that `content_index` names.
"""

from collections.abc import Iterable
from typing import Any

from uni_api.canon import Citation, Losses, Rest
from uni_api.dialects.cohere._words import NAME, Wire, object_at, text_at

_SPOKEN = frozenset({"start", "end", "sources", "content_index"})
_LINKS = ("url", "link", "uri")


def place_of(citation: Wire) -> int | None:
    """The number of the content block that a citation is for, None when it is for something that is no text."""
    if citation.get("type") not in (None, "TEXT_CONTENT"):
        return None
    place = citation.get("content_index", 0)
    return place if isinstance(place, int) else None


def read_citation(citation: Wire) -> list[Citation]:
    """A canon citation for each source; a single one where none is named."""
    left = {name: value for name, value in citation.items() if name not in _SPOKEN}
    start, end = _count(citation.get("start")), _count(citation.get("end"))
    found = citation.get("sources")
    sources = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if not sources:
        return [Citation(start=start, end=end, rest=Rest(NAME, left))]
    return [_source(source, start, end, left) for source in sources]


def _source(source: Wire, start: int | None, end: int | None, left: Wire) -> Citation:
    shown = object_at(source, "document") or object_at(source, "tool_output")
    shown = {**shown, **object_at(shown, "data")}
    url = next((link for name in _LINKS if (link := text_at(shown, name))), None)
    return Citation(
        url=url if url is not None and url.startswith(("https://", "http://")) else None,
        title=text_at(shown, "title"),
        start=start,
        end=end,
        rest=Rest(NAME, {**left, "sources": [source]}),
    )


def write_citations(citations: Iterable[Citation], place: int, path: str, losses: Losses) -> list[Wire]:
    """The citations of the content block `place`, as this dialect spelt them; those of others are losses."""
    out: list[Wire] = []
    for number, citation in enumerate(citations):
        if citation.rest is None or citation.rest.dialect != NAME:
            losses.add(f"{path}.citations[{number}]", "hint", "a citation of another format can't be given back")
            continue
        written = _written(citation, citation.rest, place)
        if out and _without_sources(out[-1]) == _without_sources(written):
            out[-1]["sources"] = [*out[-1].get("sources", ()), *written.get("sources", ())]
        else:
            out.append(written)
    return out


def _written(citation: Citation, rest: Rest, place: int) -> Wire:
    out: Wire = {} if place == 0 else {"content_index": place}
    if citation.start is not None:
        out["start"] = citation.start
    if citation.end is not None:
        out["end"] = citation.end
    return {**rest.fields, **out}


def _without_sources(citation: Wire) -> Wire:
    return {name: value for name, value in citation.items() if name != "sources"}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
