"""Turns as items of the input, in their order. System turns stay where the client put them.

Source: `response_input_param.py` of the official SDK (read 2026-11-24), and recorded requests: an assistant's message
needs neither the `id` nor the `status` that the SDK's type asks for.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from uni_api.canon import Cache, Call, Citation, Foreign, Losses, Media, Part, Rest, Result, Text, Thinking, Turn
from uni_api.dialects.openai_responses._media import media_block
from uni_api.dialects.openai_responses._output import ITEM, OPAQUE
from uni_api.dialects.openai_responses._words import NAME, Block, block, text
from uni_api.dialects.openai_terms import is_kin, kin

MAX_CALL_ID = 64


def write_items(turns: tuple[Turn, ...], losses: Losses) -> list[Block]:
    custom = {part.id for turn in turns for part in turn.parts if isinstance(part, Call) and part.custom}
    items: list[Block] = []
    for index, turn in enumerate(turns):
        path = f"turns[{index}]"
        if turn.name is not None:
            losses.add(f"{path}.name", "tuning", "messages bear no name")
        if turn.role == "assistant":
            said = [*_followed(_spoken(turn, path, losses), losses)]
        else:
            said = [*_told(turn, custom, path, losses)]
        items.extend(said)
        bearer: Block = next((item for item in said if "role" in item), {})
        losses.merge(bearer, turn.rest, NAME, path)
    return items


def _told(turn: Turn, custom: set[str], path: str, losses: Losses) -> Iterator[Block]:
    """A system or user turn: an item for each result, and a message for each stretch of other parts."""
    role = turn.role if turn.role == "user" else kin(turn.rest).get(":role") or "system"
    stretch: list[Block] = []
    for number, part in enumerate(turn.parts):
        where = f"{path}.parts[{number}]"
        if not isinstance(part, Result):
            if (content := _content(part, where, losses)) is not None:
                stretch.append(content)
            continue
        if stretch:
            yield {"role": role, "content": _plain(stretch)}
            stretch = []
        yield _result(part, custom, where, losses)
    if stretch or not turn.parts:
        yield {"role": role, "content": _plain(stretch)}


def _content(part: Part, path: str, losses: Losses) -> Block | None:
    """The content part that says `part`, or None with a loss."""
    match part:
        case Text():
            out: Block | None = {"type": "input_text", "text": part.text}
        case Media():
            out = media_block(part, path, losses)
        case Foreign():
            return _foreign_content(part, path, losses)
        case _:
            losses.add(path, "meaning", f"a {type(part).__name__.lower()} has no place here")
            return None
    if part.seal is not None:
        losses.add(f"{path}.seal", "hint", "only reasoning carries an opaque token")
    if out is None:
        losses.drop(part.rest, path)
        return None
    _cache(out, part.cache, part.rest, path, losses)
    return losses.merge(out, part.rest, NAME, path)


def _foreign_content(part: Foreign, path: str, losses: Losses) -> Block | None:
    if part.dialect == NAME:
        return dict(part.block)
    stored = block(part.block.get("file")).get("file_id")
    if is_kin(part.dialect) and part.block.get("type") == "file" and isinstance(stored, str):
        return {"type": "input_file", "file_id": stored}
    losses.add(path, "meaning", f"a {part.dialect} block has no counterpart ({part.block.get('type')})")
    return None


def _cache(out: Block, cache: Cache | None, rest: Rest | None, path: str, losses: Losses) -> None:
    """A breakpoint goes on in the vendor's own spelling only: models of before refuse the field."""
    if cache is None:
        return
    if kin(rest).get(":cache") != "prompt_cache_breakpoint":
        losses.add(f"{path}.cache", "hint", "the API finds what to cache by itself")
        return
    out["prompt_cache_breakpoint"] = {"mode": "explicit"} | ({"ttl": cache.ttl} if cache.ttl is not None else {})


def _plain(content: list[Block]) -> str | list[Block]:
    """A string for what is one text and nothing else, as most clients write it."""
    if not content:
        return ""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        words: str = content[0]["text"]
        return words
    return content


def _result(result: Result, custom: set[str], path: str, losses: Losses) -> Block:
    content = []
    for number, part in enumerate(result.parts):
        where = f"{path}.parts[{number}]"
        if isinstance(part, Media) and part.kind in ("audio", "video"):
            losses.add(where, "meaning", f"{part.kind} has no place in a tool result")
        elif (one := _content(part, where, losses)) is not None:
            content.append(one)
    kind = "custom_tool_call_output" if result.call in custom else "function_call_output"
    out: Block = {"type": kind, "call_id": _call_id(result.call, f"{path}.call", losses), "output": _plain(content)}
    if result.error:
        losses.add(f"{path}.error", "tuning", "a result can't be marked as an error")
    if result.cache is not None:
        losses.add(f"{path}.cache", "hint", "results are no cache breakpoints")
    return losses.merge(out, result.rest, NAME, path)


# --- what the assistant said ------------------------------------------------------------------------------------------


def _spoken(turn: Turn, path: str, losses: Losses) -> Iterator[tuple[str, Block]]:
    """The items of an assistant turn, each with the path of the part it begins with."""
    message: tuple[str, Block] | None = None
    for number, part in enumerate(turn.parts):
        where = f"{path}.parts[{number}]"
        if isinstance(part, Text):
            said = _said(part, where, losses)
            if message is not None and _joins(message[1], said):
                message[1]["content"] += said["content"]
                continue
            if message is not None:
                yield message
            message = where, said
            continue
        if message is not None:
            yield message
            message = None
        if (item := _item(part, where, losses)) is not None:
            yield where, item
    if message is not None:
        yield message


