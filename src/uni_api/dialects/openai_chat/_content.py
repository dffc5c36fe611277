"""The content of a message: a string, or a list of typed parts."""

from typing import Any

from uni_api.canon import Cache, Foreign, Losses, Media, Part, Rest, Text, Thinking
from uni_api.dialects.openai_chat import _media
from uni_api.dialects.openai_chat._fields import NAME, Fields, note, restore, wrong

Notes = dict[str, Any]

_HINTS = frozenset({"cache_control", "prompt_cache_breakpoint"})


def read_content(fields: Fields) -> tuple[list[Part], Notes]:
    """The parts in `fields.content`, and the note that tells how they were spelt where that is not the usual way.

    An empty string is no part at all.
    """
    absent = "content" not in fields.left
    value = fields.left.pop("content", None)
    if value is None:
        return [], {":content": "absent" if absent else "null"}
    if isinstance(value, str):
        return ([Text(text=value)], {}) if value else ([], {":content": "empty"})
    if not isinstance(value, list):
        wrong(fields.where("content"), "a string or an array of parts")
    at = fields.where("content")
    parts = [_read_part(one, f"{at}[{index}]") for index, one in enumerate(value)]
    return parts, {":content": "list"}


def _read_part(value: Any, path: str) -> Part:
    if isinstance(value, str):
        # Some clients send bare strings among the parts.
        return Text(text=value, rest=Rest(NAME, {":bare": True}))
    fields = Fields(value, path)
    kind = fields.text("type")
    notes: Notes = {}
    if kind is None and "text" in fields.left:
        kind = "text"
        notes[":untyped"] = True
    if kind not in ("text", "refusal", "thinking") and kind not in _media.TYPES:
        return Foreign(dialect=NAME, block=value)
    if kind == "thinking":
        return _read_thinking(fields, value, notes)
    cache = read_cache(fields, notes)
    if kind in _media.TYPES:
        return _media.read_media(kind, fields, cache, notes)
    text = fields.must_text(kind)
    if kind == "refusal":
        notes[":inline"] = True
    return Text(text=text, refusal=kind == "refusal", cache=cache, rest=fields.rest(notes, _HINTS))


def _read_thinking(fields: Fields, value: dict[str, Any], notes: Notes) -> Part:
    """A host's `thinking` part: a list with one text, or a string. Anything else is kept whole."""
    notes[":inline"] = "string" if isinstance(fields.left.get("thinking"), str) else "list"
    text = thinking_text(fields.any("thinking"))
    return Foreign(dialect=NAME, block=value) if text is None else Thinking(text=text, rest=fields.rest(notes, _HINTS))


def thinking_text(value: Any) -> str | None:
    """The words of a `thinking` part's value, or None when it holds more than one plain text."""
    match value:
        case str(text):
            return text
        case [{"type": "text", "text": str(text)} as only] if len(only) == 2:
            return text
    return None


def read_cache(fields: Fields, notes: Notes) -> Cache | None:
    """A cache breakpoint, `cache_control` or `prompt_cache_breakpoint`. One in an unknown form stays a leftover."""
    for name, key, word in (("cache_control", "type", "ephemeral"), ("prompt_cache_breakpoint", "mode", "explicit")):
        value = fields.left.get(name)
        if isinstance(value, dict) and value.get(key) == word and value.keys() <= {key, "ttl"}:
            ttl = value.get("ttl")
            if isinstance(ttl, str) or "ttl" not in value:
                del fields.left[name]
                notes[":cache"] = name
                return Cache(ttl=ttl)
    return None


def write_cache(out: dict[str, Any], cache: Cache | None, rest: Rest | None, losses: Losses, path: str) -> None:
    """Put a breakpoint back in the client's own spelling. One from another dialect is a hint lost.

    Hosts of this format refuse fields they do not know, and most know neither spelling.
    """
    if cache is None:
        return
    match note(rest, ":cache"):
        case "cache_control":
            out["cache_control"] = {"type": "ephemeral"} | ({"ttl": cache.ttl} if cache.ttl is not None else {})
        case "prompt_cache_breakpoint":
            out["prompt_cache_breakpoint"] = {"mode": "explicit"} | (
                {"ttl": cache.ttl} if cache.ttl is not None else {}
            )
        case _:
            losses.add(f"{path}.cache", "hint", "cache breakpoints are not part of the chat format")


def write_content(parts: list[tuple[str, Part]], how: str | None, losses: Losses) -> Any:
    """The value of `content` for parts with their paths. `how` is the note of `read_content`."""
    written = [(part, block) for path, part in parts if (block := write_part(part, losses, path)) is not None]
    if not written:
        return {"null": None, "list": []}.get(how or "", "")
    if len(written) == 1 and how != "list":
        block = written[0][1]
        if isinstance(block, dict) and block.keys() == {"type", "text"}:
            return block["text"]
    return [block for _, block in written]


def write_part(part: Part, losses: Losses, path: str) -> Any:
    """One typed part, or None (entered as a loss) when the chat format can't say it in a message's content."""
    out: Any
    match part:
        case Text():
            if note(part.rest, ":bare"):
                return part.text
            word = "refusal" if part.refusal else "text"
            out = {word: part.text} if note(part.rest, ":untyped") else {"type": word, word: part.text}
            if part.seal is not None:
                losses.add(f"{path}.seal", "hint", "text carries no opaque token in the chat format")
        case Thinking():
            listed = note(part.rest, ":inline") == "list"
            out = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}] if listed else part.text}
            return restore(out, part.rest, losses, path)
        case Media():
            out = _media.write_media(part, losses, path)
            if out is None:
                losses.drop(part.rest, path)
                return None
            if part.seal is not None:
                losses.add(f"{path}.seal", "hint", "media carry no opaque token in the chat format")
        case Foreign(dialect=dialect, block=block):
            if dialect == NAME:
                return dict(block)
            losses.add(path, "meaning", f"a block of another dialect ({block.get('type', 'unnamed')})")
            return None
        case _:
            losses.add(path, "meaning", f"a {type(part).__name__.lower()} has no place in a message's content")
            return None
    write_cache(out, part.cache, part.rest, losses, path)
    return restore(out, part.rest, losses, path)
