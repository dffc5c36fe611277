"""Errors, wire to Fault: whole bodies, and error objects inside a stream.

Source: platform.claude.com, API reference "Errors" (read 2026-11-24).
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.dialects.error_table import ErrorTable, words_of
from uni_api.errors import Fault, FaultKind

_TYPES: dict[str, tuple[FaultKind, int]] = {
    "invalid_request_error": ("bad_request", 400),
    "authentication_error": ("auth", 401),
    "billing_error": ("quota", 402),
    "permission_error": ("auth", 403),
    "not_found_error": ("not_found", 404),
    "conflict_error": ("overloaded", 409),
    "request_too_large": ("too_long", 413),
    "rate_limit_error": ("rate", 429),
    "api_error": ("overloaded", 500),
    "timeout_error": ("timeout", 504),
    "overloaded_error": ("overloaded", 529),
}

_STATUSES: dict[int, FaultKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "too_long",
    429: "rate",
    504: "timeout",
}

# The API says these things under a wider type: only the words tell. Each kind is refined by the patterns beside it.
_QUOTA = re.compile(r"credit balance|specified API usage limits|spend(ing)? limit|purchase credits", re.I)
_TOO_LONG = re.compile(
    r"prompt is too long|exceeds? (the )?(model's )?(maximum )?context|maximum context length|context window"
    r"|request (exceeds|too large)|too many (total )?(text bytes|tokens)",
    re.I,
)
_FILTERED = re.compile(r"content filtering policy|content policy|blocked by (our )?(safety|content)", re.I)
_DISABLED = re.compile(r"organization has been disabled", re.I)
_REFINEMENTS: dict[FaultKind, tuple[tuple[FaultKind, re.Pattern[str]], ...]] = {
    "bad_request": (("quota", _QUOTA), ("too_long", _TOO_LONG), ("filtered", _FILTERED), ("auth", _DISABLED)),
    "rate": (("quota", _QUOTA),),
    "auth": (("quota", _QUOTA),),
}
_TABLE = ErrorTable(_TYPES, _STATUSES, _REFINEMENTS)


def read_error(status: int, body: bytes, /) -> Fault:
    """The Fault that an answer with this HTTP status means. Never raises."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    if isinstance(value, list) and value:
        value = value[0]  # a cloud that hosts the format wraps its own errors so
    if isinstance(value, Mapping):
        return fault_of(value, status, raw=body)
    message = value if isinstance(value, str) else words_of(body, "title")
    return Fault(
        _TABLE.kind(None, status, message), message or _sentence(status), status=_TABLE.status(None, status), raw=body
    )


def fault_of(value: Mapping[str, Any], status: int = 200, *, raw: bytes = b"") -> Fault:
    """The Fault that an error object means; below status 400 its type decides the status."""
    error = value.get("error", value)
    if not isinstance(error, Mapping):
        error = {"message": error}
    kind_word = error.get("type")
    kind_word = kind_word if isinstance(kind_word, str) and kind_word != "error" else None
    cloud_word = error.get("status")
    cloud_word = cloud_word if isinstance(cloud_word, str) else None
    message = next(
        (error[name] for name in ("message", "Message", "detail") if isinstance(error.get(name), str) and error[name]),
        "",
    )
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else error.get("code")
    code = code if isinstance(code, str) else None
    return Fault(
        _TABLE.kind(kind_word, status, f"{message} {(code or '').replace('_', ' ')}"),
        message or _sentence(status),
        status=_TABLE.status(kind_word, status),
        code=code or cloud_word,
        type=kind_word or cloud_word,
        raw=raw,
    )


def _sentence(status: int) -> str:
    return f"The upstream answered with status {status} and no explanation."
