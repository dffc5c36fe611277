"""The conversation: turns of canon to `systemInstruction` and `contents`.

The API knows two speakers, who alternate, and one instruction ahead of them; a model's calls must be answered by the
very next content, one functionResponse a call (source: ai.google.dev/gemini-api/docs/function-calling, read
2026-11-24). Hence: turns of one speaker are merged, results come first in their content and in the order of the calls,
instructions given midway join the one at the front, and a conversation that does not begin with the user gets a blank
user turn before it.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from uni_api.canon import Call, Foreign, Losses, Media, Part, Request, Result, Seal, Text, Thinking, Turn
from uni_api.dialects.gemini._media import write_media
from uni_api.dialects.gemini._models import Family
from uni_api.dialects.gemini._names import is_cut, wire_name
from uni_api.dialects.gemini._words import ERROR_FIELD, NAME, RAW_FIELD, RESULT_FIELD, SKIP_SIGNATURE

BLANK: Final = " "
"""What stands for a user who has not spoken: contents may not be empty, nor begin with the model."""

_IN_RESULTS: Final = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})
"""The media that may be part of a functionResponse."""

Role = Literal["user", "model"]
Wire = dict[str, Any]


class Conversation:
    """Writes one request's turns. `system` and `contents` are ready after `write`."""

    def __init__(self, family: Family, losses: Losses) -> None:
        self.system: list[Wire] = []
        self.contents: list[Wire] = []
        self._family = family
        self._losses = losses
        self._calls: dict[str, str] = {}
        self._paths: dict[int, str] = {}
        self._instructed = "turns"

    def write(self, request: Request, wish: str | None = None) -> None:
        """Write all turns; `wish` is one more instruction."""
        for number, turn in enumerate(request.turns):
            path = f"turns[{number}]"
            if turn.name is not None:
                self._losses.add(f"{path}.name", "meaning", "participants have no names in the target's format")
            self._losses.drop(_foreign(turn.rest), path)
            if turn.role == "system":
                self._instruct(turn, path)
                continue
            self._append("model" if turn.role == "assistant" else "user", self._parts(turn.parts, path))
        for content in self.contents:
            _order_results(content, self._order)
        if wish is not None:
            self.system.append({"text": wish})
        opening = [] if self._family.instructions else self.system
        if opening:
            self._losses.add(self._instructed, "hint", "moved: this model takes instructions from the user only")
            self.system = []
        if not self.contents or self.contents[0]["role"] == "model":
            self.contents.insert(0, {"role": "user", "parts": opening or [{"text": BLANK}]})
        elif opening:
            self.contents[0]["parts"][:0] = opening
        if not self._family.prefill and self._is_begun_answer(self.contents[-1]):
            path = f"turns[{len(request.turns) - 1}]"
            self._losses.add(path, "tuning", "this model can't go on with a begun answer; a blank user turn follows")
            self.contents.append({"role": "user", "parts": [{"text": BLANK}]})
        if self._family.needs_signatures:
            self._stand_in_for_signatures()

    @staticmethod
    def _is_begun_answer(content: Wire) -> bool:
        return content["role"] == "model" and not any("functionCall" in part for part in content["parts"])

    @property
    def _order(self) -> dict[str, int]:
        return {call: place for place, call in enumerate(self._calls)}

    def _append(self, role: Role, parts: list[Wire]) -> None:
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"].extend(parts)
        else:
            self.contents.append({"role": role, "parts": parts})

    def _instruct(self, turn: Turn, path: str) -> None:
        """Instructions hold from the start, wherever they were given; what is not text is shown by the user."""
        if not self.system:
            self._instructed = path
        if self.contents:
            self._losses.add(path, "hint", "moved: instructions given midway stand at the beginning")
        for number, part in enumerate(turn.parts):
            written = self._part(part, f"{path}.parts[{number}]")
            if isinstance(part, Text):
                self.system.extend(written)
            elif written:
                self._losses.add(
                    f"{path}.parts[{number}]", "hint", "moved: shown by the user, as instructions are text"
                )
                self._append("user", written)

    def _parts(self, parts: tuple[Part, ...], path: str) -> list[Wire]:
        return [each for number, part in enumerate(parts) for each in self._part(part, f"{path}.parts[{number}]")]

    def _part(self, part: Part, path: str) -> list[Wire]:
        """One part as none, one or several of the wire's."""
        match part:
            case Text():
                return self._text(part, path)
            case Thinking():
                self._losses.drop(_foreign(part.rest), path)
                if not part.text and part.seal is None:
                    return []
                return [_sealed({"text": part.text, "thought": True}, part.seal)]
            case Media():
                return [self._media(part, path)]
            case Call():
                return [self._call(part, path)]
            case Result():
                return self._result(part, path)
            case Foreign(dialect=dialect, block=block):
                if dialect == NAME:
                    return [dict(block)]
                self._losses.add(path, "meaning", f"a block that only {dialect} knows")
                return []

    def _text(self, part: Text, path: str) -> list[Wire]:
        self._extras(part, path)
        for number in range(len(part.citations)):
            self._losses.add(f"{path}.citations[{number}]", "hint", "sources of earlier answers can't be sent back")
        if not part.text and part.seal is None:
            return []
        return [_sealed({"text": part.text}, part.seal, part.rest)]

    def _media(self, part: Media, path: str) -> Wire:
        self._extras(part, path)
        if part.name is not None:
            self._losses.add(f"{path}.name", "tuning", "media have no names in the target's format")
        return _sealed(write_media(part), part.seal, part.rest)

    def _call(self, part: Call, path: str) -> Wire:
        self._extras(part, path)
        self._calls[part.id] = part.name
        if is_cut(part.name):
            self._losses.add(f"{path}.name", "meaning", "the tool's name is too long and was cut")
        call: Wire = {"id": part.id} if part.id else {}
        call |= {"name": wire_name(part.name), "args": self._arguments(part, path)}
        written = _sealed({"functionCall": call}, part.seal, part.rest)
        self._paths[id(written)] = path
        return written

    def _arguments(self, part: Call, path: str) -> Wire:
        if part.custom:
            self._losses.add(f"{path}.arguments", "tuning", f"free text, sent as the argument {RAW_FIELD!r}")
            return {RAW_FIELD: part.arguments}
        if not part.arguments.strip():
            return {}
        try:
            arguments = msgspec.json.decode(part.arguments)
        except (ValueError, RecursionError):
            arguments = None
        if isinstance(arguments, dict):
            return arguments
        self._losses.add(f"{path}.arguments", "tuning", f"not a JSON object, sent as the argument {RAW_FIELD!r}")
        return {RAW_FIELD: part.arguments}

    def _result(self, part: Result, path: str) -> list[Wire]:
        self._losses.drop(_foreign(part.rest), path)
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        name = self._calls.get(part.call) or part.name
        if name is None:
            self._losses.add(f"{path}.call", "meaning", "no call with this id came before; its id stands for the name")
            name = part.call
        texts: list[str] = []
        inside: list[Wire] = []
        beside: list[Wire] = []
        for number, piece in enumerate(part.parts):
            where = f"{path}.parts[{number}]"
            for written in self._part(piece, where):
                if isinstance(piece, Text):
                    texts.append(piece.text)
                elif self._fits_inside(written):
                    inside.append(written)
                else:
                    self._losses.add(where, "hint", "moved: shown right after the result")
                    beside.append(written)
        response: Wire = {"id": part.call} if part.call else {}
        response |= {"name": wire_name(name), "response": _response(texts, error=part.error)}
        if inside:
            response["parts"] = inside
        return [{"functionResponse": response}, *beside]

    def _fits_inside(self, written: Wire) -> bool:
        blob = written.get("inlineData")
        return self._family.result_media and isinstance(blob, Mapping) and blob.get("mimeType") in _IN_RESULTS

    def _extras(self, part: Text | Media | Call, path: str) -> None:
        self._losses.drop(_foreign(part.rest), path)
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")

    def _stand_in_for_signatures(self) -> None:
        """The first call of each step of the current turn must bear a signature, or the request is refused."""
        for content in self.contents[_turn_start(self.contents) :]:
            if content["role"] != "model":
                continue
            first = next((part for part in content["parts"] if "functionCall" in part), None)
            if first is not None and "thoughtSignature" not in first:
                first["thoughtSignature"] = SKIP_SIGNATURE
                path = self._paths.get(id(first), "turns")
                self._losses.add(f"{path}.seal", "hint", "has no thought signature; the model goes on without it")


