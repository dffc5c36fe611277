"""A request cut down to what a channel is said to take."""

from collections.abc import Callable

from msgspec import structs

from uni_api.canon.losses import Losses
from uni_api.canon.parts import Call, Media, Part, Result
from uni_api.canon.request import Request, Turn


def without_tools(request: Request, losses: Losses) -> Request:
    """`request` without tools, and without calls and results in its history."""
    if request.tools:
        losses.add("tools", "meaning", "the channel takes no tools")
    return _filtered(
        structs.replace(request, tools=(), tool_choice=None, parallel=None),
        lambda part: not isinstance(part, Call | Result),
        losses,
        "the channel takes no tools",
    )


def without_images(request: Request, losses: Losses) -> Request:
    """`request` without images, also inside tool results."""
    return _filtered(
        request,
        lambda part: not (isinstance(part, Media) and part.kind == "image"),
        losses,
        "the channel takes no images",
    )


def without_developer(request: Request) -> Request:
    """`request` with developer messages as system messages, which is what they are to a host that has no such role."""
    turns = tuple(_plain(turn) for turn in request.turns)
    return request if turns == request.turns else structs.replace(request, turns=turns)


def _plain(turn: Turn) -> Turn:
    rest = turn.rest
    if turn.role != "system" or rest is None or ":role" not in rest.fields:
        return turn
    fields = {name: value for name, value in rest.fields.items() if name != ":role"}
    return structs.replace(turn, rest=structs.replace(rest, fields=fields) if fields else None)


def _filtered(request: Request, keep: Callable[[Part], bool], losses: Losses, why: str) -> Request:
    def kept(parts: tuple[Part, ...], path: str) -> tuple[Part, ...]:
        out: list[Part] = []
        for number, part in enumerate(parts):
            where = f"{path}.parts[{number}]"
            if not keep(part):
                losses.add(where, "meaning", why)
            elif isinstance(part, Result):
                out.append(structs.replace(part, parts=kept(part.parts, where)))
            else:
                out.append(part)
        return tuple(out)

    turns = []
    for number, turn in enumerate(request.turns):
        parts = kept(turn.parts, f"turns[{number}]")
        if parts or not turn.parts:
            turns.append(structs.replace(turn, parts=parts))
    return structs.replace(request, turns=tuple(turns))
