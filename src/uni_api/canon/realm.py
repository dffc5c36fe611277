"""The one filter that keeps opaque blobs at home: what a realm can't open is not sent to it."""

import msgspec

from uni_api.canon.losses import Losses
from uni_api.canon.parts import Call, Foreign, Media, Part, Result, Text, Thinking
from uni_api.canon.request import Request, Turn


def keep_realm(request: Request, realm: str, losses: Losses) -> Request:
    """`request` without the pieces of history that `realm` can't open. The same object when there are none.

    Thinking without a seal of this realm is dropped whole (tuning), since another model's thoughts would be refused or
    taken for its own. Other parts stay and only lose their foreign seal (hint). Files stored elsewhere are dropped
    (meaning). Foreign parts are the writers' business.
    """
    turns = tuple(_turn(turn, realm, losses, f"turns[{index}]") for index, turn in enumerate(request.turns))
    if all(new is old for new, old in zip(turns, request.turns, strict=True)):
        return request
    return msgspec.structs.replace(request, turns=turns)


def _turn(turn: Turn, realm: str, losses: Losses, path: str) -> Turn:
    parts = _parts(turn.parts, realm, losses, path)
    return turn if parts is turn.parts else msgspec.structs.replace(turn, parts=parts)


def _parts(parts: tuple[Part, ...], realm: str, losses: Losses, path: str) -> tuple[Part, ...]:
    kept: list[Part] = []
    changed = False
    for index, part in enumerate(parts):
        new = _part(part, realm, losses, f"{path}.parts[{index}]")
        changed = changed or new is not part
        if new is not None:
            kept.append(new)
    return tuple(kept) if changed else parts


def _part(part: Part, realm: str, losses: Losses, path: str) -> Part | None:
    match part:
        case Thinking(seal=seal):
            if seal is not None and seal.realm == realm:
                return part
            if part.text or seal is not None:
                losses.add(path, "tuning", "thinking that the target can't verify as its own is left out")
            return None
        case Media(file=file) if file is not None and file.realm != realm:
            losses.add(path, "meaning", "the file is stored at another provider")
            return None
        case Result():
            parts = _parts(part.parts, realm, losses, path)
            return part if parts is part.parts else msgspec.structs.replace(part, parts=parts)
        case Text(seal=seal) | Call(seal=seal) | Media(seal=seal):
            if seal is None or seal.realm == realm:
                return part
            losses.add(f"{path}.seal", "hint", "an opaque token of another provider is left out")
            return msgspec.structs.replace(part, seal=None)
        case Foreign():
            return part
