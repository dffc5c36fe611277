"""Errors, wire to Fault: `{"error": "a sentence"}`, as a body and as a line of a stream.

Source: docs.ollama.com/api/errors, and server/routes.go and server/sched.go of github.com/ollama/ollama
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
    504: "timeout",
}

# There are no error codes: where the status says too little, only the words tell.
_BY_MESSAGE: Final[tuple[tuple[re.Pattern[str], FaultKind, frozenset[FaultKind]], ...]] = (
    (
        re.compile(r"usage limit|upgrade (for|to)|insufficient (balance|credits)|requires? a subscription", re.I),
        "quota",
        frozenset({"rate", "auth", "bad_request"}),
    ),
    (
        re.compile(
            r"exceed(s|ed) (the )?(max(imum)? |available )?context|context length (exceeded|is)|prompt (is )?too long"
            r"|input (is )?too long|request body too large",
            re.I,
        ),
        "too_long",
        frozenset({"bad_request", "overloaded"}),
    ),
    (
        re.compile(r"model .{0,200}not found|try pulling it first", re.I),
        "not_found",
        frozenset({"bad_request", "overloaded"}),
    ),
    (re.compile(r"\bunauthorized\b|invalid api key", re.I), "auth", frozenset({"bad_request", "overloaded"})),
    (re.compile(r"does not support|invalid (format|options?)\b", re.I), "bad_request", frozenset({"overloaded"})),
)
"""The words, what they mean, and the kinds that they refine."""


def read_error(status: int, body: bytes, /) -> Fault:
    """The Fault that this HTTP status and body mean. Never raises; `raw` keeps the body."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        text = body[:65_536].decode("utf-8", "replace").strip()
        value = {"error": "" if text.startswith(("<", "{", "[")) else text[:500]}
    return fault_of(status, value, body)


def fault_of(status: int, value: Any, raw: bytes = b"") -> Fault:
    """Like `read_error`, for what is decoded already. A line of a stream comes with status 200."""
    holder: Mapping[str, Any] = value if isinstance(value, dict) else {"error": value}
    error = holder.get("error", holder.get("message"))
    fields: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    said = fields.get("message")
    message = said.strip() if isinstance(said, str) else ""
    return Fault(
        _kind(status, message),
        message or f"The upstream answered with status {status} and no explanation.",
        status=status if status >= 400 else None,
        code=_word(fields.get("code")),
        type=_word(fields.get("type")),
        param=_word(fields.get("param")),
        raw=raw,
    )


def _kind(status: int, message: str) -> FaultKind:
    kind = _BY_STATUS.get(status) or ("bad_request" if 400 <= status < 500 else "overloaded")
    return next((finer for words, finer, of in _BY_MESSAGE if kind in of and words.search(message)), kind)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
