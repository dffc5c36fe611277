"""Parts of a turn as content blocks."""

import re
from typing import Any

import msgspec

from uni_api.canon import Cache, Call, Citation, Foreign, Losses, Media, Part, Result, Seal, Text, Thinking
from uni_api.dialects.anthropic._media import Block, media_block

NAME = "anthropic"

# What a call holds when its arguments are no JSON object: the API takes objects only.
RAW_ARGUMENTS = "input"

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_IN_RESULTS = frozenset({"text", "image", "document", "search_result", "tool_reference", "browser_state"})


def write_part(part: Part, role: str, path: str, losses: Losses) -> Block | None:
    """The block that says `part`, or None with a loss. Not for calls and results, which need an id."""
    match part:
        case Text():
            return _text(part, role, path, losses)
        case Thinking():
            return _thinking(part, role, path, losses)
        case Media():
            return _media(part, role, path, losses)
        case Foreign():
            return _foreign(part, path, losses)
        case Call() | Result():
            losses.add(path, "meaning", f"a {type(part).__name__.lower()} has no place here")
            return None


def write_call(call: Call, wire_id: str, path: str, losses: Losses) -> Block:
    block: Block = {
        "type": "tool_use",
        "id": wire_id,
        "name": tool_name(call.name, f"{path}.name", losses),
        "input": _input(call, path, losses),
    }
    if wire_id != call.id and call.id:
        losses.add(f"{path}.id", "hint", "the id is spelt with the characters that the target takes, and once only")
    _seal(call.seal, path, losses)
    return _finished(block, call, path, losses)


def write_result(result: Result, wire_id: str, path: str, losses: Losses) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": wire_id}
    if blocks := result_content(result, path, losses):
        block["content"] = plain(blocks)
    if result.error:
        block["is_error"] = True
    return _finished(block, result, path, losses)


def result_content(result: Result, path: str, losses: Losses) -> list[Block]:
    blocks: list[Block] = []
    for index, part in enumerate(result.parts):
        where = f"{path}.parts[{index}]"
        block = write_part(part, "user", where, losses)
        if block is not None and block.get("type") not in _IN_RESULTS:
            losses.add(where, "meaning", "this has no place in a tool result")
        elif block is not None:
            blocks.append(block)
    return blocks


def plain(blocks: list[Block]) -> str | list[Block]:
    """A string when `blocks` is one text without anything else, as most clients write it."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        text: str = blocks[0]["text"]
        return text
    return blocks


def tool_name(name: str, path: str, losses: Losses) -> str:
    """`name` in the characters the API takes: letters, digits, `_` and `-`, 1 to 128 of them."""
    legal = _NOT_IN_NAMES.sub("_", name)[:128] or "unnamed"
    if legal != name:
        losses.add(path, "meaning", f"the tool is called {legal}: the target takes letters, digits, _ and - only")
    return legal


def legal_id(id: str) -> str:
    return _NOT_IN_NAMES.sub("_", id)


def set_cache(block: Block, cache: Cache | None, path: str, losses: Losses) -> None:
    if cache is None:
        return
    block["cache_control"] = {"type": "ephemeral"}
    if cache.ttl in ("5m", "1h"):
        block["cache_control"]["ttl"] = cache.ttl
    elif cache.ttl is not None:
        losses.add(f"{path}.cache.ttl", "hint", "caches live for 5m or 1h")


def _finished(block: Block, part: Text | Media | Call | Result, path: str, losses: Losses) -> Block:
    set_cache(block, part.cache, path, losses)
    return losses.merge(block, part.rest, NAME, path)


def _text(part: Text, role: str, path: str, losses: Losses) -> Block | None:
    if not part.text.strip():
        if part.text or part.cache is not None:
            losses.add(path, "hint", "text without words is refused")
        return None
    block: Block = {"type": "text", "text": part.text}
    if part.citations:
        _cite(block, part.citations, role, path, losses)
    _seal(part.seal, path, losses)
    return _finished(block, part, path, losses)


def _cite(block: Block, citations: tuple[Citation, ...], role: str, path: str, losses: Losses) -> None:
    written = []
    for index, citation in enumerate(citations):
        if role == "assistant" and citation.rest is not None and citation.rest.dialect == NAME:
            written.append(write_citation(citation))
        else:
            losses.add(f"{path}.citations[{index}]", "hint", "a citation of another format can't be given back")
    if written:
        block["citations"] = written


def write_citation(citation: Citation) -> Block:
    """The citation as this dialect spelt it. Precondition: it was read by this dialect."""
    fields = dict(citation.rest.fields) if citation.rest is not None else {}
    kind = fields.get("type")
    if kind == "web_search_result_location":
        fields["url"] = citation.url
    title = "title" if kind in ("web_search_result_location", "search_result_location") else "document_title"
    return {**fields, title: citation.title, "cited_text": citation.quote or ""}


def _thinking(part: Thinking, role: str, path: str, losses: Losses) -> Block | None:
    if part.seal is None or role != "assistant":
        if part.text or part.seal is not None:
            losses.add(path, "meaning", "thinking without a signature, or not of an assistant, is refused")
        losses.drop(part.rest, path)
        return None
    block: Block
    if part.withheld:
        block = {"type": "redacted_thinking", "data": part.seal.token}
        if part.text:
            losses.add(f"{path}.text", "meaning", "withheld thinking has no words")
    else:
        block = {"type": "thinking", "thinking": part.text, "signature": part.seal.token}
    if part.seal.id is not None:
        losses.add(f"{path}.seal.id", "hint", "signatures have no id")
    return losses.merge(block, part.rest, NAME, path)


def _media(part: Media, role: str, path: str, losses: Losses) -> Block | None:
    if role == "assistant":
        losses.add(path, "meaning", f"an assistant turn can't hold {part.kind}s")
        return None
    block = media_block(part, path, losses)
    if block is None:
        return None
    _seal(part.seal, path, losses)
    return _finished(block, part, path, losses)


def _foreign(part: Foreign, path: str, losses: Losses) -> Block | None:
    if part.dialect == NAME:
        return dict(part.block)
    losses.add(path, "meaning", f"a {part.dialect} block has no counterpart")
    return None


def _seal(seal: Seal | None, path: str, losses: Losses) -> None:
    if seal is not None:
        losses.add(f"{path}.seal", "hint", "only thinking carries a signature")


def _input(call: Call, path: str, losses: Losses) -> dict[str, Any]:
    if call.custom:
        return {RAW_ARGUMENTS: call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        losses.add(f"{path}.arguments", "tuning", f"arguments that are no JSON are sent as text, as {RAW_ARGUMENTS!r}")
        return {RAW_ARGUMENTS: call.arguments}
    if isinstance(value, dict):
        return value
    losses.add(f"{path}.arguments", "tuning", f"arguments that are no object are sent as {RAW_ARGUMENTS!r}")
    return {RAW_ARGUMENTS: value}
