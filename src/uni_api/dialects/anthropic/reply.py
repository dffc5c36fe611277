"""Replies, wire to canon: whole bodies, and the pieces that streams share with them.

Source: platform.claude.com, API reference "Create a Message" and page "Handling stop reasons" (read 2026-11-24).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.canon import Call, Choice, Citation, Finish, Foreign, Part, Reply, Rest, Seal, Text, Thinking, Usage
from uni_api.dialects.anthropic._blocks import NAME
from uni_api.dialects.anthropic._media import Block
from uni_api.dialects.anthropic.error import fault_of
from uni_api.errors import Fault

_REASONS: dict[str, Finish] = {
    "end_turn": Finish("stop", "end_turn"),
    "stop_sequence": Finish("stop", "stop_sequence"),
    "max_tokens": Finish("length", "max_tokens"),
    "model_context_window_exceeded": Finish("length", "model_context_window_exceeded"),
    "tool_use": Finish("calls", "tool_use"),
    "pause_turn": Finish("pause", "pause_turn"),
    "refusal": Finish("refusal", "refusal"),
}


def read_reply(body: Block, realm: str, /) -> Reply:
    """Raises Fault when `body` is an error in disguise or no message."""
    if not isinstance(body, dict):
        raise Fault("protocol", "The upstream's answer is not a JSON object.")
    if body.get("type") == "error" or (body.get("error") and "content" not in body):
        raise fault_of(body)
    left = dict(body)
    content = left.pop("content", None)
    if not isinstance(content, list):
        raise Fault("protocol", "The upstream's answer has no content.")
    parts = tuple(read_block(block, realm) for block in content if isinstance(block, dict))
    usage = left.pop("usage", None)
    return Reply(
        id=text_or_none(left.pop("id", None)),
        model=text_or_none(left.pop("model", None)),
        choices=(Choice(parts=parts, finish=read_finish(left)),),
        usage=read_usage(usage) if isinstance(usage, dict) else None,
        rest=read_rest(left, usage),
    )


def read_block(block: Block, realm: str) -> Part:
    left = dict(block)
    match left.pop("type", None):
        case "text":
            text = text_or_none(left.pop("text", None)) or ""
            cited = left.pop("citations", None)
            cites = cited if isinstance(cited, list) else []
            citations = tuple(read_citation(item) for item in cites if isinstance(item, dict))
            return Text(text=text, citations=citations, rest=_rest(left))
        case "thinking":
            token = text_or_none(left.pop("signature", None))
            text = text_or_none(left.pop("thinking", None)) or ""
            return Thinking(text=text, seal=Seal(realm=realm, token=token) if token else None, rest=_rest(left))
        case "redacted_thinking":
            token = text_or_none(left.pop("data", None))
            return Thinking(withheld=True, seal=Seal(realm=realm, token=token) if token else None, rest=_rest(left))
        case "tool_use":
            return Call(
                id=text_or_none(left.pop("id", None)) or "",
                name=text_or_none(left.pop("name", None)) or "",
                arguments=_arguments(left.pop("input", None)),
                rest=_rest(left),
            )
        case _:
            return Foreign(dialect=NAME, block=block)


def read_citation(item: Block) -> Citation:
    """`title` is the cited document's; the place in that document stays in `rest`, as no other dialect counts so."""
    left = dict(item)
    web = left.get("type") in ("web_search_result_location", "search_result_location")
    return Citation(
        url=text_or_none(left.pop("url", None)),
        title=text_or_none(left.pop("title" if web else "document_title", None)),
        quote=text_or_none(left.pop("cited_text", None)),
        rest=_rest(left),
    )


def read_finish(left: Block) -> Finish:
    """Takes the words about the end out of `left`; what they say beyond canon stays."""
    word = text_or_none(left.pop("stop_reason", None))
    sequence = text_or_none(left.pop("stop_sequence", None))
    details = left.get("stop_details")
    detail = sequence
    if detail is None and isinstance(details, dict):
        detail = text_or_none(details.get("explanation"))
    if word is None:
        return Finish("other", None, detail)
    known = _REASONS.get(word, Finish("other", word))
    return msgspec.structs.replace(known, detail=detail) if detail is not None else known


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Counters as the API gives them are disjoint already. Anything but a count reads as 0."""
    created = usage.get("cache_creation")
    created = created if isinstance(created, dict) else {}
    hour = _count(created.get("ephemeral_1h_input_tokens"))
    details = usage.get("output_tokens_details")
    return Usage(
        input=_count(usage.get("input_tokens")),
        cache_read=_count(usage.get("cache_read_input_tokens")),
        cache_write=_count(usage.get("cache_creation_input_tokens"))
        or hour + _count(created.get("ephemeral_5m_input_tokens")),
        cache_write_1h=hour,
        output=_count(usage.get("output_tokens")),
        reasoning=_count(details.get("thinking_tokens")) if isinstance(details, dict) else 0,
    )


_READ_USAGE = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "output_tokens_details",
    }
)


def read_rest(left: Block, usage: object) -> Rest | None:
    """What is said about the whole reply beyond canon; its leftovers of usage under `usage`."""
    fields = {name: value for name, value in left.items() if value is not None and name not in ("type", "role")}
    if isinstance(usage, dict):
        more = {name: value for name, value in usage.items() if value is not None and name not in _READ_USAGE}
        if more:
            fields["usage"] = more
    return Rest(NAME, fields) if fields else None


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _rest(left: Block) -> Rest | None:
    kept = {name: value for name, value in left.items() if value is not None}
    return Rest(NAME, kept) if kept else None


def _arguments(value: object) -> str:
    if value is None:
        return "{}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
