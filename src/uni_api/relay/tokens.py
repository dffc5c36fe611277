"""Tokens that do not last: got when first needed, kept while they hold, renewed before they end."""

import asyncio
import logging
from collections.abc import Callable

from msgspec import Struct, structs

from uni_api.errors import Fault
from uni_api.providers.base import Call, Grant, Token
from uni_api.secret import Secret
from uni_api.transport import HttpClient, Proxy, Timeouts, compile_head

logger = logging.getLogger("uni_api.relay")

EARLY = 300.0
"""Seconds before its end at which a token is renewed, or a fifth of its life where that is less."""
PAUSE = 15.0
"""Seconds until a renewal that failed is tried again, while the old token still holds."""
MAX_ANSWER = 64 * 1024
TIMEOUTS = Timeouts(connect=10.0, first_byte=20.0, idle=20.0, total=30.0)


class _Held(Struct, frozen=True):
    value: Secret
    renew: float
    end: float


class Tokens:
    """The tokens of all channels. For one grant there is never more than one request under way.

    now: seconds since 1970, as grants are told them. A token that is due is still used while its successor is fetched;
    whoever leaves while waiting takes nobody's request with them. A failure reaches all who wait for it, and is no
    reason for the next request not to ask again.
    """

    def __init__(self, http: HttpClient, now: Callable[[], float]) -> None:
        self.now = now
        self._http = http
        self._held: dict[str, _Held] = {}
        self._flights: dict[str, asyncio.Task[Secret]] = {}

    async def get(self, grant: Grant, proxy: Proxy | None) -> Secret:
        """A token that holds. Raises Fault when there is none to be had."""
        held, now = self._held.get(grant.id), self.now()
        if held is not None and now < held.renew:
            return held.value
        flight = self._flights.get(grant.id)
        if flight is None:
            flight = self._flights[grant.id] = asyncio.create_task(self._fetch(grant, proxy))
            flight.add_done_callback(lambda done: self._landed(grant, done))
        if held is not None and now < held.end:
            return held.value
        return await asyncio.shield(flight)

    def forget(self, grant: Grant, value: Secret) -> None:
        """`value` was refused: it is not used again."""
        held = self._held.get(grant.id)
        if held is not None and held.value == value:
            del self._held[grant.id]

    async def aclose(self) -> None:
        """Ask for nothing more. Whoever still waits is cancelled."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fetch(self, grant: Grant, proxy: Proxy | None) -> Secret:
        asked = self.now()
        call = grant.call(asked)
        token = await self._ask(grant, call, proxy)
        early = min(EARLY, token.lifetime / 5)
        self._held[grant.id] = _Held(token.value, asked + token.lifetime - early, asked + token.lifetime)
        return token.value

    async def _ask(self, grant: Grant, call: Call, proxy: Proxy | None) -> Token:
        head = compile_head(call.method, call.url, call.headers)
        response = await self._http.send(head, call.body, timeouts=TIMEOUTS, proxy=proxy)
        try:
            return grant.read(response.status, await response.read(MAX_ANSWER))
        finally:
            response.close()

    def _landed(self, grant: Grant, done: asyncio.Task[Secret]) -> None:
        self._flights.pop(grant.id, None)
        error = None if done.cancelled() else done.exception()
        if error is None:
            return
        if (held := self._held.get(grant.id)) is not None:
            self._held[grant.id] = structs.replace(held, renew=self.now() + PAUSE)
        if isinstance(error, Fault):
            logger.warning("no token for %s: %s", grant.id, error.message[:500])
        else:
            logger.error("no token for %s", grant.id, exc_info=error)

    def __repr__(self) -> str:
        return f"<Tokens {len(self._held)} held, {len(self._flights)} under way>"
