"""Turns as messages. A result is a message of its own, of the role `tool`; thoughts and plans go back where they stood.

Results hold no images: these are shown by the user, after the last of the results that stand together.

Source: docs.cohere.com, page "Chat", and `ChatMessageV2` of the official SDK (read 2026-11-24): an assistant's message
has its plan, its content, its calls and its citations in fields of their own.
"""

import msgspec
from msgspec import Struct, field

from uni_api.canon import Call, Foreign, Losses, Media, Part, Rest, Result, Text, Thinking, Turn
from uni_api.dialects.cohere._citations import write_citations
from uni_api.dialects.cohere._images import image_block
from uni_api.dialects.cohere._words import NAME, PLAN, RAW_FIELD, THINKING, Wire


class _Draft(Struct):
    """What one message is made of. `blocks` are its texts, images and thoughts in order."""

    plan: list[str] = field(default_factory=list)
    blocks: list[Wire] = field(default_factory=list)
    calls: list[Wire] = field(default_factory=list)
    citations: list[Wire] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.plan or self.blocks or self.calls)

    def message(self, role: str) -> Wire:
        out: Wire = {"role": role}
        if self.plan:
            out[PLAN] = "".join(self.plan)
        if self.blocks or not (self.plan or self.calls):
            out["content"] = self._content()
        if self.calls:
            out["tool_calls"] = self.calls
        if self.citations:
            out["citations"] = self.citations
        return out

    def _content(self) -> str | list[Wire]:
        match self.blocks:
            case []:
                return ""
            case [{"type": "text", "text": str(text), **others}] if not others:
                return text
        return self.blocks


def write_messages(turns: tuple[Turn, ...], losses: Losses) -> list[Wire]:
    writer = _Writer(losses)
    out: list[Wire] = []
    for number, turn in enumerate(turns):
        for message in writer.write(turn, f"turns[{number}]"):
            if message["role"] != "tool":
                _show(writer.shown, message, out)
            out.append(message)
    if writer.shown:
        out.append({"role": "user", "content": writer.shown})
    return out


def _show(shown: list[Wire], message: Wire, out: list[Wire]) -> None:
    """Put the images of results before `message`: into it where a user speaks, else into a message of their own."""
    if not shown:
        return
    if message["role"] == "user":
        said = message["content"]
        if isinstance(said, str):
            said = [{"type": "text", "text": said}] if said else []
        message["content"] = [*shown, *said]
    else:
        out.append({"role": "user", "content": list(shown)})
    shown.clear()


class _Writer:
    """Writes turn by turn. `shown` holds the images of results that no message has shown yet."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.shown: list[Wire] = []

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
        self._losses.merge(out[-1], turn.rest, NAME, path)
        return out

    def _add(self, part: Part, role: str, draft: _Draft, path: str) -> None:
        match part:
            case Text():
                self._text(part, role, draft, path)
            case Thinking():
                self._thinking(part, role, draft, path)
            case Media() if role in ("user", "tool"):
                if (block := image_block(part, path, self._losses)) is None:
                    return
                if role == "tool":
                    self._losses.add(path, "hint", "moved: images of results follow them")
                (draft.blocks if role == "user" else self.shown).append(block)
            case Media(kind=kind):
                self._losses.add(path, "meaning", f"{kind} is taken from a user only")
            case Call() if role == "assistant":
                draft.calls.append(self._call(part, path))
            case Call():
                self._losses.add(path, "meaning", "only an assistant calls tools")
            case Foreign(dialect=dialect, block=block) if dialect == NAME:
                draft.blocks.append(dict(block))
            case Foreign(dialect=dialect):
                self._losses.add(path, "meaning", f"a block that only {dialect} knows")
            case Result():
                self._losses.add(path, "meaning", "a result has no place in a result")

    def _text(self, part: Text, role: str, draft: _Draft, path: str) -> None:
        self._extras(part, path)
        if not part.text:
            return
        place = len(draft.blocks)
        draft.blocks.append(self._losses.merge({"type": "text", "text": part.text}, part.rest, NAME, path))
        if role == "assistant":
            draft.citations += write_citations(part.citations, place, path, self._losses)
            return
        for number in range(len(part.citations)):
            self._losses.add(f"{path}.citations[{number}]", "hint", "only an assistant cites")

    def _thinking(self, part: Thinking, role: str, draft: _Draft, path: str) -> None:
        if not part.text:
            self._losses.drop(part.rest, path)
            if part.seal is not None:
                self._losses.add(path, "tuning", "thinking whose words are not known can't be sent")
        elif role != "assistant":
            self._losses.add(path, "meaning", "only an assistant thinks")
        elif part.seal is not None and part.seal.token == PLAN:
            self._losses.drop(part.rest, path)
            draft.plan.append(part.text)
        else:
            block = {"type": THINKING, THINKING: part.text}
            draft.blocks.append(self._losses.merge(block, part.rest, NAME, path))

    def _call(self, part: Call, path: str) -> Wire:
        self._extras(part, path)
        arguments = part.arguments if part.arguments.strip() else "{}"
        if part.custom:
            self._losses.add(f"{path}.arguments", "tuning", f"free text, sent as the argument {RAW_FIELD!r}")
            arguments = msgspec.json.encode({RAW_FIELD: part.arguments}).decode()
        out = {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": arguments}}
        return self._losses.merge(out, part.rest, NAME, path)

    def _result(self, part: Result, path: str) -> Wire:
        draft = _Draft()
        for number, piece in enumerate(part.parts):
            self._add(piece, "tool", draft, f"{path}.parts[{number}]")
        out = {"role": "tool", "tool_call_id": part.call} | draft.message("tool")
        if part.error:
            self._losses.add(f"{path}.error", "tuning", "a result can't be marked as an error")
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        return self._losses.merge(out, part.rest, NAME, path)

    def _extras(self, part: Text | Call, path: str) -> None:
        if part.cache is not None:
            self._losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
        if part.seal is not None:
            self._losses.add(f"{path}.seal", "hint", "neither text nor calls carry an opaque token")
        if part.rest is not None and isinstance(part, Text) and not part.text:
            self._losses.drop(_others(part.rest), path)


def _others(rest: Rest) -> Rest | None:
    """`rest` unless it is our own."""
    return None if rest.dialect == NAME else rest
