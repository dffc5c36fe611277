"""One HTTP/1.1 connection: bytes in and out, one exchange at a time, and one timer for every phase.

Sources: RFC 9110 and RFC 9112 (June 2022). Where they leave a choice this client is strict: an answer that could be
read in two ways is a Fault.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from math import inf
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from uni_api.errors import Fault
from uni_api.transport.chunks import LAST, Scout
from uni_api.transport.head import Head
from uni_api.transport.outbox import Outbox
from uni_api.transport.proxy import Route
from uni_api.transport.response import HIGH_WATER, Response
from uni_api.transport.timeouts import Timeouts

MAX_HEAD = 64 * 1024
MAX_HEADERS = 256
_CODINGS = frozenset({b"transfer-encoding", b"content-encoding"})
_SLICE = 128 * 1024
"""A body is handed to the transport in pieces of this size, so that a slow upstream is noticed between them."""

JUST_USED = 1.0
"""Seconds: no peer gives up an idle connection so soon. What it closes after them may have been an idle one."""


class Phase(Enum):
    IDLE = "idle"
    HEAD = "head"  # the request is on its way or with the upstream
    BODY = "body"
    ENDED = "ended"  # the answer is complete
    CLOSED = "closed"


# Enum members cost a slow lookup each time on Python 3.11; these names are on the way of every byte.
_IDLE, _HEAD, _BODY, _ENDED, _CLOSED = Phase


class Owner(Protocol):
    """The pool, as its connections see it."""

    def release(self, connection: "Connection") -> None:
        """The exchange ended cleanly: the connection can be used again."""

    def lost(self, connection: "Connection") -> None:
        """The connection is closed. May be told twice."""


class Connection(asyncio.Protocol):
    """A protocol for asyncio and uvloop. `route` is the owner's key; messages name its origin's host only."""

    __slots__ = (
        "_arrived",
        "_arrived_ours",
        "_barren",
        "_bodyless",
        "_extra",
        "_feed",
        "_flaw",
        "_head_size",
        "_headers",
        "_host",
        "_idle_seconds",
        "_idled",
        "_keep",
        "_keeps_chunks",
        "_loop",
        "_outbox",
        "_owner",
        "_parser",
        "_patience",
        "_phase",
        "_read_paused",
        "_repeated",
        "_response",
        "_scout",
        "_since",
        "_timeouts",
        "_timer",
        "_timer_at",
        "_total_at",
        "_transport",
        "_unsent",
        "_until_eof",
        "_write_paused",
        "on_body",
        "reused",
        "route",
        "throttle",
    )

    def __init__(self, owner: Owner, route: Route, idle_seconds: float, outbox: Outbox) -> None:
        self.route = route
        self.reused = False
        self.throttle: asyncio.Transport | None = None  # what to pause: the socket's own transport, under all TLS
        self._owner = owner
        self._outbox = outbox
        self._host = route[0].host
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        # What the parser finds of a body in one feed. It calls the list's own append: nothing is faster.
        self._arrived: list[bytes] = []
        self.on_body = self._arrived.append
        self._arrived_ours = 0
        self._headers: dict[bytes, bytes] = {}
        self._repeated: list[bytes] = []  # what a head says again: it counts towards its bounds
        self._parser = HttpResponseParser(self)
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self._keeps_chunks = False
        self._scout: Scout | None = None
        self._phase = _IDLE
        self._response: Response | None = None
        self._flaw = ""
        self._head_size = 0
        self._barren = 0
        self._bodyless = False
        self._keep = True
        self._idled = 0.0
        self._until_eof = False
        self._extra = False
        self._unsent: memoryview | None = None
        self._write_paused = False
        self._read_paused = False
        self._timeouts = Timeouts()
        # The timer: due at the earlier of `_since + _patience` and `_total_at`. Progress only moves `_since`; a timer
        # that goes off early is set again.
        self._since = 0.0
        self._patience = inf
        self._total_at = inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    # The exchange

    def begin(self, head: Head, body: bytes, timeouts: Timeouts) -> Response:
        """Send a request. The response is woken when its head is there, or the exchange has failed."""
        transport = self._transport
        assert transport is not None and self._phase is _IDLE
        self._response = response = Response(self, self._host, self._loop)
        self._phase = _HEAD
        self._timeouts = timeouts
        self._head_size = 0
        self._bodyless = head.method == "HEAD"
        self._keeps_chunks = head.keeps_chunks
        now = self._loop.time()
        self._idled = now - self._since
        self._since = now
        self._total_at = inf if timeouts.total is None else now + timeouts.total
        size = len(body)
        if size <= _SLICE:
            if size or head.method not in ("GET", "HEAD"):
                self._outbox.write(transport, b"%bcontent-length: %d\r\n\r\n%b" % (head.data, size, body))
            else:
                self._outbox.write(transport, head.data + b"\r\n")
        else:
            transport.write(b"%bcontent-length: %d\r\n\r\n" % (head.data, size))
            self._unsent = memoryview(body)
            self._pump()
        self._set_patience(self._patience_of_request())
        return response

    def resume(self) -> None:
        """Read on: the consumer has taken what was unread."""
        if self._read_paused:
            self._since = self._loop.time()
            self._read_on()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._phase is not _CLOSED:
            self._phase = _CLOSED
            self._response = None
            self._unsent = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._transport is not None:
                self._transport.abort()
            self._owner.lost(self)

    def fail(self, fault: Fault) -> None:
        """End the exchange with a fault, and the connection with it."""
        response = self._response
        self.abort()
        if response is not None:
            response.fault = fault
            response.wake()

    def usable(self) -> bool:
        """Whether an idle connection can take another request now."""
        return (
            self._phase is _IDLE
            and self._transport is not None
            and not self._transport.is_closing()
            and self._loop.time() - self._since < self._idle_seconds
        )

    @property
    def stale(self) -> bool:
        """Whether it was lost because it had been idle: then nobody has seen the last request.

        A peer that gives up a connection which it has just used has seen it.
        """
        return self.reused and not self._head_size and self._idled >= JUST_USED

    def __repr__(self) -> str:
        paused = [word for word, on in (("reading", self._read_paused), ("writing", self._write_paused)) if on]
        words = [self._host, self._phase.value]
        words += ["reused"] if self.reused else []
        words += ["paused: " + "+".join(paused)] if paused else []
        return f"<Connection [{', '.join(words)}]>"

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._since = self._loop.time()

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            # Nothing was asked for: what arrives now could be taken for the answer to the next request.
            self.abort()
            return
        in_head = self._phase is _HEAD
        if in_head and self._keeps_chunks and self._comes_whole(data, response):
            return
        try:
            self._feed(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._keep = False
            if self._phase is not _ENDED:
                self._flaw = self._flaw or str(error) or "it changes the protocol"
        size = len(data)
        if in_head:
            self._note_head(size)
        else:
            self._since = self._loop.time()
        if self._arrived:
            self._take_in(response, size)
        elif not in_head:
            self._barren += size
            if self._barren > MAX_HEAD and self._phase is _BODY:
                self._flaw = "too much framing without a body"
        if self._flaw:
            self.fail(Fault("protocol", f"{self._host} sent an answer that is not valid HTTP: {self._flaw}."))
        elif self._phase is _ENDED:
            self._finish(response)
        elif self._phase is _BODY and response.sink is None:
            response.wake()

    def _comes_whole(self, data: bytes, response: Response) -> bool:
        """Whether `data` is all of the answer: then its chunks are left as they are."""
        if self._head_size or not data.endswith(LAST):
            return False
        scout = self._scout = self._scout or Scout()
        start = scout.body_of(data)
        if not start or len(scout.headers) > MAX_HEADERS or start > MAX_HEAD:
            return False
        response.status = 200
        response.headers = scout.headers
        response.framed = data
        response.framed_from = start
        self._head_size = len(data)
        self._keep = True
        self._extra = False
        self._finish(response)
        return True

    def _note_head(self, size: int) -> None:
        """`size` bytes came that begin with more of a head, perhaps with its end."""
        self._head_size += size
        if self._head_size > MAX_HEAD or len(self._headers) + len(self._repeated) > MAX_HEADERS:
            self._check_head()
        if self._phase is _BODY:
            self._since = self._loop.time()
            self._set_patience(self._timeouts.idle)

    def _take_in(self, response: Response, size: int) -> None:
        """Hand on what arrived of the body in `size` bytes; stop reading when too much of it is unread."""
        arrived = self._arrived
        if self._phase is _ENDED:
            del arrived[self._arrived_ours :]  # what follows the answer is nobody's
        self._barren = 0
        if response.sink is not None and arrived:
            piece = arrived[0] if len(arrived) == 1 else b"".join(arrived)
            arrived.clear()
            response.give(piece)
            return
        response.unread += arrived
        response.size += size
        arrived.clear()
        if response.size > HIGH_WATER and self._phase is _BODY and not self._read_paused and self.throttle is not None:
            self._read_paused = True
            self.throttle.pause_reading()

    def eof_received(self) -> None:
        response = self._response
        if response is not None and self._phase is _BODY and self._until_eof and self._ended_properly():
            self._keep = False
            self._finish(response)
        else:
            self._cut("closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._cut("closed the connection" if exc is None else "broke off the connection")
        del self._parser, self._feed  # each holds this object: without them it is freed at once
        if self._scout is not None:
            self._scout.close()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._phase in (_HEAD, _BODY):
            self._pump()
            if self._phase is _HEAD:
                self._since = self._loop.time()
                self._set_patience(self._patience_of_request())

    # What the parser tells

    def on_message_begin(self) -> None:
        if self._phase is _ENDED:
            self._extra = True
        self._headers = {}
        if self._repeated:
            self._repeated = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of a header that is repeated the first counts, but for those that say how the body is put together."""
        if self._phase is not _HEAD:
            return  # trailers go nowhere
        name = name.lower()
        headers = self._headers
        if name not in headers:
            headers[name] = value
            return
        self._repeated.append(name + value)
        if name in _CODINGS:
            headers[name] += b"," + value

    def on_headers_complete(self) -> None:
        if self._phase is not _HEAD:
            return
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                self._flaw = f"status {status} can't be an answer"
            return
        response = self._response
        assert response is not None
        response.status = status
        response.headers = headers = self._headers
        coding = headers.get(b"transfer-encoding")
        if coding is not None and coding != b"chunked" and coding.rstrip().lower() not in (b"chunked", b"identity"):
            self._flaw = "its transfer-encoding is unknown"
        coding = headers.get(b"content-encoding")
        if coding is not None:
            named = [word for each in coding.split(b",") if (word := each.strip()) and word.lower() != b"identity"]
            response.coding = b",".join(named)
        self._phase = _BODY
        self._extra = self._until_eof = False
        self._barren = 0
        self._keep = self._parser.should_keep_alive()
        if not self._keep:
            self._check_last(headers)
        if self._bodyless:
            self._phase = _ENDED
            self._arrived_ours = 0
            self._keep = False  # the parser would take the length of the missing body for the next answer's

    def on_message_complete(self) -> None:
        if self._phase is _BODY:
            self._phase = _ENDED
            self._arrived_ours = len(self._arrived)

    # The parts of it

    def _check_head(self) -> None:
        """More came than a head may have. When it is complete, part of that is the body."""
        if self._phase is not _HEAD and len(self._headers) + len(self._repeated) <= MAX_HEADERS:
            size = sum(len(name) + len(value) + 4 for name, value in self._headers.items())
            size += sum(len(said) + 4 for said in self._repeated)
            if size <= MAX_HEAD:
                return
        self._flaw = f"its head is larger than {MAX_HEAD} bytes or {MAX_HEADERS} headers"

    def _check_last(self, headers: Mapping[bytes, bytes]) -> None:
        """The answer is the connection's last: is its end marked by the connection's, and does it speak HTTP/1?"""
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            self._flaw = "its version is not HTTP/1.1 or HTTP/1.0"
        chunked = headers.get(b"transfer-encoding", b"").rstrip().lower() == b"chunked"
        self._until_eof = not (chunked or b"content-length" in headers)

    def _finish(self, response: Response) -> None:
        """The answer is complete: free the connection, then tell the reader."""
        response.ended = True
        transport = self._transport
        sent = self._unsent is None and not self._write_paused
        if self._keep and not self._extra and sent and transport is not None and not transport.is_closing():
            self._response = None
            self._phase = _IDLE
            self.reused = True
            if self._read_paused:
                self._read_on()
            self._since = self._loop.time()
            self._total_at = inf
            self._patience = self._idle_seconds
            # A timer that is late does no harm here: `usable` looks at the clock.
            if self._timer is None:
                self._arm()
            self._owner.release(self)
        else:
            self.abort()
        response.wake()

    def _ended_properly(self) -> bool:
        """Whether the peer meant the end: over TLS it says so, else anybody on the way could cut an answer short.

        RFC 9112, 9.8. asyncio tells of both ends alike (uvloop does not), so OpenSSL is asked: it unwraps at once only
        when the peer's closing alert is there.
        """
        secured = cast(asyncio.Transport, self._transport).get_extra_info("ssl_object")
        if secured is None:
            return True
        try:
            secured.unwrap()
        except OSError:
            return False
        return True

    def _cut(self, what: str) -> None:
        if self._phase in (_HEAD, _BODY):
            when = "in the middle of its answer" if self._head_size else "before it answered"
            self.fail(Fault("protocol", f"{self._host} {what} {when}."))
        else:
            self.abort()

    def _read_on(self) -> None:
        self._read_paused = False
        if self.throttle is not None and not self.throttle.is_closing():
            self.throttle.resume_reading()

    def _pump(self) -> None:
        """Hand the rest of the body to the transport, until that has enough."""
        unsent, transport = self._unsent, self._transport
        while unsent is not None and transport is not None and not self._write_paused:
            piece, unsent = unsent[:_SLICE], unsent[_SLICE:] if len(unsent) > _SLICE else None
            self._unsent = unsent
            transport.write(piece)

    # Time

    def _patience_of_request(self) -> float | None:
        sending = self._unsent is not None or self._write_paused
        return self._timeouts.write if sending else self._timeouts.first_byte

    def _set_patience(self, seconds: float | None) -> None:
        self._patience = patience = inf if seconds is None else seconds
        if self._since + patience < self._timer_at or self._total_at < self._timer_at:
            self._arm()

    def _arm(self) -> None:
        """See that the timer goes off when it is due, or before."""
        due = self._since + self._patience
        if due > self._total_at:
            due = self._total_at
        if due < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._tick)
            self._timer_at = due

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = inf
        now = self._loop.time()
        response = self._response
        if self._phase is _BODY and response is not None and response.size:
            # The upstream is not silent; its reader is slow.
            self._since = now
        if now < min(self._since + self._patience, self._total_at):
            self._arm()
        elif self._phase is _IDLE:
            self.abort()
        else:
            self.fail(Fault("timeout", self._lateness(now)))

    def _lateness(self, now: float) -> str:
        timeouts = self._timeouts
        if now >= self._total_at:
            return f"{self._host} did not finish within {timeouts.total:g} s in all (total timeout)."
        if self._phase is _BODY:
            return f"{self._host} sent nothing for {timeouts.idle:g} s in the middle of its answer (idle timeout)."
        if self._unsent is not None or self._write_paused:
            return f"{self._host} did not take the request within {timeouts.write:g} s (write timeout)."
        return f"{self._host} did not answer within {timeouts.first_byte:g} s (first byte timeout)."
