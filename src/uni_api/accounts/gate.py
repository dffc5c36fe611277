"""Who gets in: limits taken and money reserved before anything else is done, settled when it is over."""

from msgspec import Struct

from uni_api.canon import Usage
from uni_api.config.plan import Client, Plan


class Pass(Struct, frozen=True):
    """What one request was let in with. `headers` tell the client what it has left."""

    client: Client
    model: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Gate:
    """Lets requests in, or refuses them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def use(self, plan: Plan) -> None:
        """Go by `plan` from now on. What was counted so far stays."""
        self._plan = plan

    async def admit(self, client: Client, model: str, tokens: int) -> Pass | None:
        """Take what one request for `model` costs `client`. None: this key has no limits of any kind.

        `tokens` is an estimate. Raises Denied(429), with `retry_after` where waiting helps; then nothing was taken.
        """
        return None

    async def settle(self, held: Pass, usage: Usage | None) -> None:
        """The request was served, and came to `usage` (None: to nothing that is known of)."""

    async def give_back(self, held: Pass) -> None:
        """The request was refused by the gateway itself: it costs nothing."""
