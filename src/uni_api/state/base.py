"""What requests share, whoever keeps it: windows, turns, rests and spendings."""

from collections.abc import Sequence
from typing import Protocol

from uni_api.state.gauge import Gauge, Purse
from uni_api.state.wants import Short, Taken, Want


class State(Protocol):
    """Shared by every request of a process, or of several processes. Names are the caller's, without secrets.

    Every call returns within a bounded time and raises nothing: a home that is away is replaced by local counters until
    it is back, and says so in the log and in `degraded`.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes count in the same home."""

    @property
    def degraded(self) -> bool:
        """Whether counters that should be shared are local for now."""

    async def take(self, wants: Sequence[Want]) -> Taken | Short:
        """Take all of `wants`, or nothing: check and take are one step."""

    def gauge(self, wants: Sequence[Want]) -> Gauge | None:
        """What takes `wants` without asking anybody, again and again; None where somebody has to be asked."""

    def purse(self, name: str) -> Purse | None:
        """What is spent under `name`, where nobody has to be asked; None where somebody has."""

    async def settle(self, taken: Taken, amounts: Sequence[int]) -> None:
        """What each want of `taken` really came to, in place of its amount: 0 gives it back. Once; never refused."""

    async def turn(self, name: str) -> int:
        """How often `name` was asked before: 0, 1, 2 ..."""

    @property
    def resting(self) -> bool:
        """Whether anything may rest at all. Asks nobody; what is over may still count for a while."""

    def rests(self, name: str) -> float:
        """For how many more seconds `name` rests; 0 when it does not. Asks nobody: what others did may come late."""

    async def rest(self, name: str, seconds: float) -> None:
        """Let `name` rest. A rest that ends later stays."""

    async def wake(self, name: str) -> None:
        """End the rest of `name`."""

    async def reserve(self, name: str, amount: int, most: int) -> bool:
        """Spend `amount` under `name` unless `most` or more are spent already. Whether it was."""

    async def spend(self, name: str, amount: int) -> None:
        """Spend `amount` more, or less than nothing when a reservation was too high. Never refused."""

    async def spent(self, name: str) -> int:
        """What is spent under `name`, reservations included."""

    async def aclose(self) -> None:
        """Keep what has to outlive the process."""
