"""How long an upstream asks to be left alone, from the headers of its answer."""

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime

LIMITED = 429

_UNITS = {b"ms": 0.001, b"s": 1.0, b"m": 60.0, b"h": 3600.0, b"d": 86_400.0}
_PART = re.compile(rb"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_PARTS = re.compile(rb"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_NUMBER = re.compile(rb"\d{1,15}(?:\.\d{1,9})?")

_MOST = 1e9
"""Seconds. A larger number is a time since 1970."""
_MOST_SECONDS_SINCE_1970 = 1e11
"""A larger number is in milliseconds."""

Header = Callable[[bytes], bytes | None]


def asked(status: int, header: Header, now: float) -> float | None:
    """Seconds, or None where the answer does not say. `now` is in seconds since 1970.

    `retry-after-ms` and `retry-after` (seconds, or a date) count with any status. What `x-ratelimit-reset` tells counts
    only when a limit was hit: it stands in good answers as well.
    """
    for seconds in (_number(header(b"retry-after-ms"), 0.001), _after(header(b"retry-after"), now)):
        if seconds is not None:
            return seconds
    return _resets(header, now) if status == LIMITED else None


def _number(value: bytes | None, unit: float) -> float | None:
    if value is None or not _NUMBER.fullmatch(value.strip()):
        return None
    seconds = float(value) * unit
    return seconds if seconds < _MOST else None


def _after(value: bytes | None, now: float) -> float | None:
    if value is None:
        return None
    seconds = _number(value, 1.0)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value.decode("latin-1")).timestamp() - now)
    except (ValueError, OverflowError):
        return _span(value, now)


def _resets(header: Header, now: float) -> float | None:
    """The reset of the limit that has nothing left; where none says so, the soonest."""
    empty: list[float] = []
    others: list[float] = []
    for kind in (b"", b"-requests", b"-tokens"):
        seconds = _span(header(b"x-ratelimit-reset" + kind), now)
        if seconds is not None:
            left = _number(header(b"x-ratelimit-remaining" + kind), 1.0)
            (empty if left == 0 else others).append(seconds)
    return max(empty) if empty else min(others, default=None)


def _span(value: bytes | None, now: float) -> float | None:
    """`1s`, `6m0s`, `120ms`; a bare number is seconds, or the time since 1970 in seconds or milliseconds."""
    value = value.strip().lower() if value is not None else b""
    if len(value) <= 40 and _PARTS.fullmatch(value):
        return min(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value)), _MOST)
    if not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    if number >= _MOST_SECONDS_SINCE_1970:
        number /= 1000
    return max(0.0, number - now) if number >= _MOST else number
