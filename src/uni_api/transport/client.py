"""The client: a pool of connections a route, and the sending of one request over one of them."""

import asyncio
from collections import deque
from ssl import SSLContext

from uni_api.errors import Fault
from uni_api.transport.connection import Connection
from uni_api.transport.dial import dial
from uni_api.transport.head import Head
from uni_api.transport.outbox import Outbox
from uni_api.transport.proxy import Proxy, Route
from uni_api.transport.response import Response
from uni_api.transport.timeouts import Limits, Timeouts

DEFAULT_TIMEOUTS = Timeouts()


class HttpClient:
    """An HTTP/1.1 client with keep-alive. Belongs to the event loop it is first used in.

    Follows no redirects, keeps no cookies and reads no environment variables but OpenSSL's. `ssl_context` replaces
    the default one, for upstreams and for https proxies alike.
    """

    def __init__(self, *, limits: Limits | None = None, ssl_context: SSLContext | None = None) -> None:
        self._limits = limits or Limits()
        self._ssl_context = ssl_context
        self._idle: dict[Route, list[Connection]] = {}
        self._connections: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._outbox: Outbox | None = None

    def at_once(
        self, head: Head, body: bytes, *, timeouts: Timeouts = DEFAULT_TIMEOUTS, proxy: Proxy | None = None
    ) -> Response | None:
        """Send a request over a connection that idles; None, and nothing is sent, where there is none.

        The response has no head yet. Its `news` tell of that, or `send` waits for it.
        """
        connection = self._take((head.origin, proxy, None))
        return connection.begin(head, body, timeouts) if connection is not None else None

    async def send(
        self,
        head: Head,
        body: bytes,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        proxy: Proxy | None = None,
        connect_to: str | None = None,
        begun: Response | None = None,
    ) -> Response:
        """Send a request and return its response as soon as the head is there.

        `connect_to` is the address to connect to in place of the origin's name; TLS is verified for the name all the
        same. `begun` is what `at_once` gave for the same request. An idle connection that turns out to be closed,
        before a byte was received, is replaced once by a fresh one; one that was used until a moment ago and is reset
        is not. Raises Fault: "connect" when nothing was sent, "timeout", or "protocol".
        """
        route = (head.origin, proxy, connect_to)
        if begun is None:
            connection = self._take(route) or await self._open(route, timeouts.connect)
            begun = connection.begin(head, body, timeouts)
        await begun.head()
        if begun.unseen:
            connection = await self._open(route, timeouts.connect, fresh=True)
            begun = connection.begin(head, body, timeouts)
            await begun.head()
        if not begun.status and begun.fault is not None:
            raise begun.fault
        return begun

    async def aclose(self) -> None:
        """Close every connection at once. Exchanges under way fail; a later `send` is refused."""
        self._closed = True
        for connection in list(self._connections):
            connection.fail(Fault("cancelled", "The HTTP client was closed."))
        while self._waiting:
            self._wake_one()
        await asyncio.sleep(0)

    def __repr__(self) -> str:
        idle = sum(map(len, self._idle.values()))
        active = len(self._connections) - idle
        origins = len({connection.route[0] for connection in self._connections})
        return f"<HttpClient [Origins: {origins} | Connections: {active} active, {idle} idle]>"

    # What connections tell

    def release(self, connection: Connection) -> None:
        route = connection.route
        idle = self._idle.get(route)
        if idle is None:
            idle = self._idle[route] = []
        if len(idle) >= self._limits.idle_per_route:
            connection.abort()
            return
        idle.append(connection)
        if self._waiting:
            self._wake_one()

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        idle = self._idle.get(connection.route)
        if idle is not None:
            if connection in idle:
                idle.remove(connection)
            if not idle:
                del self._idle[connection.route]
        if self._waiting:
            self._wake_one()

    def _outbox_here(self) -> Outbox:
        if self._outbox is None:
            self._outbox = Outbox(asyncio.get_running_loop())
        return self._outbox

    # The pool

    def _take(self, route: Route) -> Connection | None:
        """The idle connection that was used last, or None."""
        idle = self._idle.get(route)
        while idle:
            connection = idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def _open(self, route: Route, seconds: float, *, fresh: bool = False) -> Connection:
        """A new connection, or an idle one that came free while this waited for room (unless it must be `fresh`)."""
        host = route[0].host
        room = False
        try:
            async with asyncio.timeout(seconds):
                self._refuse_closed()
                while not self._has_room():
                    await self._wait_for_room()
                    self._refuse_closed()
                    idle = None if fresh else self._take(route)
                    if idle is not None:
                        return idle
                self._opening += 1
                room = True
                connection = Connection(self, route, self._limits.idle_seconds, self._outbox_here())
                connection.throttle = await dial(route, connection, self._ssl_context)
        except TimeoutError:
            what = "could not be reached" if room else "had no free connection"
            raise Fault("timeout", f"{host} {what} within {seconds:g} s (connect timeout).") from None
        finally:
            if room:
                self._opening -= 1
                self._wake_one()
        self._connections.add(connection)
        if self._closed or not connection.usable():
            connection.abort()
            self._refuse_closed()
            raise Fault("connect", f"{host} closed the connection at once.")
        return connection

    def _has_room(self) -> bool:
        """Whether one more connection may be opened; an idle one is closed to make room where that helps."""
        bound = self._limits.connections
        if bound is None or len(self._connections) + self._opening < bound:
            return True
        for idle in self._idle.values():
            idle[0].abort()
            return True
        return False

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Fault("connect", "The HTTP client is closed.")

    async def _wait_for_room(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._wake_one()  # the turn was ours, and nobody takes it
            raise

    def _wake_one(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