def _joins(message: Block, other: Block) -> bool:
    """Whether two messages in a row are one: texts that an answer's sources, or another dialect, have cut."""
    same = {**message, "content": None} == {**other, "content": None}
    return same and type(message["content"]) is type(other["content"])


def _said(part: Text, path: str, losses: Losses) -> Block:
    """A message of the assistant: a string where the text says it all, else one typed part."""
    if part.seal is not None:
        losses.add(f"{path}.seal", "hint", "only reasoning carries an opaque token")
    if part.cache is not None:
        losses.add(f"{path}.cache", "hint", "answers are no cache breakpoints")
    out: Block = {"role": "assistant", "content": part.text}
    if part.refusal:
        out = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": part.text}]}
    elif part.citations:
        written = [_annotation(one, f"{path}.citations[{at}]", losses) for at, one in enumerate(part.citations)]
        known = [annotation for annotation in written if annotation is not None]
        content = {"type": "output_text", "text": part.text, "annotations": known}
        out = {"type": "message", "role": "assistant", "content": [content]}
    return losses.merge(out, part.rest, NAME, path)


def _annotation(citation: Citation, path: str, losses: Losses) -> Block | None:
    rest: Mapping[str, Any] = {}
    if citation.rest is not None and citation.rest.dialect == NAME:
        rest = citation.rest.fields
        if "type" in rest:
            return dict(rest)
    if citation.url is None or citation.start is None or citation.end is None:
        losses.add(path, "hint", "a source without a link and a place can't be given back")
        return None
    spot = {"start_index": citation.start, "end_index": citation.end}
    return {"type": "url_citation", "url": citation.url, "title": citation.title or "", **spot, **rest}


def _item(part: Part, path: str, losses: Losses) -> Block | None:
    """The item that says a part which is no text, or None with a loss."""
    match part:
        case Thinking():
            return _thinking(part, path, losses)
        case Call():
            return _call(part, path, losses)
        case Media():
            return _image(part, path, losses)
        case Foreign(dialect=dialect) if dialect == NAME:
            return dict(part.block)
        case Foreign():
            losses.add(path, "meaning", f"a {part.dialect} block has no counterpart ({part.block.get('type')})")
        case _:
            losses.add(path, "meaning", f"a {type(part).__name__.lower()} has no place here")
    return None


def _thinking(part: Thinking, path: str, losses: Losses) -> Block | None:
    if part.seal is None:
        if part.text:
            losses.add(path, "tuning", "reasoning can be given back to its issuer only, and sealed")
        return None
    item = _noted(part.rest)
    if (field := OPAQUE.get(text(item.get("type")))) is not None:
        return {**item, "id": part.seal.id, field: part.seal.token}
    out: Block = {"type": "reasoning"}
    if part.seal.id is not None:
        out["id"] = part.seal.id
    out["summary"] = [{"type": "summary_text", "text": part.text}] if part.text and part.summary else []
    if part.text and not part.summary:
        out["content"] = [{"type": "reasoning_text", "text": part.text}]
    out["encrypted_content"] = part.seal.token
    return losses.merge(out, part.rest, NAME, path)


def _call(call: Call, path: str, losses: Losses) -> Block:
    if call.seal is not None:
        losses.add(f"{path}.seal", "hint", "only reasoning carries an opaque token")
    if call.cache is not None:
        losses.add(f"{path}.cache", "hint", "calls are no cache breakpoints")
    kind, argument = ("custom_tool_call", "input") if call.custom else ("function_call", "arguments")
    id = _call_id(call.id, f"{path}.id", losses)
    out: Block = {"type": kind, "call_id": id, "name": call.name, argument: call.arguments}
    return losses.merge(out, call.rest, NAME, path)


def _image(media: Media, path: str, losses: Losses) -> Block | None:
    """An image that this API made goes back as the call that made it."""
    if (item := _noted(media.rest)) and media.data:
        return {**item, "result": base64.b64encode(media.data).decode("ascii")}
    losses.add(path, "meaning", f"an answer can't hold {media.kind}s")
    return None


def _noted(rest: Rest | None) -> Block:
    """The item that a part of this dialect was read from, as its reader noted it; else an empty one."""
    return block(rest.fields.get(ITEM)) if rest is not None and rest.dialect == NAME else {}


def _call_id(id: str, path: str, losses: Losses) -> str:
    """`id`, or what stands for one that is longer than the API takes: always the same for the same id."""
    if len(id) <= MAX_CALL_ID:
        return id
    losses.add(path, "hint", f"ids have at most {MAX_CALL_ID} characters: another stands for it")
    return f"call_{hashlib.blake2b(id.encode(), digest_size=24).hexdigest()}"


def _followed(items: Iterator[tuple[str, Block]], losses: Losses) -> Iterator[Block]:
    """`items` without reasoning that leads to nothing: the API refuses it when what came of it is missing."""
    waiting: list[tuple[str, Block]] = []
    for path, item in items:
        if item.get("type") == "reasoning":
            waiting.append((path, item))
            continue
        yield from (earlier for _, earlier in waiting)
        waiting = []
        yield item
    for path, _ in waiting:
        losses.add(path, "tuning", "reasoning that nothing follows is refused")
