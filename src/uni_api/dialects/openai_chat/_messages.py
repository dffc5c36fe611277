"""Messages to turns and back.

A tool message is a user turn with one result. A user turn that holds results and other parts becomes several messages.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from uni_api.canon import Call, Losses, Media, Part, Rest, Result, Turn
from uni_api.dialects.openai_chat._carry import Blobs, Packed
from uni_api.dialects.openai_chat._content import Notes, read_cache, read_content, write_cache, write_content
from uni_api.dialects.openai_chat._fields import NAME, Fields, missing, note, restore, wrong
from uni_api.dialects.openai_chat._spoken import read_spoken, write_spoken

_HINTS = frozenset({"cache_control", "prompt_cache_breakpoint", "annotations"})
_ROLES = "'system', 'developer', 'user', 'assistant', 'tool' or 'function'"


def read_messages(value: Any) -> tuple[Turn, ...]:
    if value is None:
        missing("messages")
    if not isinstance(value, list):
        wrong("messages", "an array")
    if not value:
        wrong("messages", "an array with at least one message")
    conversation = _Conversation()
    return tuple(conversation.read(one, f"messages[{index}]") for index, one in enumerate(value))


class _Conversation:
    """Messages in their order. Remembers which calls wait for a result, for clients that give no ids."""

    def __init__(self) -> None:
        self._packed = Packed()
        self._waiting: list[Call] = []
        self._minted = 0

    def read(self, value: Any, path: str) -> Turn:
        fields = Fields(value, path)
        match fields.text("role"):
            case "user":
                return self._plain("user", fields, {})
            case "system":
                return self._plain("system", fields, {})
            case "developer":
                return self._plain("system", fields, {":role": "developer"})
            case "assistant":
                return self._assistant(fields)
            case "tool":
                return self._tool(fields, legacy=False)
            case "function":
                return self._tool(fields, legacy=True)
            case None:
                missing(fields.where("role"))
        wrong(fields.where("role"), _ROLES)

    def _plain(self, role: Any, fields: Fields, notes: Notes) -> Turn:
        parts, spelt = read_content(fields)
        notes |= spelt
        parts = _marked(parts, fields, notes)
        return Turn(role=role, parts=tuple(parts), name=fields.text("name"), rest=_rest(fields, notes))

    def _assistant(self, fields: Fields) -> Turn:
        parts, notes = read_spoken(fields, self._packed)
        parts = _marked(parts, fields, notes)
        named = [self._with_id(part) if isinstance(part, Call) else part for part in parts]
        self._waiting = [part for part in named if isinstance(part, Call)]
        return Turn(role="assistant", parts=tuple(named), name=fields.text("name"), rest=_rest(fields, notes))

    def _with_id(self, call: Call) -> Call:
        if call.id:
            return call
        self._minted += 1
        return msgspec.structs.replace(call, id=f"call_{self._minted}")

    def _tool(self, fields: Fields, *, legacy: bool) -> Turn:
        notes: Notes = {":role": "function"} if legacy else {}
        parts, spelt = read_content(fields)
        notes |= spelt
        name = fields.text("name")
        id = fields.text("tool_call_id")
        if id is None:
            notes[":no_id"] = True
            id = self._awaited(name)
        self._waiting = [call for call in self._waiting if call.id != id]
        cache = read_cache(fields, notes)
        result = Result(call=id, parts=tuple(parts), name=name, cache=cache, rest=_rest(fields, notes))
        return Turn(role="user", parts=(result,))

    def _awaited(self, name: str | None) -> str:
        """The id of the call that a result without an id answers: the first of its name, else the first waiting."""
        for call in self._waiting:
            if name is None or call.name == name:
                return call.id
        return self._waiting[0].id if self._waiting else f"call_{self._minted or 1}"


def _rest(fields: Fields, notes: Notes) -> Rest | None:
    return fields.rest({name: value for name, value in notes.items() if value is not None}, _HINTS)


def _marked(parts: list[Part], fields: Fields, notes: Notes) -> list[Part]:
    """A breakpoint on the message itself belongs to its last part."""
    seen: Notes = {}
    if not parts or getattr(parts[-1], "cache", parts) is not None:
        return parts
    cache = read_cache(fields, seen)
    if cache is None:
        return parts
    notes[":cache"] = seen[":cache"]
    return [*parts[:-1], msgspec.structs.replace(parts[-1], cache=cache)]


def write_messages(turns: Iterable[Turn], blobs: Blobs, losses: Losses) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for index, turn in enumerate(turns):
        path = f"turns[{index}]"
        if turn.role == "assistant":
            out.append(_write_assistant(turn, blobs, losses, path))
        else:
            out.extend(_write_plain(turn, losses, path))
    return out


def _write_assistant(turn: Turn, blobs: Blobs, losses: Losses, path: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    turn = _unmarked(message, turn)
    message |= write_spoken(turn.parts, turn.rest, blobs, losses, path)
    return _finished(message, turn, losses, path)


def _write_plain(turn: Turn, losses: Losses, path: str) -> list[dict[str, Any]]:
    """A system or user turn: a message for each result, and one for each stretch of other parts.

    Media in a result that came from another dialect follow in a user message, after the last of the results.
    """
    role = note(turn.rest, ":role") or turn.role
    if not any(isinstance(part, Result) for part in turn.parts):
        message: dict[str, Any] = {"role": role}
        turn = _unmarked(message, turn)
        located = [(f"{path}.parts[{at}]", part) for at, part in enumerate(turn.parts)]
        _put_content(message, located, note(turn.rest, ":content"), losses)
        return [_finished(message, turn, losses, path)]
    out: list[dict[str, Any]] = []
    stretch: list[tuple[str, Part]] = []
    shown: list[tuple[str, Part]] = []
    for at, part in enumerate(turn.parts):
        where = f"{path}.parts[{at}]"
        if isinstance(part, Result):
            _flush(out, role, stretch, losses)
            out.append(_write_result(part, shown, losses, where))
        else:
            stretch.append((where, part))
    _flush(out, role, [*shown, *stretch], losses)
    if turn.rest is not None:
        losses.drop(turn.rest if turn.rest.dialect != NAME else None, path)
    return out


def _flush(out: list[dict[str, Any]], role: str, stretch: list[tuple[str, Part]], losses: Losses) -> None:
    if stretch:
        out.append({"role": role, "content": write_content(list(stretch), None, losses)})
        stretch.clear()


def _put_content(message: dict[str, Any], parts: Sequence[tuple[str, Part]], how: str | None, losses: Losses) -> None:
    if parts or how != "absent":
        message["content"] = write_content(list(parts), how, losses)


def _write_result(result: Result, shown: list[tuple[str, Part]], losses: Losses, path: str) -> dict[str, Any]:
    out: dict[str, Any] = {"role": note(result.rest, ":role") or "tool"}
    if not note(result.rest, ":no_id"):
        out["tool_call_id"] = result.call
    how = note(result.rest, ":content")
    inside = [(f"{path}.parts[{at}]", part) for at, part in enumerate(result.parts)]
    if how != "list":
        shown.extend(entry for entry in inside if isinstance(entry[1], Media))
        inside = [entry for entry in inside if not isinstance(entry[1], Media)]
    _put_content(out, inside, how, losses)
    if result.name is not None and (out["role"] == "function" or result.rest is None or result.rest.dialect == NAME):
        out["name"] = result.name
    if result.error:
        losses.add(f"{path}.error", "tuning", "a tool message can't be marked as an error")
    write_cache(out, result.cache, result.rest, losses, path)
    return restore(out, result.rest, losses, path)


def _unmarked(message: dict[str, Any], turn: Turn) -> Turn:
    """Put a breakpoint that the client set on the message back there; the turn without it."""
    if turn.rest is None or not turn.parts or note(turn.rest, ":cache") is None:
        return turn
    last = turn.parts[-1]
    write_cache(message, getattr(last, "cache", None), turn.rest, Losses(), "")
    bare = msgspec.structs.replace(last, cache=None)
    return msgspec.structs.replace(turn, parts=(*turn.parts[:-1], bare))


def _finished(message: dict[str, Any], turn: Turn, losses: Losses, path: str) -> dict[str, Any]:
    if turn.name is not None:
        message["name"] = turn.name
    return restore(message, turn.rest, losses, path)
