"""Links that the target can't take are fetched here and passed on as bytes."""

import asyncio
from collections.abc import Callable

from msgspec import structs

from uni_api.canon import Losses, Media, Part, Request, Result
from uni_api.errors import Denied
from uni_api.transport.fetch import Fetched, Fetcher, Unreachable

MOST_LINKS = 64


async def with_bytes(
    request: Request,
    needs_bytes: Callable[[Media], bool],
    fetcher: Fetcher,
    fetched: dict[str, Fetched | None],
    losses: Losses,
) -> Request:
    """`request` with every link that `needs_bytes` replaced by what it leads to; the same object when there is none.

    `fetched` is what earlier attempts fetched (None: no way there), and is added to. A link that can't be reached from
    here is passed on, for the target to try. Raises Denied(400) when a link may not be fetched or leads to nothing
    fit, or when there are too many of them.
    """
    wanted: dict[str, Media] = {}
    for turn in request.turns:
        for part in turn.parts:
            _collect(part, needs_bytes, wanted)
    if not wanted:
        return request
    if len(wanted) > MOST_LINKS:
        raise Denied(400, f"The request holds {len(wanted)} links to fetch; at most {MOST_LINKS} are.")
    missing = [url for url in wanted if url not in fetched]
    fetched.update(zip(missing, await _all(fetcher, missing), strict=True))
    if any(fetched[url] is None for url in wanted):
        losses.add("turns.media", "tuning", "a link that can't be reached from here is left to the target")

    def replaced(part: Part) -> Part:
        match part:
            case Media(url=str(url)) if (found := fetched.get(url)) is not None and url in wanted:
                return structs.replace(part, url=None, data=found.data, mime=part.mime or found.mime)
            case Result():
                return structs.replace(part, parts=tuple(replaced(inner) for inner in part.parts))
            case _:
                return part

    turns = tuple(structs.replace(turn, parts=tuple(replaced(part) for part in turn.parts)) for turn in request.turns)
    return structs.replace(request, turns=turns)


async def _all(fetcher: Fetcher, urls: list[str]) -> list[Fetched | None]:
    tasks = [asyncio.ensure_future(_reached(fetcher, url)) for url in urls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _reached(fetcher: Fetcher, url: str) -> Fetched | None:
    try:
        return await fetcher.fetch(url)
    except Unreachable:
        return None


def _collect(part: Part, needs_bytes: Callable[[Media], bool], wanted: dict[str, Media]) -> None:
    match part:
        case Media(url=str(url)) if needs_bytes(part):
            wanted[url] = part
        case Result():
            for inner in part.parts:
                _collect(inner, needs_bytes, wanted)
        case _:
            pass
