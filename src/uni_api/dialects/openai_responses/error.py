"""Errors, wire to Fault: whole bodies, and error objects inside an answer or a stream.

Source: platform.openai.com/docs/guides/error-codes; `ResponseError` and `ResponseErrorEvent` of the official SDK; and
recorded errors of hosts of this format (read 2026-11-24).
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.dialects.openai_responses._words import text_or_none
from uni_api.errors import Fault, FaultKind

_SHOWN = 2000
"""How many characters of a body that is no JSON are worth showing."""

_CODES: dict[str, FaultKind] = {
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "rate_limit_exceeded": "rate",
    "context_length_exceeded": "too_long",
    "string_above_max_length": "too_long",
    "image_file_too_large": "too_long",
    "image_too_large": "too_long",
    "content_filter": "filtered",
    "content_policy_violation": "filtered",
    "image_content_policy_violation": "filtered",
    "bio_policy": "filtered",
    "cyber_policy": "filtered",
    "misalignment_policy_violation": "filtered",
    "model_not_found": "not_found",
    "deploymentnotfound": "not_found",
    "invalid_api_key": "auth",
    "token_expired": "auth",
    "server_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "slow_down": "overloaded",
    "vector_store_timeout": "overloaded",
}
"""Machine-readable words that decide alone. Other words tell that the request is at fault."""

_STATUSES: dict[int, FaultKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "overloaded",
    413: "too_long",
    429: "rate",
}

_IN_WORDS: dict[FaultKind, str] = {
    "quota": r"exceeded your current quota|insufficient (quota|balance|credit)|billing",
    "rate": r"rate limit|too many requests",
    "too_long": r"context (window|length)|maximum context|too many tokens",
    "filtered": r"content (management )?policy|content filter|safety system",
    "not_found": r"model .{0,80}(does not exist|not found)|model not found",
    "auth": r"(incorrect|invalid) api key",
}
"""What hosts say in words only."""

_SENTENCES = tuple((re.compile(pattern, re.I), kind) for kind, pattern in _IN_WORDS.items())

_WAIT = re.compile(r"try again in (?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+) ?(ms|s))?", re.I)


def read_error(status: int, body: bytes, /) -> Fault:
    """The Fault that an answer with this HTTP status means. Never raises."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        said = body.decode("utf-8", "replace").strip()
        return _fault(status, "" if "<" in said[:64] else said[:_SHOWN], {}, body)
    return fault_of(value, status, body)


def fault_of(value: Any, status: int = 200, raw: bytes = b"") -> Fault:
    """The Fault that an error object means; below status 400 its words decide the status."""
    if isinstance(value, list) and value:
        value = value[0]
    holder: Mapping[str, Any] = value if isinstance(value, Mapping) else {"message": value}
    inner = holder.get("error")
    fields = inner if isinstance(inner, Mapping) else holder
    told = (fields.get("message"), fields.get("detail"), inner, holder.get("message"))
    return _fault(status, next((one for one in told if isinstance(one, str)), ""), fields, raw)


def _fault(status: int, message: str, fields: Mapping[str, Any], raw: bytes) -> Fault:
    code, type = text_or_none(fields.get("code")), text_or_none(fields.get("type"))
    # In a stream, `type` may be that of the event.
    type = None if type == "error" else type
    message = message.strip()
    kind = _kind(status, code, type, message)
    if kind == "auth" and status == 400:
        # Clients know a refused key by 401.
        status = 401
    return Fault(
        kind,
        message or f"The upstream answered with status {status} and no explanation.",
        status=status if status >= 400 else None,
        code=code,
        type=type,
        param=text_or_none(fields.get("param")),
        retry_after=_wait(message) if kind in ("rate", "quota", "overloaded") else None,
        raw=raw,
    )


def _kind(status: int, code: str | None, type: str | None, message: str) -> FaultKind:
    words = [_CODES[word.lower()] for word in (code, type) if word is not None and word.lower() in _CODES]
    found = words[0] if words else next((kind for pattern, kind in _SENTENCES if pattern.search(message)), None)
    if status >= 500:
        return found if found in ("filtered", "too_long") else "overloaded"
    if status in _STATUSES:
        # A status of its own is believed; money and limits share one.
        return "quota" if found == "quota" and status in (403, 429) else _STATUSES[status]
    if found is not None:
        return found
    return "bad_request" if status >= 400 or (code or type) is not None else "overloaded"


def _wait(message: str) -> float | None:
    """Seconds, where the message says how long to wait (`Please try again in 1m2.5s`)."""
    found = _WAIT.search(message)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, amount, unit = found.groups()
    try:
        seconds = float(amount or 0) * (0.001 if (unit or "").lower() == "ms" else 1.0)
    except ValueError:
        return None
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds
