"""Whom a request would like to be served by: who served its conversation last, or who can open what it brings along."""

import time
from collections.abc import Callable

from msgspec import Struct

from uni_api.config.plan import Client
from uni_api.config.policy import Affinity
from uni_api.dialects import Peek
from uni_api.providers.base import Door
from uni_api.routing import Candidate, Health, Pool, Preference, Try

MOST_KEPT = 20_000
"""Conversations that are remembered; the one that was silent longest is forgotten for a new one. About 5 MB."""


class _Kept(Struct, frozen=True):
    """Where a conversation was, by the candidate's name: it may belong to a Plan that is over."""

    name: str
    place: int
    door: Door
    until: float


class Memory:
    """Remembers, in this process, where conversations were. Without a rule it remembers nothing.

    A preference is a wish: who rests or fails is not insisted on.
    """

    def __init__(self, rule: Affinity | None, health: Health, now: Callable[[], float] = time.monotonic) -> None:
        self.rule = rule
        self._health = health
        self._now = now
        self._kept: dict[int, _Kept] = {}

    def use(self, rule: Affinity | None) -> None:
        """Go by `rule` from now on."""
        self.rule = rule
        if rule is None:
            self._kept = {}

    def thread(self, client: Client, seen: Peek, session: bytes | None) -> int | None:
        """What the conversation is remembered by; None when it is not remembered.

        `session` is the conversation's id, where the client has sent one.
        """
        rule = self.rule
        if rule is None:
            return None
        if session is not None and (name := session.strip()):
            return hash((client.key.digest, seen.model, b"session", name))
        begins = seen.opening if rule.by == "prefix" else b""
        return hash((client.key.digest, seen.model, begins)) if begins else None

    def preference(self, pool: Pool, thread: int | None, realm: str | None) -> Preference | None:
        """Who should be tried first. `realm`: who issued the blobs in the request."""
        kept = self._kept.get(thread) if thread is not None else None
        if kept is not None and kept.until <= self._now():
            kept = None
        if kept is None and realm is None:
            return None
        ways = [way for way in pool.ways() if not self._rests(way[0])]
        home = [way for way in ways if _realm(way[0]) == realm] if realm is not None else []
        for candidate, via in home or ways:
            if kept is not None and candidate.name == kept.name:
                return Preference(candidate, _place(candidate, kept), via)
        if home:
            candidate, via = home[0]
            return Preference(candidate, None, via)
        return None

    def worked(self, thread: int, chosen: Try) -> None:
        """The conversation was served by `chosen`."""
        if self.rule is None:
            return
        until = self._now() + self.rule.seconds
        self._kept.pop(thread, None)
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[thread] = _Kept(chosen.candidate.name, chosen.place, chosen.door, until)

    def failed(self, thread: int, chosen: Try) -> None:
        """`chosen` has failed. Where it was the one to go back to, there is none any longer."""
        kept = self._kept.get(thread)
        if kept is not None and (kept.name, kept.place) == (chosen.candidate.name, chosen.place):
            del self._kept[thread]

    def _rests(self, candidate: Candidate) -> bool:
        return self._health.resting and self._health.rests(candidate) > 0

    def __repr__(self) -> str:
        return f"<Memory of {len(self._kept)} conversations>"


def _place(candidate: Candidate, kept: _Kept) -> int | None:
    """The door that was used, if it is still where it was."""
    doors = candidate.channel.doors
    return kept.place if kept.place < len(doors) and doors[kept.place] == kept.door else None


def _realm(candidate: Candidate) -> str:
    channel = candidate.channel
    return channel.provider.realm(channel.doors[0].site, candidate.model)
