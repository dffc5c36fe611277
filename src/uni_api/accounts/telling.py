"""What clients are told of their limits: headers and refusals."""

import math
from collections.abc import Sequence

from uni_api.errors import Denied
from uni_api.state import Gauge, Short, Taken, Want
from uni_api.state.windows import TICKS

Headers = tuple[tuple[bytes, bytes], ...]

HOPELESS = (b"x-should-retry", b"false")
"""Tells clients that know it not to ask again by themselves."""

_REQUESTS, _TOKENS = [
    tuple(f"x-ratelimit-{what}-{kind}".encode() for what in ("limit", "remaining", "reset"))
    for kind in ("requests", "tokens")
]

_REQUEST_LINES, _TOKEN_LINES = [b"%b: %%d\r\n%b: %%d\r\n%b: %%b\r\n" % names for names in (_REQUESTS, _TOKENS)]

_REQUEST_NOTICE = b"%b: %%d\r\n%b: %%%%d\r\n%b: %%b\r\n" % _REQUESTS
"""To be filled twice: first with all but what is left."""

_SPANS = {
    1: "second",
    60: "minute",
    3_600: "hour",
    86_400: "day",
    30 * 86_400: "30 days",
    365 * 86_400: "365 days",
}


def of_taken(taken: Taken, tokens: Sequence[bool]) -> bytes:
    """Headers, as they are sent, of the limits that are closest to their ends: one of requests, one of tokens."""
    nearest: dict[bool, int] = {}
    shares = [left / want.most if want.most else 0.0 for left, want in zip(taken.left, taken.wants, strict=True)]
    for place, counts in enumerate(tokens):
        if counts not in nearest or shares[place] < shares[nearest[counts]]:
            nearest[counts] = place
    return b"".join([_lines(taken, place, counts) for counts, place in nearest.items()])


class Notice:
    """The same for limits of requests alone, which most are. Seconds are whole ones, so that little is written anew."""

    __slots__ = ("_from", "_gauge", "_leaves", "_place", "_text", "_until")

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._text = b""
        # What is written holds for this place and this time of leaving, between these ticks.
        self._place = self._leaves = self._from = self._until = 0

    def of(self, tick: int) -> bytes:
        """Headers of what the gauge took at the time `tick`, just now."""
        pairs = self._gauge.pairs
        place = 0 if len(pairs) == 1 else self._gauge.fullest()
        window, most = pairs[place]
        if not self._from <= tick < self._until or window.leaves != self._leaves or place != self._place:
            self._place, self._leaves = place, window.leaves
            seconds = -((tick - window.leaves) // TICKS)
            self._from = window.leaves - seconds * TICKS
            self._until = self._from + TICKS
            self._text = _REQUEST_NOTICE % (most, (f"{seconds}s" if seconds < 60 else _period(seconds)).encode())
        return self._text % (most - window.total)


def too_many(short: Short, *, tokens: bool, model: str) -> Denied:
    """The refusal of a request that a limit has no room for."""
    want = short.want
    whose = "all keys together" if want.name.startswith("limit/all") else f"this key and the model '{_shown(model)}'"
    what = "tokens" if tokens else "requests"
    limit = f"{want.most} {what} in a {_SPANS.get(int(want.seconds), f'{want.seconds:g} seconds')}"
    headers = _headers(want, tokens, short.left, short.wait)
    if math.isfinite(short.wait):
        return Denied(
            429,
            f"Too many requests: the limit for {whose} is {limit}. Please try again in {_period(short.wait)}.",
            code="rate_limit_exceeded",
            retry_after=short.wait,
            headers=headers,
        )
    return Denied(
        429,
        f"Too many requests: the limit for {whose} is {limit}, and this request needs about {want.amount}.",
        code="rate_limit_exceeded",
        headers=(*headers, HOPELESS),
    )


def too_long(prompt: int, most: int) -> Denied:
    return Denied(
        413,
        f"The request has about {prompt} tokens; this key may send {most} in one request.",
        code="request_too_long",
    )


def no_credit(spent: int, credits: int) -> Denied:
    """`spent` and `credits` in billionths of a dollar."""
    return Denied(
        429,
        f"Balance is insufficient: this key has spent ${spent / 1e9:.4f} of ${credits / 1e9:.2f}. "
        "Please ask for more credits.",
        code="insufficient_quota",
        headers=(HOPELESS,),
    )


def _headers(want: Want, tokens: bool, left: int, resets: float) -> Headers:
    limit, remaining, reset = _TOKENS if tokens else _REQUESTS
    told = ((limit, b"%d" % want.most), (remaining, b"%d" % left))
    return (*told, (reset, _period(resets).encode())) if resets != math.inf else told


def _lines(taken: Taken, place: int, tokens: bool) -> bytes:
    """What `_headers` gives, as it is sent."""
    told = (taken.wants[place].most, taken.left[place], _period(taken.resets[place]).encode())
    return (_TOKEN_LINES if tokens else _REQUEST_LINES) % told


def _period(seconds: float) -> str:
    """Seconds as `20ms`, `1.5s`, `6m0s` or `2h0m0s`, rounded up."""
    thousandths = max(0, math.ceil(seconds * 1_000 - 1e-6))
    if thousandths < 1_000:
        return f"{thousandths}ms"
    if thousandths < 60_000:
        return f"{thousandths / 1_000:g}s"
    minutes, rest = divmod(math.ceil(thousandths / 1_000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"


def _shown(model: str) -> str:
    return model if len(model) <= 200 else model[:200] + "..."
