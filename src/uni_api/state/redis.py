"""State in Redis or Valkey, shared by every process that uses the same one."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from uni_api.secret import Secret
from uni_api.state import scripts
from uni_api.state.base import State
from uni_api.state.line import Away, Line, Word
from uni_api.state.local import LocalState
from uni_api.state.scripts import DAY, PREFIX, Refused, Script
from uni_api.state.wants import Short, Taken, Want
from uni_api.state.windows import EXACT, LONGEST_NAME, TICKS, shortened, ticks

T = TypeVar("T")

logger = logging.getLogger("uni_api.state")

REFRESH = 0.5
"""Seconds between two looks at what others let rest."""

PAUSE, LONGEST_PAUSE = 0.5, 2.0
"""Seconds between two looks for a Redis that is away."""

STEADY = 10.0
"""A Redis that stays for less, in seconds, is looked for less and less often."""

PAGE = 1000

TURNS_LAST = DAY
SPENDINGS_LAST = 400 * DAY

_THERE = "there-"


class RedisState(State):
    """Counters in Redis; while it is away, in this process, with the same limits.

    What this process took and knows to be spent is counted here as well, so that it goes on from there. What is spent
    meanwhile is added when Redis is back (where an answer was lost, it may be counted twice); what is taken meanwhile
    is not. Must be made, used and ended within one event loop. Raises ValueError when `url` can't be used.
    """

    def __init__(self, url: Secret, now: Callable[[], float], *, refresh: float = REFRESH) -> None:
        self._line = Line(url, self._lose)
        self._here = LocalState(now)
        self._now = now
        self._refresh = refresh
        self._away = False
        self._owed: dict[str, int] = {}
        self._heard = b"-inf"
        self._pause = PAUSE
        self._joined_at = -math.inf
        self.lapses = 0
        """How often Redis went away."""
        self.answered_here = 0
        """How many calls were answered in this process because Redis was away."""
        self._tending = asyncio.get_running_loop().create_task(self._tend())

    shared = True

    @property
    def degraded(self) -> bool:
        return self._away

    def gauge(self, wants: Sequence[Want]) -> None:
        return None

    def purse(self, name: str) -> None:
        return None

    async def take(self, wants: Sequence[Want]) -> Taken | Short:
        args: list[Word] = [EXACT]
        for want in wants:
            args += (want.most, ticks(want.seconds), want.amount)
        reply = await self._ask(scripts.TAKE, _windows(wants), *args)
        if reply is None:
            return await self._here.take(wants)
        if isinstance(reply, Refused):
            return Short(wants[reply.place], math.inf if reply.wait is None else reply.wait / TICKS, reply.left)
        now = self._now()
        self._here.note(wants, now)
        resets = tuple([each / TICKS for each in reply.resets])
        return Taken(id=f"{_THERE}{reply.tick}", at=now, wants=tuple(wants), left=reply.left, resets=resets)

    async def settle(self, taken: Taken, amounts: Sequence[int]) -> None:
        await self._here.settle(taken, amounts)
        if not taken.id.startswith(_THERE) or all(
            amount == want.amount for want, amount in zip(taken.wants, amounts, strict=True)
        ):
            return
        args: list[Word] = [taken.id.removeprefix(_THERE)]
        for want, amount in zip(taken.wants, amounts, strict=True):
            args += (ticks(want.seconds), amount - want.amount)
        await self._ask(scripts.SETTLE, _windows(taken.wants), *args)

    async def turn(self, name: str) -> int:
        reply = await self._ask(scripts.TURN, [_key("turn", name)], TURNS_LAST)
        return await self._here.turn(name) if reply is None else reply

    @property
    def resting(self) -> bool:
        return self._here.resting

    def rests(self, name: str) -> float:
        return self._here.rests(name)

    async def rest(self, name: str, seconds: float) -> None:
        await self._here.rest(name, seconds)
        self._publish(name, max(1, ticks(seconds)))

    async def wake(self, name: str) -> None:
        await self._here.wake(name)
        self._publish(name, 0)

    async def reserve(self, name: str, amount: int, most: int) -> bool:
        reply = await self._spend(name, amount, most)
        if reply is not None:
            return reply[0]
        granted = await self._here.reserve(name, amount, most)
        if granted:
            self._owe(name, amount)
        return granted

    async def spend(self, name: str, amount: int) -> None:
        if await self._spend(name, amount, "") is None:
            await self._here.spend(name, amount)
            self._owe(name, amount)

    async def spent(self, name: str) -> int:
        reply = await self._spend(name, 0, "")
        return await self._here.spent(name) if reply is None else reply[1]

    async def aclose(self) -> None:
        self._tending.cancel()
        await asyncio.wait([self._tending])
        await self._line.aclose()

    # --- asking

    async def _ask(self, script: Script[T], keys: Sequence[bytes], *args: Word) -> T | None:
        """What Redis answers, or None when it is away."""
        if not self._away:
            try:
                return await self._line.ask(script, keys, *args)
            except Away:
                pass
        self.answered_here += 1
        return None

    async def _spend(self, name: str, amount: int, most: Word) -> tuple[bool, int] | None:
        reply = await self._ask(scripts.SPEND, [_key("spent", name)], SPENDINGS_LAST, amount, most)
        if reply is not None:
            self._here.spent_by_now(name, reply[1])
        return reply

    def _owe(self, name: str, amount: int) -> None:
        self._owed[name] = self._owed.get(name, 0) + amount

    def _publish(self, name: str, rest: int) -> None:
        if not self._away:
            self._line.tell(scripts.REST, _RESTS, _plain(name), rest)

    # --- being away, and back

    def _lose(self, reason: str) -> None:
        if self._away:
            return
        self._away = True
        self.lapses += 1
        steady = asyncio.get_running_loop().time() - self._joined_at > STEADY
        self._pause = PAUSE if steady else min(LONGEST_PAUSE, 2 * self._pause)
        logger.warning(
            "shared state at %s is away, limits are counted in this process alone: %s", self._line.place, reason
        )

    async def _tend(self) -> None:
        """Hear what others let rest; look for Redis when it is away."""
        while True:
            if self._away:
                await asyncio.sleep(self._pause)
                await self._look()
            else:
                await self._hear()
                await asyncio.sleep(self._refresh)

    async def _look(self) -> None:
        """Join again, if Redis can be written to and has taken what is owed to it."""
        try:
            await self._line.ask(scripts.PROBE, [_key("probe", "")])
            while self._owed:
                name, amount = self._owed.popitem()
                try:
                    await self._line.ask(scripts.SPEND, [_key("spent", name)], SPENDINGS_LAST, amount, "")
                except Away:
                    self._owe(name, amount)
                    raise
        except Away:
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
            return
        self._away = False
        for name, seconds in self._here.all_rests():
            self._publish(name, ticks(seconds))
        self._heard = b"-inf"
        self._joined_at = asyncio.get_running_loop().time()
        logger.warning("shared state at %s is back", self._line.place)

    async def _hear(self) -> None:
        full = True
        while full:
            try:
                last, found = await self._line.ask(scripts.RESTS, _RESTS, self._heard, PAGE)
            except Away:
                return
            for name, rest in found:
                await self._heard_of(name, rest / TICKS)
            if last:
                self._heard = b"(" + last
            full = len(found) >= PAGE

    async def _heard_of(self, name: str, seconds: float) -> None:
        if seconds > 0:
            await self._here.rest(name, seconds)
        else:
            await self._here.wake(name)

    def __repr__(self) -> str:
        return f"<RedisState {self._line.place}{', away' if self._away else ''}>"


def _plain(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _key(kind: str, name: str) -> bytes:
    return _plain(f"{PREFIX}{kind}:{name if len(name) <= LONGEST_NAME else shortened(name)}")


def _windows(wants: Sequence[Want]) -> list[bytes]:
    keys: list[bytes] = []
    for want in wants:
        name = f"{ticks(want.seconds)}:{want.name}"
        keys += (_key("times", name), _key("amounts", name))
    return keys


_RESTS = (_key("rests", "until"), _key("rests", "changed"))
