"""Errors, wire to Fault: whole bodies, and exceptions inside a stream.

Source: docs.aws.amazon.com, Amazon Bedrock API reference, "Converse" and "Common Errors", user guide "Troubleshooting
Amazon Bedrock API Error Codes"; the error shapes of botocore 1.44 (read 2026-11-24).
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.dialects.error_table import ErrorTable, words_of
from uni_api.errors import Fault, FaultKind

_TYPES: dict[str, tuple[FaultKind, int]] = {
    "AccessDeniedException": ("auth", 403),
    "ConflictException": ("overloaded", 409),
    "ExpiredTokenException": ("auth", 403),
    "IncompleteSignature": ("auth", 403),
    "IncompleteSignatureException": ("auth", 403),
    "InternalFailure": ("overloaded", 500),
    "InternalServerException": ("overloaded", 500),
    "InvalidClientTokenId": ("auth", 403),
    "InvalidSignatureException": ("auth", 403),
    "MissingAuthenticationTokenException": ("auth", 403),
    "ModelErrorException": ("overloaded", 424),
    "ModelNotReadyException": ("overloaded", 429),
    "ModelStreamErrorException": ("overloaded", 424),
    "ModelTimeoutException": ("timeout", 408),
    "NotAuthorized": ("auth", 403),
    "OptInRequired": ("auth", 403),
    "RequestEntityTooLargeException": ("too_long", 413),
    "RequestExpired": ("auth", 403),
    "ResourceNotFoundException": ("not_found", 404),
    "ServiceQuotaExceededException": ("quota", 429),
    "ServiceUnavailable": ("overloaded", 503),
    "ServiceUnavailableException": ("overloaded", 503),
    "ThrottlingException": ("rate", 429),
    "TooManyRequestsException": ("rate", 429),
    "UnknownOperationException": ("not_found", 404),
    "UnrecognizedClientException": ("auth", 403),
    "ValidationError": ("bad_request", 400),
    "ValidationException": ("bad_request", 400),
}

_STATUSES: dict[int, FaultKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "too_long",
    424: "overloaded",
    429: "rate",
    504: "timeout",
}

# The API says these things under a wider type: only the words tell. Each kind is refined by the patterns beside it.
_QUOTA = re.compile(r"tokens? per day|INVALID_PAYMENT|payment instrument|billing", re.I)
_TOO_LONG = re.compile(
    r"(input|prompt|request) (is|are|was) too (long|large)|too many (input )?tokens|input tokens? exceed|context length"
    r"|context window|number of input tokens|exceeds? (the )?maximum (input |prompt )?(length|size|tokens)|maxLength",
    re.I,
)
_NOT_FOUND = re.compile(
    r"model identifier is invalid|on-demand throughput|could not resolve the foundation model"
    r"|model (is|was) not (found|supported)|end of its life|(doesn't|does not) support (this|the) (model|operation)"
    r"|isn't supported (in|for) (this|your) region",
    re.I,
)
_FILTERED = re.compile(r"content filter|blocked by (the |our )?(guardrail|safety|content)|content policy", re.I)
_REFINEMENTS: dict[FaultKind, tuple[tuple[FaultKind, re.Pattern[str]], ...]] = {
    "bad_request": (
        ("not_found", _NOT_FOUND),
        ("too_long", _TOO_LONG),
        ("filtered", _FILTERED),
        ("quota", _QUOTA),
    ),
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
    if isinstance(value, Mapping):
        return fault_of(value, status, raw=body)
    message = value if isinstance(value, str) else words_of(body, "title", "Message")
    return _fault(None, message, status, raw=body)


def fault_of(value: Mapping[str, Any], status: int = 200, *, word: str | None = None, raw: bytes = b"") -> Fault:
    """The Fault that an error object means; below status 400 its type decides the status. `word` is the type where it
    stands outside of the object, as in a stream."""
    inner = next((value[name] for name in ("Output", "error", "Error") if isinstance(value.get(name), Mapping)), value)
    named = next((found for name in ("__type", "code", "type") if isinstance(found := inner.get(name), str)), None)
    message = next(
        (inner[name] for name in ("message", "Message", "errorMessage") if isinstance(inner.get(name), str)), ""
    )
    original = inner.get("originalStatusCode")
    if isinstance(original, int) and 400 <= original < 600:
        # What the service met behind it: its status says more than that of the one who passes it on.
        message = text if isinstance(text := inner.get("originalMessage"), str) else message
        return _fault(word or named, message, status if status >= 400 else original, kind_by=original, raw=raw)
    return _fault(word or named, message, status, raw=raw)


def fault_in_stream(name: str, data: bytes) -> Fault:
    """The Fault that an exception inside a stream means. `name` is spelt with a small first letter."""
    try:
        value: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    if isinstance(value, Mapping):
        return fault_of(value, word=name, raw=data)
    return _fault(name, data.decode("utf-8", "replace")[:500], 200, raw=data)


def _type_of(word: str | None) -> str | None:
    """The bare name of an error's type: without a namespace before `#`, without an address after `:`."""
    if not word:
        return None
    name = word.rpartition("#")[2].partition(":")[0]
    return name[:1].upper() + name[1:]


def _fault(word: str | None, message: str, status: int, *, kind_by: int | None = None, raw: bytes = b"") -> Fault:
    """`kind_by` is a status that decides the kind whatever the type is."""
    type = _type_of(word)
    message = message.strip()
    return Fault(
        _TABLE.kind(type, status, message) if kind_by is None else _TABLE.kind(None, kind_by, message),
        message or f"The upstream answered with {type or f'status {status}'} and no explanation.",
        status=_TABLE.status(type, status),
        type=type,
        raw=raw,
    )
