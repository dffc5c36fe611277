"""One channel's list of models, as its host gives it."""

import asyncio

from uni_api.config.plan import Channel
from uni_api.errors import Fault, FaultKind
from uni_api.providers.base import Address, Call, Door, Listing
from uni_api.relay.lane import headers_for
from uni_api.relay.redact import redact
from uni_api.relay.tokens import Tokens
from uni_api.transport import HttpClient, Proxy, Timeouts, compile_head

LIMIT = 20.0
"""Seconds for the whole list of one channel."""
MAX_PAGES = 100
MAX_PAGE_BYTES = 32 * 1024 * 1024
MAX_MODELS = 20_000
DOORS_TRIED = 3
"""Keys that are tried when a host refuses one."""

_KINDS: dict[int, FaultKind] = {401: "auth", 403: "auth", 429: "rate"}
_TIMEOUTS = Timeouts(connect=10.0, first_byte=LIMIT, idle=LIMIT, total=LIMIT)


class Asker:
    """Asks hosts for their models, over the channel's own proxy."""

    def __init__(self, http: HttpClient, tokens: Tokens, *, limit: float = LIMIT) -> None:
        self._http = http
        self._tokens = tokens
        self._limit = limit

    async def models(self, channel: Channel) -> tuple[str, ...]:
        """The names, in the host's order, each once. Raises Fault when there is no list to be had."""
        try:
            async with asyncio.timeout(self._limit):
                return await self._from_any_door(channel)
        except TimeoutError:
            raise Fault("timeout", f"The list of models did not arrive within {self._limit:g} seconds.") from None

    async def _from_any_door(self, channel: Channel) -> tuple[str, ...]:
        *others, last = channel.doors[:DOORS_TRIED]
        for door in others:
            try:
                return await self._from_door(channel, door)
            except Fault as fault:
                if fault.kind not in ("auth", "quota", "rate"):
                    raise
        return await self._from_door(channel, last)

    async def _from_door(self, channel: Channel, door: Door) -> tuple[str, ...]:
        proxy = Proxy(channel.proxy.reveal()) if channel.proxy is not None else None
        names: dict[str, None] = {}
        try:
            for listing in channel.provider.listings(door):
                await self._collect(listing, channel, proxy, names)
        except Fault as fault:
            raise redact(fault, door.secrets) from None
        if not names:
            raise Fault("protocol", "The host lists no models.")
        return tuple(names)

    async def _collect(self, listing: Listing, channel: Channel, proxy: Proxy | None, names: dict[str, None]) -> None:
        address: Address | None = listing.address
        for _ in range(MAX_PAGES):
            if address is None or len(names) >= MAX_MODELS:
                return
            page = listing.read(await self._get(address, channel, proxy))
            names.update(dict.fromkeys(page.models[: MAX_MODELS - len(names)]))
            address = page.next

    async def _get(self, address: Address, channel: Channel, proxy: Proxy | None) -> bytes:
        headers = headers_for(channel, address)
        if address.grant is not None:
            token = await self._tokens.get(address.grant, proxy)
            headers = (*headers, ("authorization", f"Bearer {token.reveal()}"))
        if address.sign is not None:
            headers = (*headers, *address.sign(Call("GET", address.url, headers, b""), self._tokens.now()))
        head = compile_head("GET", address.url, headers)
        response = await self._http.send(head, b"", timeouts=_TIMEOUTS, proxy=proxy)
        try:
            body = await response.read(MAX_PAGE_BYTES)
        finally:
            response.close()
        if response.status != 200:
            kind = _KINDS.get(response.status, "protocol")
            raise Fault(kind, f"The host answered with status {response.status}.", status=response.status)
        return body
