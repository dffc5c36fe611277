"""Composition root: a Plan -> the rooms, wired together."""

import os
import time
from typing import TYPE_CHECKING

from uni_api.config.plan import Plan
from uni_api.demo import DemoUpstream
from uni_api.relay import Relay
from uni_api.relay.tokens import Tokens
from uni_api.server import Gateway
from uni_api.state import open_state
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetcher

if TYPE_CHECKING:
    from uni_api.discovery import Discovery


class App:
    """Everything that serves one Plan. Must be made, and ended, inside the event loop."""

    def __init__(self, plan: Plan, *, max_body: int) -> None:
        self._http = HttpClient()
        self._tokens = Tokens(self._http, time.time)
        self._state = open_state(plan, os.environ, time.time)
        fetcher, local = Fetcher(self._http), {"demo": DemoUpstream()}
        self._relay = Relay(plan, self._http, fetcher, local, tokens=self._tokens, state=self._state)
        self.gateway = Gateway(plan, self._relay, max_body=max_body)
        self._discovery = self._discover(plan) if any(channel.discover for channel in plan.channels) else None

    async def aclose(self) -> None:
        """Stop what runs in the background, and end every upstream connection."""
        if self._discovery is not None:
            await self._discovery.aclose()
        await self._tokens.aclose()
        await self._http.aclose()
        await self._state.aclose()

    def _discover(self, plan: Plan) -> "Discovery":
        # Imported only here: a file that lists its models starts without it.
        from uni_api.discovery import Asker, Discovery, Shelf, usual_folder

        shelf = Shelf(usual_folder(os.environ))
        discovery = Discovery(plan, Asker(self._http, self._tokens), shelf, self.gateway.use)
        self._relay.lists = discovery
        discovery.start()
        return discovery
