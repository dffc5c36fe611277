"""Items of an answer as parts, for whole bodies and for streams.

Source: `response_output_item.py` and its parts in the official SDK (read 2026-11-24). The `id` and the `status` of
messages and calls are not kept: both are handles on what the API stores, which is nothing (see the package's rule 1).
"""

import base64
import binascii
from typing import Any

from uni_api.canon import Call, Citation, Foreign, Media, Part, Rest, Seal, Text, Thinking, Token
from uni_api.dialects.openai_responses._words import NAME, Block, block, blocks, text, text_or_none

Slot = tuple[str, int]
"""A place inside an item: what grows there, and its index."""

SUMMARY: Slot = ("summary", 0)
WORDS: Slot = ("words", 0)
WHOLE: Slot = ("whole", 0)

BETWEEN = "\n\n"
"""What stands between the parts of a summary when they are read as one text."""

ITEM = ":item"
"""The note that holds the rest of an item whose part is told by another kind of part."""

OPAQUE = {"compaction": "encrypted_content", "program": "fingerprint"}
"""Items that hold a blob for their issuer's eyes only, and the field it is in."""

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}


def read_item(item: Block, realm: str) -> list[tuple[Slot, Part]]:
    """The parts of a whole item, each with its place in it."""
    kind = item.get("type")
    match kind:
        case "message" if item.get("role", "assistant") == "assistant" and isinstance(item.get("content"), list):
            return _read_message(item)
        case "reasoning":
            return _read_reasoning(item, realm)
        case "function_call" | "custom_tool_call":
            return [(WHOLE, read_call(item))]
        case "image_generation_call":
            return [(WHOLE, _read_image(item))]
        case "compaction" | "program":
            return [(WHOLE, _read_opaque(item, OPAQUE[kind], realm))]
        case _:
            return [(WHOLE, Foreign(dialect=NAME, block=item))]


def is_call(item: Block) -> bool:
    return text(item.get("type")) in _CALLS


def read_call(item: Block) -> Call:
    argument = _CALLS[item["type"]]
    spent = ("type", "id", "status", "call_id", "name", argument)
    return Call(
        id=text(item.get("call_id")) or text(item.get("id")),
        name=text(item.get("name")),
        arguments=text(item.get(argument)),
        custom=argument == "input",
        rest=_rest(item, spent),
    )


def _read_message(item: Block) -> list[tuple[Slot, Part]]:
    return [(("content", at), read_content(one, item)) for at, one in enumerate(blocks(item["content"]))]


def read_content(content: Block, item: Block) -> Part:
    """One content part of the message `item`."""
    kind = content.get("type")
    rest = _rest(item, ("type", "id", "status", "role", "content"), hints=True)
    match kind:
        case "output_text" | "text":
            citations = tuple(read_citation(one) for one in blocks(content.get("annotations")))
            return Text(text=text(content.get("text")), citations=citations, rest=rest)
        case "refusal":
            return Text(text=text(content.get("refusal")), refusal=True, rest=rest)
        case _:
            return Foreign(dialect=NAME, block={**item, "content": [content]})


def read_citation(item: Block) -> Citation:
    left = dict(item)
    if left.get("type") != "url_citation":
        return Citation(title=text_or_none(left.get("filename")), rest=Rest(NAME, left))
    del left["type"]
    spot = {name: left.pop(name, None) for name in ("start_index", "end_index")}
    start, end = (value if isinstance(value, int) else None for value in spot.values())
    return Citation(
        url=text_or_none(left.pop("url", None)),
        title=text_or_none(left.pop("title", None)),
        start=start,
        end=end,
        rest=Rest(NAME, left) if left else None,
    )


def _read_reasoning(item: Block, realm: str) -> list[tuple[Slot, Part]]:
    """The words where the host shows them, the summary where there is one, and the seal on the last of these. Without
    either it is withheld."""
    rest = _rest(item, ("type", "id", "status", "summary", "content", "encrypted_content"), hints=True)
    seal = _seal(item, "encrypted_content", realm)
    parts: list[tuple[Slot, str]] = []
    if words := BETWEEN.join(text(one.get("text")) for one in blocks(item.get("content"))):
        parts.append((WORDS, words))
    if summary := BETWEEN.join(text(one.get("text")) for one in blocks(item.get("summary"))):
        parts.append((SUMMARY, summary))
    if not parts:
        return [(SUMMARY, Thinking(withheld=True, seal=seal, rest=rest))]
    last = parts[-1][0]
    return [
        (slot, Thinking(text=words, summary=slot == SUMMARY, seal=seal if slot == last else None, rest=rest))
        for slot, words in parts
    ]


def _read_opaque(item: Block, field: str, realm: str) -> Part:
    seal = _seal(item, field, realm)
    if seal is None:
        return Foreign(dialect=NAME, block=item)
    return Thinking(withheld=True, seal=seal, rest=Rest(NAME, {ITEM: _without(item, (field, "id"))}))


def _seal(item: Block, field: str, realm: str) -> Seal | None:
    token = text_or_none(item.get(field))
    return None if token is None else Seal(realm=realm, token=token, id=text_or_none(item.get("id")))


def _read_image(item: Block) -> Part:
    try:
        data = base64.b64decode(text(item.get("result")).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        data = b""
    if not data:
        return Foreign(dialect=NAME, block=item)
    mime = f"image/{text_or_none(item.get('output_format')) or 'png'}"
    return Media(kind="image", mime=mime, data=data, rest=Rest(NAME, {ITEM: _without(item, ("result",))}))


def read_tokens(value: Any) -> tuple[Token, ...]:
    """The tokens of a list of log probabilities; what is none is passed over."""
    return tuple(token for one in blocks(value) if (token := _token(one)) is not None)


def _token(entry: Block) -> Token | None:
    match entry:
        case {"token": str(word), "logprob": float() | int() as logprob}:
            raw = entry.get("bytes")
            rivals = [_token(rival) for rival in blocks(entry.get("top_logprobs"))]
            return Token(
                text=word,
                logprob=logprob,
                bytes=tuple(raw) if isinstance(raw, list) and all(isinstance(one, int) for one in raw) else None,
                top=tuple(rival for rival in rivals if rival is not None),
            )
    return None


def _without(item: Block, names: tuple[str, ...]) -> Block:
    return {name: value for name, value in item.items() if name not in names}


def _rest(item: Block, spent: tuple[str, ...], *, hints: bool = False) -> Rest | None:
    kept = {name: value for name, value in item.items() if name not in spent and value is not None}
    return Rest(NAME, kept, frozenset(kept) if hints else frozenset()) if kept else None


def scored(item: Block) -> tuple[Token, ...]:
    """The tokens of all texts of an item."""
    return tuple(token for one in blocks(block(item).get("content")) for token in read_tokens(one.get("logprobs")))