def _foreign(rest: Any) -> Any:
    """`rest` unless it is our own."""
    return None if rest is not None and rest.dialect == NAME else rest


def _sealed(part: Wire, seal: Seal | None, rest: Any = None) -> Wire:
    """`part` with its signature and with what only this dialect says about it."""
    if rest is not None and rest.dialect == NAME:
        part = {**rest.fields, **part}
    if seal is not None:
        part["thoughtSignature"] = seal.token
    return part


def _response(texts: list[str], *, error: bool) -> Wire:
    """What the tool said, word for word: JSON in it stays text, so that no number or key is respelt."""
    said: Any = texts if len(texts) > 1 else "".join(texts)
    return {ERROR_FIELD if error else RESULT_FIELD: said}


def _order_results(content: Wire, order: Mapping[str, int]) -> None:
    """Results before anything else, in the order of their calls. Media shown beside a result stay behind it."""
    parts: list[Wire] = content["parts"]
    if content["role"] != "user" or not any("functionResponse" in part for part in parts):
        return
    results = [part for part in parts if "functionResponse" in part]
    results.sort(key=lambda part: order.get(part["functionResponse"].get("id", ""), len(order)))
    content["parts"] = results + [part for part in parts if "functionResponse" not in part]


def _turn_start(contents: list[Wire]) -> int:
    """Where the current turn begins: at the last content in which the user says something that is not a result."""
    for place in range(len(contents) - 1, -1, -1):
        content = contents[place]
        if content["role"] == "user" and not any("functionResponse" in part for part in content["parts"]):
            return place
    return 0
