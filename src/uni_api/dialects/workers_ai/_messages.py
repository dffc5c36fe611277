"""Turns as messages: text, images as data URLs, calls, and results as messages of the role `tool`.

Source: the input schemas of the models at developers.cloudflare.com/workers-ai/models (read 2026-11-24): `content` is
never null, and images are data URLs only.
"""

import base64

import msgspec
from msgspec import Struct, field

from uni_api.canon import Call, Foreign, Losses, Media, Part, Rest, Result, Text, Thinking, Turn
from uni_api.dialects.workers_ai._words import NAME, RAW_FIELD, Wire

_BETWEEN = "\n\n"
"""Stands between texts that the client sent as several parts, where the message holds nothing else."""


class _Draft(Struct):
    """What one message is made of. `blocks` are its texts and images in order."""

    blocks: list[Wire] = field(default_factory=list)
    calls: list[Wire] = field(default_factory=list)

    def message(self, role: str) -> Wire:
        out: Wire = {"role": role, "content": self.blocks}
        if all(block["type"] == "text" for block in self.blocks):
            out["content"] = ("" if role == "assistant" else _BETWEEN).join(block["text"] for block in self.blocks)
        if self.calls:
            out["tool_calls"] = self.calls
        return out


def needs_bytes(media: Media, /) -> bool:
    """True for a link to an image: the API follows none."""
    return media.kind == "image" and media.data is None and media.url is not None


def write_messages(turns: tuple[Turn, ...], losses: Losses) -> list[Wire]:
    conversation = _Conversation(losses)
    return [message for number, turn in enumerate(turns) for message in conversation.write(turn, f"turns[{number}]")]


class _Conversation:
    """Remembers the names of the calls made: results are told by them as well."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._names: dict[str, str] = {}

    def write(self, turn: Turn, path: str) -> list[Wire]:
        out: list[Wire] = []
        draft = _Draft()
        for number, part in enumerate(turn.parts):
            where = f"{path}.parts[{number}]"
            if isinstance(part, Result):
                if draft != _Draft():
                    out.append(draft.message(turn.role))
                    draft = _Draft()
                out.append(self._result(part, where))
            else:
                self._add(part, draft, where)
        if draft != _Draft() or not out:
            out.append(draft.message(turn.role))
        if turn.name is not None:
            self._losses.add(f"{path}.name", "tuning", "participants have no names")
        self._losses.merge(out[-1], turn.rest, NAME, path)
        return out

    def _add(self, part: Part, draft: _Draft, path: str) -> None:
        match part:
            case Text():
                self._extras(part, path)
                for number in range(len(part.citations)):
                    self._losses.add(f"{path}.citations[{number}]", "hint", "sources can't be sent back")
                if part.text:
                    draft.blocks.append({"type": "text", "text": part.text})
            case Media():
                self._extras(part, path)
                self._image(part, draft, path)
            case Call():
                self._extras(part, path)
                draft.calls.append(self._call(part, path))
            case Thinking():
                self._losses.drop(_others(part.rest), path)
                if part.text or part.seal is not None:
                    self._losses.add(path, "tuning", "thinking of earlier answers is not taken")
            case Foreign(dialect=dialect):
                self._losses.add(path, "meaning", f"a block that only {dialect} knows")
            case Result():
                self._losses.add(path, "meaning", "a result has no place in a result")

    def _image(self, part: Media, draft: _Draft, path: str) -> None:
        if part.kind != "image" or not part.data:
            self._losses.add(path, "meaning", f"{part.kind} is not taken, or not without its bytes")
            return
        if part.name is not None:
            self._losses.add(f"{path}.name", "tuning", "images have no file name")
        if part.detail is not None and part.detail != "auto":
            self._losses.add(f"{path}.detail", "hint", "image resolution can't be chosen")
        data = base64.b64encode(part.data).decode("ascii")
        draft.blocks.append(
            {"type": "image_url", "image_url": {"url": f"data:{part.mime or 'image/png'};base64,{data}"}}
        )

    def _call(self, part: Call, path: str) -> Wire:
        self._names[part.id] = part.name
        arguments = part.arguments or "{}"
        if part.custom:
            self._losses.add(f"{path}.arguments", "tuning", f"free text, sent as the argument {RAW_FIELD!r}")
            arguments = msgspec.json.encode({RAW_FIELD: part.arguments}).decode()
        return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": arguments}}

    def _result(self, part: Result, path: str) -> Wire:
        draft = _Draft()
        for number, piece in enumerate(part.parts):
            where = f"{path}.parts[{number}]"
            if isinstance(piece, Call):
                self._losses.add(where, "meaning", "a call has no place in a result")
            else:
                self._add(piece, draft, where)
        out = draft.message("tool") | {"tool_call_id": part.call}
        if name := self._names.get(part.call) or part.name:
            out["name"] = name
        if part.error:
            self._losses.add(f"{path}.error", "tuning", "a result can't be marked as an error")
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        return self._losses.merge(out, part.rest, NAME, path)

    def _extras(self, part: Text | Media | Call, path: str) -> None:
        self._losses.drop(_others(part.rest), path)
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        if part.seal is not None:
            self._losses.add(f"{path}.seal", "hint", "no part carries an opaque token")


def _others(rest: Rest | None) -> Rest | None:
    """`rest` unless it is our own."""
    return None if rest is not None and rest.dialect == NAME else rest
