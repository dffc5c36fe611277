"""Errors, wire to Fault: `{"errors": [{"code", "message"}], "success": false}`.

Source: developers.cloudflare.com, workers-ai/platform/errors and fundamentals/api/troubleshooting (read 2026-11-24).
An AI Gateway in front of it says `error` instead of `errors`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from uni_api.errors import DEFAULT_STATUS, Fault, FaultKind

_BY_CODE: Final[dict[int, FaultKind]] = {
    3006: "too_long",
    3007: "timeout",
    3008: "overloaded",
    3023: "auth",
    # The free allocation of the day is used up.
    3036: "quota",
    # No data centre has room: a limit of the model's, not of the key's.
    3040: "overloaded",
    3041: "auth",
    3042: "not_found",
    5007: "not_found",
    5016: "auth",
    5018: "auth",
    5021: "too_long",
    7000: "not_found",
    7003: "not_found",
    9106: "auth",
    9109: "auth",
    10000: "auth",
    10001: "auth",
}

_BY_STATUS: Final[dict[int, FaultKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "too_long",
    429: "rate",
    504: "timeout",
}

_TOO_LONG: Final = re.compile(r"context (window|length)|maximum context|too many tokens|token limit", re.I)


def read_error(status: int, body: bytes, /) -> Fault:
    """The Fault that this HTTP status and body mean. Never raises; `raw` keeps the body."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        text = body[:65_536].decode("utf-8", "replace").strip()
        value = {"error": "" if text.startswith(("<", "{", "[")) else text[:500]}
    return fault_of(status, value, body)


def fault_of(status: int, value: Any, raw: bytes = b"") -> Fault:
    """Like `read_error`, for what is decoded already. A frame of a stream comes with status 200."""
    first = _first(value)
    code, said = first.get("code"), first.get("message")
    code = code if isinstance(code, int) else None
    message = said.strip() if isinstance(said, str) else ""
    kind = _BY_CODE.get(code) if code is not None else None
    kind = kind or _BY_STATUS.get(status) or ("bad_request" if 400 <= status < 500 else "overloaded")
    if kind in ("bad_request", "overloaded") and _TOO_LONG.search(message):
        kind = "too_long"
    return Fault(
        kind,
        message or f"The upstream answered with status {status} and no explanation.",
        status=status if status >= 400 else DEFAULT_STATUS[kind],
        code=None if code is None else str(code),
        raw=raw,
    )


def _first(value: Any) -> Mapping[str, Any]:
    """The first error in a body, in whichever form it is said."""
    holder = value if isinstance(value, dict) else {"error": value}
    found = holder.get("errors") or holder.get("error")
    if isinstance(found, list):
        found = found[0] if found else None
    if isinstance(found, str):
        return {"message": found}
    return found if isinstance(found, dict) else {}
