"""Attempts in turn, or side by side: whoever shows content first wins, the others are called off."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from uni_api.config.policy import Hedging
from uni_api.errors import Fault
from uni_api.relay.verdict import Verdict
from uni_api.routing import Tries, Try

FADE = 10_000
"""Requests after which what was counted weighs half, so that an old calm does not pay for a new storm."""


class Abandonable(Protocol):
    """A result that holds something open."""

    def abandon(self) -> None: ...


T = TypeVar("T")
A = TypeVar("A", bound=Abandonable)

Attempt = Callable[[Try], Awaitable[T]]

Failed = Callable[[Try, Fault], Awaitable[Verdict]]
"""Is told of each failure, and says what it means for the next try."""


class Hedges:
    """How many extra attempts may be made: at most `rule.share` of all requests, counted over the last few thousand."""

    def __init__(self, rule: Hedging) -> None:
        self.rule = rule
        self._requests = 0
        self._extra = 0

    def counted(self) -> None:
        """One more request."""
        self._requests += 1
        if self._requests >= FADE:
            self._requests //= 2
            self._extra //= 2

    def take(self) -> bool:
        """Whether one more extra attempt may be made; then it counts."""
        if self._extra + 1 > self.rule.share * self._requests:
            return False
        self._extra += 1
        return True

    def give_back(self) -> None:
        """What was taken was not made: there was nobody to ask."""
        self._extra -= 1

    def __repr__(self) -> str:
        return f"<Hedges {self._extra} of {self._requests} requests>"


async def in_turn(tries: Tries, attempt: Attempt[T], failed: Failed, first: Try | None = None) -> T | None:
    """The first attempt that holds, one after the other; None when all have failed.

    `first` is the try to begin with, where `tries` were told that there is one.
    """
    chosen = first or await tries.next()
    while chosen is not None:
        try:
            return await attempt(chosen)
        except Fault as fault:
            chosen = await _next(tries, await failed(chosen, fault))
    return None


async def raced(tries: Tries, hedges: Hedges, attempt: Attempt[A], failed: Failed) -> A | None:
    """As `in_turn`, but another attempt is begun when those under way show nothing within `hedges.rule.after` seconds.

    However this ends, every other attempt is cancelled and has let go of its upstream.
    """
    running: dict[asyncio.Task[A], Try] = {}
    hedges.counted()
    chosen = await tries.next()
    try:
        while chosen is not None or running:
            if chosen is not None:
                running[asyncio.ensure_future(attempt(chosen))] = chosen
                chosen = None
            late = hedges.rule.after if len(running) < hedges.rule.most else None
            done, _ = await asyncio.wait(running, timeout=late, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                if hedges.take() and (chosen := await tries.next()) is None:
                    hedges.give_back()
                if chosen is None:
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                tried = running[task]
                error = task.exception()
                if error is None:
                    del running[task]
                    return task.result()
                del running[task]
                if not isinstance(error, Fault):
                    raise error
                verdict = await failed(tried, error)
                if verdict is Verdict.REFUSE:
                    return None
                tries.failed(tried, again=verdict is Verdict.RETRY)
                if not running and chosen is None:
                    chosen = await _next(tries, verdict)
        return None
    finally:
        await _called_off(running)


async def _next(tries: Tries, verdict: Verdict) -> Try | None:
    if verdict is Verdict.REFUSE:
        return None
    return await tries.next(same_channel=verdict is Verdict.NEXT_KEY, again=verdict is Verdict.RETRY)


async def _called_off(running: dict[asyncio.Task[A], Try]) -> None:
    for task in running:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(result, BaseException):
            result.abandon()
