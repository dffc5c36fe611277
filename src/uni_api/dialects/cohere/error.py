"""Errors, wire to Fault: `{"message": "a sentence"}`, mostly with an id and nothing else.

Source: docs.cohere.com, page "Errors (status codes and description)", and the errors of the official SDK
(read 2026-11-24).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from uni_api.errors import Fault, FaultKind

_BY_STATUS: Final[dict[int, FaultKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "overloaded",
    413: "too_long",
    429: "rate",
    # Invalid token, and a call that was called off on its way.
    498: "auth",
    499: "overloaded",
    504: "timeout",
}

# There are no error codes: where the status says too little, only the words tell.
_BY_MESSAGE: Final[tuple[tuple[re.Pattern[str], FaultKind, frozenset[FaultKind]], ...]] = (
    (
        re.compile(r"calls? ?/ ?month|per month|monthly|billing limit|payment method|out of credits", re.I),
        "quota",
        frozenset({"rate", "auth", "bad_request"}),
    ),
    (re.compile(r"max[_ ]tokens must be", re.I), "bad_request", frozenset({"bad_request", "overloaded"})),
    (
        re.compile(
            r"too many tokens|exceeds? the (max|limit|context)|context length"
            r"|(prompt|input|request) (is )?too (long|large)",
            re.I,
        ),
        "too_long",
        frozenset({"bad_request", "overloaded"}),
    ),
    (
        re.compile(r"blocked (input|output)|was blocked|content (filter|policy|moderation)|usage guidelines", re.I),
        "filtered",
        frozenset({"bad_request", "overloaded", "auth"}),
    ),
    (re.compile(r"(invalid|incorrect) api (key|token)", re.I), "auth", frozenset({"bad_request", "overloaded"})),
    (
        re.compile(r"model .{0,200}(not found|was removed|does not exist)|unknown model", re.I),
        "not_found",
        frozenset({"bad_request", "overloaded"}),
    ),
    (re.compile(r"invalid request\b", re.I), "bad_request", frozenset({"overloaded"})),
)
"""The words, what they mean, and the kinds that they refine. The first that fits counts."""


def read_error(status: int, body: bytes, /) -> Fault:
    """The Fault that this HTTP status and body mean. Never raises; `raw` keeps the body."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        text = body[:65_536].decode("utf-8", "replace").strip()
        value = {"message": "" if text.startswith(("<", "{", "[")) else text[:500]}
    return fault_of(status, value, body)


def fault_of(status: int, value: Any, raw: bytes = b"") -> Fault:
    """Like `read_error`, for what is decoded already. An error inside an answer comes with status 200."""
    holder: Mapping[str, Any] = value if isinstance(value, dict) else {"message": value}
    inner = holder.get("error")
    fields: Mapping[str, Any] = inner if isinstance(inner, dict) else holder
    sentences = map(_sentence, (inner, fields.get("message"), fields.get("detail")))
    message = next(filter(None, sentences), "")
    kind = _kind(status, message)
    return Fault(
        kind,
        message or f"The upstream answered with status {status} and no explanation.",
        # A refused key is told as one, whatever the status it is said with.
        status=None if status < 400 or (kind == "auth" and status != 403) else status,
        code=_word(fields.get("code")),
        type=_word(fields.get("error_type")) or _word(fields.get("type")),
        param=_word(fields.get("param")),
        raw=raw,
    )


def _kind(status: int, message: str) -> FaultKind:
    kind = _BY_STATUS.get(status) or ("bad_request" if 400 <= status < 500 else "overloaded")
    return next((finer for words, finer, of in _BY_MESSAGE if kind in of and words.search(message)), kind)


def _sentence(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
