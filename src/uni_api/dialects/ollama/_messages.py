"""Turns as messages: one text, images and calls each. A result is a message of its own, of the role `tool`.

Source: `Message` and `ToolCall` in api/types.go of github.com/ollama/ollama (read 2026-11-24). Ids of calls are newer
than the format; versions that do not know them pass over them.
"""

import msgspec
from msgspec import Struct, field

from uni_api.canon import Call, Foreign, Losses, Media, Part, Rest, Result, Text, Thinking, Turn
from uni_api.dialects.ollama._images import write_image
from uni_api.dialects.ollama._words import NAME, RAW_FIELD, Wire

_BETWEEN = "\n\n"
"""Stands between the texts of one message, as the server itself joins messages of one role."""


class _Draft(Struct):
    """What one message is made of."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    calls: list[Wire] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.texts or self.thoughts or self.images or self.calls)

    def message(self, role: str) -> Wire:
        out: Wire = {"role": role, "content": ("" if role == "assistant" else _BETWEEN).join(self.texts)}
        if self.thoughts:
            out["thinking"] = "".join(self.thoughts)
        if self.images:
            out["images"] = self.images
        if self.calls:
            out["tool_calls"] = self.calls
        return out


def write_messages(turns: tuple[Turn, ...], losses: Losses) -> list[Wire]:
    conversation = _Conversation(losses)
    return [message for number, turn in enumerate(turns) for message in conversation.write(turn, f"turns[{number}]")]


class _Conversation:
    """Remembers the names of the calls made: results are told by them."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._names: dict[str, str] = {}

    def write(self, turn: Turn, path: str) -> list[Wire]:
        if turn.name is not None:
            self._losses.add(f"{path}.name", "tuning", "participants have no names")
        out: list[Wire] = []
        draft = _Draft()
        for number, part in enumerate(turn.parts):
            where = f"{path}.parts[{number}]"
            if isinstance(part, Result):
                if not draft.empty:
                    out.append(draft.message(turn.role))
                    draft = _Draft()
                out.append(self._result(part, where))
            else:
                self._add(part, turn.role, draft, where)
        if not draft.empty or not out:
            out.append(draft.message(turn.role))
        self._keep(out[-1], turn.rest, path)
        return out

    def _add(self, part: Part, role: str, draft: _Draft, path: str) -> None:
        match part:
            case Text():
                self._text(part, draft, path)
            case Thinking():
                self._thinking(part, role, draft, path)
            case Media():
                self._image(part, draft, path)
            case Call():
                draft.calls.append(self._call(part, path))
            case Foreign(dialect=dialect):
                self._losses.add(path, "meaning", f"a block that only {dialect} knows")
            case Result():
                self._losses.add(path, "meaning", "a result has no place in a result")

    def _text(self, part: Text, draft: _Draft, path: str) -> None:
        self._extras(part, path)
        for number in range(len(part.citations)):
            self._losses.add(f"{path}.citations[{number}]", "hint", "sources of earlier answers can't be sent back")
        if part.text:
            draft.texts.append(part.text)

    def _thinking(self, part: Thinking, role: str, draft: _Draft, path: str) -> None:
        self._losses.drop(_others(part.rest), path)
        if part.seal is not None:
            self._losses.add(f"{path}.seal", "hint", "thinking carries no opaque token")
        if part.text and role == "assistant":
            draft.thoughts.append(part.text)
        elif part.text:
            self._losses.add(path, "meaning", "only an assistant thinks")

    def _image(self, part: Media, draft: _Draft, path: str) -> None:
        image = write_image(part, path, self._losses)
        if image is None:
            return
        if draft.texts:
            self._losses.add(path, "hint", "moved: images stand before the text of their message")
        draft.images.append(image)

    def _call(self, part: Call, path: str) -> Wire:
        self._extras(part, path)
        self._names[part.id] = part.name
        out: Wire = {"id": part.id} if part.id else {}
        out |= {"type": "function", "function": {"name": part.name, "arguments": self._arguments(part, path)}}
        return self._keep(out, part.rest, path)

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

    def _result(self, part: Result, path: str) -> Wire:
        draft = _Draft()
        for number, piece in enumerate(part.parts):
            self._add(piece, "tool", draft, f"{path}.parts[{number}]")
        if draft.calls:
            self._losses.add(path, "meaning", "a call has no place in a result")
            draft.calls = []
        out = draft.message("tool")
        name = self._names.get(part.call) or part.name
        if name:
            out["tool_name"] = name
        if part.call:
            out["tool_call_id"] = part.call
        if part.error:
            self._losses.add(f"{path}.error", "tuning", "a result can't be marked as an error")
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        return self._keep(out, part.rest, path)

    def _extras(self, part: Text | Call, path: str) -> None:
        if isinstance(part, Text):
            self._losses.drop(_others(part.rest), path)
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        if part.seal is not None:
            self._losses.add(f"{path}.seal", "hint", "neither text nor calls carry an opaque token")

    def _keep(self, out: Wire, rest: Rest | None, path: str) -> Wire:
        return self._losses.merge(out, rest, NAME, path)


def _others(rest: Rest | None) -> Rest | None:
    """`rest` unless it is our own."""
    return None if rest is not None and rest.dialect == NAME else rest
