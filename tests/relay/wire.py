"""An HTTP client that notes what it is told to send, and answers nothing."""

from typing import Any

from uni_api.relay import UpstreamResponse
from uni_api.relay.lane import Lane
from uni_api.routing import Try
from uni_api.transport import Head, Proxy, Timeouts


class Wire:
    """`heads`, `timeouts` and `proxies` grow by one a request."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.timeouts: list[Timeouts] = []
        self.proxies: list[Proxy | None] = []

    async def send(
        self, head: Head, body: bytes, *, timeouts: Timeouts, proxy: Proxy | None, begun: None = None
    ) -> Any:
        self.heads.append(head)
        self.timeouts.append(timeouts)
        self.proxies.append(proxy)

    async def sent(self, lane: Lane, attempt: Try, body: bytes = b"{}", *, stream: bool = False) -> UpstreamResponse:
        """What `lane` says to a request."""
        return await lane.send(attempt, body, stream=stream)
