"""How channels are doing: who rests after a failure, who answers fast, who is busy."""

from uni_api.errors import Fault
from uni_api.routing.pool import Candidate


class Health:
    """What became of the tries of every candidate."""

    async def failed(self, candidate: Candidate, fault: Fault, *, only: bool) -> None:
        """A try ended in `fault`. `only`: nobody else could have served the request."""

    async def worked(self, candidate: Candidate) -> None:
        """A try came to content."""

    def __repr__(self) -> str:
        return "<Health>"
