"""google.rpc.Status to Fault.

Source: ai.google.dev/gemini-api/docs/troubleshooting and cloud.google.com/apis/design/errors, read 2026-11-24.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from uni_api.errors import Fault, FaultKind

_BY_STATUS: Final[dict[str, FaultKind]] = {
    "INVALID_ARGUMENT": "bad_request",
    "FAILED_PRECONDITION": "bad_request",
    "OUT_OF_RANGE": "bad_request",
    "ALREADY_EXISTS": "bad_request",
    "PERMISSION_DENIED": "auth",
    "UNAUTHENTICATED": "auth",
    "NOT_FOUND": "not_found",
    "RESOURCE_EXHAUSTED": "rate",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAVAILABLE": "overloaded",
    "INTERNAL": "overloaded",
    "UNKNOWN": "overloaded",
    "ABORTED": "overloaded",
    "CANCELLED": "overloaded",
    "DATA_LOSS": "overloaded",
    "UNIMPLEMENTED": "not_found",
}

_BY_CODE: Final[dict[int, FaultKind]] = {
    400: "bad_request",
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "overloaded",
    413: "too_long",
    429: "rate",
    504: "timeout",
}

# What the message says outweighs the status: the API says INVALID_ARGUMENT for a wrong key and for a long prompt.
_BY_MESSAGE: Final[tuple[tuple[re.Pattern[str], FaultKind, int | None], ...]] = (
    (
        re.compile(r"api[ _]key (not valid|not found|expired|invalid|must be)|invalid api key", re.IGNORECASE),
        "auth",
        401,
    ),
    (re.compile(r"user location is not supported|not available in your (country|region)", re.IGNORECASE), "auth", 403),
    (re.compile(r"(prepayment|prepaid) credits|billing (account|is)|enable billing", re.IGNORECASE), "quota", None),
    (
        re.compile(
            r"exceeds the maximum number of (input )?tokens|token count .*exceeds|(payload size|prompt length) exceeds",
            re.IGNORECASE,
        ),
        "too_long",
        None,
    ),
    (
        re.compile(r"Responsible AI|blocked (by|due to) .*(safety|polic)|prohibited (use|content)", re.IGNORECASE),
        "filtered",
        None,
    ),
)

_RETRY: Final = re.compile(r"retry in (\d+(?:\.\d+)?)\s*(ms|s)\b", re.IGNORECASE)
_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s")


def read_error(status: int, body: bytes, /) -> Fault:
    """The Fault that this HTTP status and body mean. Never raises; `raw` keeps the body."""
    error = _error_object(body)
    if error is None:
        text = body.decode("utf-8", "replace").strip()
        message = text if 0 < len(text) <= 500 and not text.startswith("<") else f"The upstream answered {status}."
        return Fault(_by_code(status), message, status=_shown(status), raw=body)
    code = error.get("code")
    if not isinstance(code, int) or isinstance(code, bool) or not 400 <= code <= 599:
        code = status
    word = error.get("status")
    word = word if isinstance(word, str) and word else None
    said = error.get("message")
    message = said if isinstance(said, str) and said else word or f"The upstream answered {status}."
    kind, shown = _judge(code, word, message, error)
    return Fault(
        kind,
        message,
        status=shown if shown is not None else _shown(code),
        code=_reason(error) or word,
        type=word,
        retry_after=_retry_after(error, message),
        raw=body,
    )


def _judge(code: int, word: str | None, message: str, error: Mapping[str, Any]) -> tuple[FaultKind, int | None]:
    if _reason(error) in ("API_KEY_INVALID", "API_KEY_EXPIRED"):
        return "auth", 401
    for pattern, kind, shown in _BY_MESSAGE:
        if pattern.search(message):
            return kind, shown
    kind = _BY_STATUS.get(word or "") or _by_code(code)
    if kind == "rate" and _is_spent(error, message):
        return "quota", None
    return kind, None


def _by_code(code: int) -> FaultKind:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if 400 <= code < 500:
        return "bad_request"
    return "overloaded" if code >= 500 else "protocol"


def _shown(code: int) -> int | None:
    """An error inside a 200 answer has no HTTP status of its own: the kind's default is shown."""
    return code if code >= 400 else None


def _error_object(body: bytes) -> Mapping[str, Any] | None:
    """The `error` of a body, which some answers wrap in a list, and streams in an event."""
    try:
        data = msgspec.json.decode(body.removeprefix(b"data:"))
    except (ValueError, RecursionError):
        return None
    while isinstance(data, list):
        data = data[0] if data else None
    if not isinstance(data, dict):
        return None
    error = data.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def _details(error: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith(kind):
            yield detail


def _reason(error: Mapping[str, Any]) -> str | None:
    for detail in _details(error, "google.rpc.ErrorInfo"):
        reason = detail.get("reason")
        if isinstance(reason, str) and reason:
            return reason
    return None


def _is_spent(error: Mapping[str, Any], message: str) -> bool:
    """Whether a limit is one that waiting a minute does not lift: a quota of the day, or one of zero."""
    for detail in _details(error, "google.rpc.QuotaFailure"):
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and "PerDay" in str(violation.get("quotaId", "")):
                return True
    return bool(re.search(r"\blimit: 0\b", message))


def _retry_after(error: Mapping[str, Any], message: str) -> float | None:
    """Seconds to wait, from RetryInfo or else from the sentence."""
    for detail in _details(error, "google.rpc.RetryInfo"):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (match := _SECONDS.fullmatch(delay)):
            return float(match.group(1))
        if isinstance(delay, dict) and isinstance(delay.get("seconds"), int):
            return float(delay["seconds"])
    if match := _RETRY.search(message):
        seconds = float(match.group(1))
        return seconds / 1000 if match.group(2).lower() == "ms" else seconds
    return None
