"""The one filter that keeps opaque blobs at home: what a realm can't open is not sent to it."""

import msgspec

from uni_api.canon.losses import Losses
from uni_api.canon.parts import Call, Foreign, Media, Part, Result, Text, Thinking
from uni_api.canon.request import Request, Turn


def keep_realm(request: Request, realm: str, losses: Losses, *, plain_thinking: bool = False) -> Request:
    """`request` without the pieces of history that `realm` can't open. The same object when there are none.

    Thinking without a seal of this realm is dropped whole (tuning), since another model's thoughts would be refused or
    taken for its own; with `plain_thinking`, thinking that never had a seal stays. Other parts stay and only lose
    their foreign seal (hint). Files stored elsewhere are dropped (meaning). Foreign parts are the writers' business.
    """
    keeper = _Keeper(realm, losses, plain_thinking)
    turns = tuple(keeper.turn(turn, f"turns[{index}]") for index, turn in enumerate(request.turns))
    if all(new is old for new, old in zip(turns, request.turns, strict=True)):
        return request
    return msgspec.structs.replace(request, turns=turns)


class _Keeper:
    def __init__(self, realm: str, losses: Losses, plain_thinking: bool) -> None:
        self._realm = realm
        self._losses = losses
        self._plain_thinking = plain_thinking

    def turn(self, turn: Turn, path: str) -> Turn:
        parts = self._parts(turn.parts, path)
        return turn if parts is turn.parts else msgspec.structs.replace(turn, parts=parts)

    def _parts(self, parts: tuple[Part, ...], path: str) -> tuple[Part, ...]:
        kept: list[Part] = []
        changed = False
        for index, part in enumerate(parts):
            new = self._part(part, f"{path}.parts[{index}]")
            changed = changed or new is not part
            if new is not None:
                kept.append(new)
        return tuple(kept) if changed else parts

    def _part(self, part: Part, path: str) -> Part | None:
        match part:
            case Thinking(seal=seal):
                if seal.realm == self._realm if seal is not None else self._plain_thinking:
                    return part
                if part.text or seal is not None:
                    self._losses.add(path, "tuning", "thinking that the target can't verify as its own is left out")
                return None
            case Media(file=file) if file is not None and file.realm != self._realm:
                self._losses.add(path, "meaning", "the file is stored at another provider")
                return None
            case Result():
                parts = self._parts(part.parts, path)
                return part if parts is part.parts else msgspec.structs.replace(part, parts=parts)
            case Text(seal=seal) | Call(seal=seal) | Media(seal=seal):
                if seal is None or seal.realm == self._realm:
                    return part
                self._losses.add(f"{path}.seal", "hint", "an opaque token of another provider is left out")
                return msgspec.structs.replace(part, seal=None)
            case Foreign():
                return part
