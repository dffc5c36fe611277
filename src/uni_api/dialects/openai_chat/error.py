"""Errors of the chat format, both ways: `{"error": {"message", "type", "param", "code"}}`.

Source: https://platform.openai.com/docs/guides/error-codes (read 2026-11-24), and recorded errors of other hosts.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.dialects.faces import Body
from uni_api.errors import Denied, Fault, FaultKind

_SHOWN = 2000
"""How many characters of a body that is no JSON are worth showing."""

_BY_STATUS: dict[int, FaultKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "overloaded",
    413: "too_long",
    429: "rate",
    498: "overloaded",
}


def _compiled(rows: Mapping[FaultKind, str]) -> tuple[tuple[re.Pattern[str], FaultKind], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), kind) for kind, pattern in rows.items())


_BY_WORD = _compiled(
    {
        "quota": r"insufficient_quota|billing|insufficient.balance|balance is insufficient|credit balance"
        r"|exceeded your current quota|current_quota|spending limit|(any|more|insufficient|available) credits"
        r"|arrearage|overdue|\u4f59\u989d\u4e0d\u8db3",
        "rate": r"rate_?limit|too many requests|RESOURCE_EXHAUSTED",
        "too_long": r"context.(length|size)|context_window|maximum context|maximum prompt length|too many tokens"
        r"|string_above_max_length|too_long|too_many_prompt_tokens|exceed_context|prompt (is )?too long"
        r"|messages is too long|too large to process|range of input length|tokens. \+ .max_new_tokens",
        "filtered": r"content_filter|content_policy|content management policy|safety system|data_inspection"
        r"|violates (our |the )?(usage|content)|ResponsibleAI|input was flagged|SensitiveContent",
        "not_found": r"model.not.(found|supported)|model_decommissioned|unknown.model|invalid.model|not a valid model"
        r"|model .{0,80}(does not exist|not found)|supported (api )?model names"
        r"|model .{0,80} is not supported\. supported models",
        "auth": r"invalid_api_key|(incorrect|invalid) api key|api key not valid|authentication_error|unauthorized",
        "overloaded": r"overloaded|server_error|internal_error|service_unavailable|timeout"
        r"|bad.response.status.code",
        "bad_request": r"invalid_request|bad_request|invalid_argument|tool_use_failed|json_validate_failed",
    }
)

_REFINED: dict[int, tuple[FaultKind, ...]] = {403: ("filtered", "quota"), 429: ("quota", "rate", "overloaded")}
"""Statuses that stand for several things: what their words may make of them."""

_WAIT = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+) ?(ms|s\b|sec))?", re.IGNORECASE
)

_AMBIGUOUS = re.compile(r"exceeded your current quota", re.IGNORECASE)
_SPENT = re.compile(r"\blimit: 0\b|PerDay")
"""Google says the first of the limits of a minute as well. Of a day's, or one of nothing, it says the second.

Source: https://ai.google.dev/gemini-api/docs/rate-limits and https://google.aip.dev/193 (read 2026-11-24)."""
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")

_TYPES: dict[int, str] = {403: "permission_error", 429: "rate_limit_error"}

_CODES: dict[FaultKind, str] = {
    "connect": "upstream_unreachable",
    "timeout": "upstream_timeout",
    "overloaded": "upstream_overloaded",
    "rate": "rate_limit_exceeded",
    "quota": "insufficient_quota",
    "auth": "invalid_api_key",
    "bad_request": "invalid_request",
    "too_long": "context_length_exceeded",
    "filtered": "content_filter",
    "not_found": "model_not_found",
    "protocol": "upstream_protocol_error",
    "cancelled": "client_closed_request",
    "unsayable": "unsupported_value",
}

_encode = msgspec.json.Encoder().encode


def write_error(error: Denied | Fault) -> tuple[int, Body]:
    """Status and body. An upstream's own words (message, type, code, param) are passed on."""
    status = error.status
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    code = error.code
    if isinstance(error, Fault):
        kind = error.type or kind
        code = code or _CODES[error.kind]
    elif code is None:
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    told = {"message": error.message, "type": kind, "param": error.param, "code": code}
    return status, {"error": told}


