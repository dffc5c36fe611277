"""Replies, wire to canon: whole bodies, and the pieces that streams share with them.

Source: the service model of botocore 1.44, shape ConverseResponse (read 2026-11-24).
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.canon import (
    Call,
    Choice,
    Citation,
    Finish,
    Foreign,
    Media,
    Part,
    Reply,
    Rest,
    Seal,
    Text,
    Thinking,
    Usage,
)
from uni_api.dialects.converse._media import Block
from uni_api.dialects.converse._names import NAME
from uni_api.dialects.converse.error import fault_of
from uni_api.errors import Fault

_REASONS: dict[str, Finish] = {
    "end_turn": Finish("stop", "end_turn"),
    "stop_sequence": Finish("stop", "stop_sequence"),
    "max_tokens": Finish("length", "max_tokens"),
    "model_context_window_exceeded": Finish("length", "model_context_window_exceeded"),
    "tool_use": Finish("calls", "tool_use"),
    "guardrail_intervened": Finish("filter", "guardrail_intervened"),
    "content_filtered": Finish("filter", "content_filtered"),
}

SERVER_TOOL = "server_tool_use"

_ERROR_WORDS = ("message", "Message", "__type")


def read_reply(body: Block, realm: str, /) -> Reply:
    """Raises Fault when `body` is an error in disguise or no message."""
    if not isinstance(body, dict):
        raise Fault("protocol", "The upstream's answer is not a JSON object.")
    left = dict(body)
    output = left.pop("output", None)
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        if isinstance(body.get("Output"), dict) or any(isinstance(body.get(name), str) for name in _ERROR_WORDS):
            raise fault_of(body)
        raise Fault("protocol", "The upstream's answer has no content.")
    parts = tuple(read_block(block, realm) for block in content if isinstance(block, dict))
    usage = left.pop("usage", None)
    return Reply(
        choices=(Choice(parts=parts, finish=read_finish(left)),),
        usage=read_usage(usage) if isinstance(usage, dict) else None,
        rest=read_rest(left, usage),
    )


def read_block(block: Block, realm: str) -> Part:
    match block:
        case {"text": str(text)}:
            return Text(text=text)
        case {"citationsContent": {"content": list(pieces), "citations": list(citations), **left}}:
            return Text(text=joined(pieces), citations=tuple(map(read_citation, citations)), rest=rest_of(left))
        case {"reasoningContent": {"reasoningText": {"text": str(text), **left}}}:
            token = left.pop("signature", None)
            return Thinking(text=text, seal=seal_of(token, realm), rest=rest_of(left))
        case {"reasoningContent": {"redactedContent": str(token)}}:
            return Thinking(withheld=True, seal=seal_of(token, realm))
        case {"toolUse": {"toolUseId": str(id), "name": str(name), **left}} if left.get("type") != SERVER_TOOL:
            left.pop("type", None)
            return Call(id=id, name=name, arguments=_arguments(left.pop("input", None)), rest=rest_of(left))
        case {"image": {"format": str(form), "source": {"bytes": str(data)}, **left}}:
            if (raw := decoded(data)) is not None:
                return Media(kind="image", mime=f"image/{form}", data=raw, rest=rest_of(left))
    return Foreign(dialect=NAME, block=block)


def decoded(data: str) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def seal_of(token: object, realm: str) -> Seal | None:
    return Seal(realm=realm, token=token) if isinstance(token, str) and token else None


def joined(pieces: Any) -> str:
    """The words in a list of `{"text": ...}`."""
    return "".join(text for piece in pieces if isinstance(piece, dict) and isinstance(text := piece.get("text"), str))


def read_citation(item: Any) -> Citation:
    """`quote` are the cited words; the place in the document stays in `rest`, as no other dialect counts so."""
    left = dict(item) if isinstance(item, dict) else {}
    title = left.pop("title", None)
    sources = left.get("sourceContent")
    if isinstance(sources, list) and len(sources) < 2:
        del left["sourceContent"]
    location = left.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    return Citation(
        url=text_or_none(web.get("url")) if isinstance(web, dict) else None,
        title=text_or_none(title),
        quote=joined(sources) if isinstance(sources, list) and sources else None,
        rest=Rest(NAME, left),
    )


def read_finish(left: Block) -> Finish:
    """Takes the word about the end out of `left`; the stop sequence that a client asked to be shown is its detail."""
    word = text_or_none(left.pop("stopReason", None))
    more = left.get("additionalModelResponseFields")
    detail = text_or_none(more.get("stop_sequence")) if isinstance(more, dict) else None
    known = _REASONS.get(word, Finish("other", word)) if word is not None else Finish("other")
    return msgspec.structs.replace(known, detail=detail) if detail is not None else known


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Counters as the API gives them are disjoint already. Anything but a count reads as 0."""
    details = usage.get("cacheDetails")
    hour = sum(
        _count(detail.get("inputTokens"))
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, dict) and detail.get("ttl") == "1h"
    )
    return Usage(
        input=_count(usage.get("inputTokens")),
        cache_read=_count(usage.get("cacheReadInputTokens")),
        cache_write=_count(usage.get("cacheWriteInputTokens")),
        cache_write_1h=hour,
        output=_count(usage.get("outputTokens")),
    )


_READ_USAGE = frozenset(
    {
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheDetails",
        # Older names that the service still sends beside the new ones.
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
    }
)


def read_rest(left: Block, usage: object) -> Rest | None:
    """What is said about the whole reply beyond canon; its leftovers of usage under `usage`."""
    fields = {name: value for name, value in left.items() if value is not None}
    if isinstance(usage, dict):
        more = {name: value for name, value in usage.items() if value not in (None, {}) and name not in _READ_USAGE}
        if more:
            fields["usage"] = more
    return Rest(NAME, fields) if fields else None


def rest_of(left: Mapping[Any, Any]) -> Rest | None:
    kept = {name: value for name, value in left.items() if value is not None}
    return Rest(NAME, kept) if kept else None


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _arguments(value: object) -> str:
    if value is None:
        return "{}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