def write_stream_error(error: Denied | Fault) -> bytes:
    return b"data: " + _encode(write_error(error)[1]) + b"\n\n"


def read_error(status: int, body: bytes) -> Fault:
    """The Fault that an answer with `status` and `body` means; with 200, that an error object in a stream means."""
    try:
        # What was asked for as a stream may be refused as an event.
        value = msgspec.json.decode(body.removeprefix(b"data:"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace").strip()
        shown = "" if "<" in text[:64] else text[:_SHOWN]
        return _fault(status, shown or f"The upstream answered with status {status}.", {}, body)
    return fault_of(status, value, body)


def fault_of(status: int, value: Any, raw: bytes = b"") -> Fault:
    """Like `read_error`, for a body that is decoded already."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return _fault(status, value, {}, raw)
    holder = value if isinstance(value, dict) else {}
    told = holder.get("error")
    if isinstance(told, str):
        word = isinstance(holder.get("message"), str)
        told = {**holder, "type": told} if word else {**holder, "message": told}
    elif told is None and isinstance(listed := holder.get("errors"), list) and listed:
        told = listed[0]
    fields: Mapping[str, Any] = told if isinstance(told, dict) else holder
    message = fields.get("message") or fields.get("detail") or holder.get("message")
    if not isinstance(message, str):
        message = _encode(message).decode() if message else f"The upstream answered with status {status}."
    return _fault(status, message, fields, raw)


def _fault(status: int, message: str, fields: Mapping[str, Any], raw: bytes) -> Fault:
    code = fields.get("code", fields.get("error_code"))
    message = message.strip() or f"The upstream answered with status {status}."
    if status < 400:
        # An error inside an answer: hosts give the status that it stands for as its code.
        inner = fields.get("status") if isinstance(fields.get("status"), int) else code
        number = int(inner) if isinstance(inner, int) or (isinstance(inner, str) and inner.isdecimal()) else 0
        status = number if 400 <= number <= 599 else 0
    kind = _kind(status, message, fields)
    if kind == "auth" and status == 400:
        # Clients know a refused key by 401.
        status = 401
    return Fault(
        kind,
        message,
        status=status or None,
        code=str(code) if isinstance(code, str | int) else None,
        type=_word(fields.get("type")),
        param=_word(fields.get("param")),
        retry_after=_wait(message, fields) if kind in ("rate", "quota", "overloaded") else None,
        raw=raw,
    )


def _kind(status: int, message: str, fields: Mapping[str, Any]) -> FaultKind:
    known = _BY_STATUS.get(status)
    if known is not None and status not in _REFINED:
        return known
    allowed = _REFINED.get(status) or (("filtered", "too_long") if status >= 500 else None)
    words = [str(fields.get(name)) for name in ("code", "error_code", "type", "status")] + [message, _inner(fields)]
    for pattern, kind in _BY_WORD:
        if (allowed is None or kind in allowed) and any(pattern.search(word) for word in words):
            return "rate" if kind == "quota" and _passes_soon(message, fields) else kind
    return known or ("overloaded" if status >= 500 or status == 0 else "bad_request")


def _inner(fields: Mapping[str, Any]) -> str:
    """What the host behind a host said, where OpenRouter hands it on."""
    metadata = fields.get("metadata")
    return str(metadata.get("raw")) if isinstance(metadata, Mapping) else ""


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _passes_soon(message: str, fields: Mapping[str, Any]) -> bool:
    """Whether what sounds like a used-up account is Google's limit of a minute."""
    if fields.get("status") != "RESOURCE_EXHAUSTED" or not _AMBIGUOUS.search(message):
        return False
    return not _SPENT.search(message) and not _SPENT.search(str(fields.get("details")))


def _wait(message: str, fields: Mapping[str, Any]) -> float | None:
    """Seconds, where Google's RetryInfo or the message says how long to wait (`Please try again in 7m12.5s`)."""
    details = fields.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (told := _DELAY.fullmatch(delay)):
            return float(told[1])
    found = _WAIT.search(message)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, amount, unit = found.groups()
    try:
        seconds = float(amount or 0) * (0.001 if (unit or "").lower() == "ms" else 1.0)
    except ValueError:
        return None
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds
