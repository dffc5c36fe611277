"""One client connection: HTTP/1.1 on httptools, whole requests in, responses out.

Written for this gateway because a general ASGI server costs more per request than the rest of the relay together (see
bench/README.md). A request is handed on when its body is complete; a client that leaves cancels its exchange at once.
"""

import asyncio
import itertools
import logging
import os
import secrets
from collections import deque
from http import HTTPStatus
from typing import Protocol, cast

import httptools
import msgspec
from msgspec import Struct

from uni_api.dialects import Pieces
from uni_api.errors import Denied
from uni_api.server.intake import too_large
from uni_api.server.request import Request
from uni_api.transport.chunks import joined
from uni_api.transport.outbox import Outbox

logger = logging.getLogger("uni_api.server")

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
HEAD_TIME = 30.0
BODY_TIME = 60.0
KEEP_ALIVE = 75.0
STALL_TIME = 180.0
LINGER = 2.0
"""Seconds for a refused client to read why, and to close."""
MAX_QUEUE = 16
"""Requests that a client may send ahead before its connection is no longer read."""

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

_ids = itertools.count(1)
_run = secrets.token_hex(6).encode()


def _begin_anew() -> None:
    global _run
    _run = secrets.token_hex(6).encode()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)  # or workers would give the same ids


class Bounds(Struct, frozen=True, kw_only=True):
    """What a client may take. Bytes and seconds.

    head_time, body_time: for sending the head, the body · keep_alive: between two requests · stall_time: while it
    reads nothing of what is sent to it.
    """

    max_body: int = MAX_BODY
    head_time: float = HEAD_TIME
    body_time: float = BODY_TIME
    keep_alive: float = KEEP_ALIVE
    stall_time: float = STALL_TIME


class Errand(Protocol):
    """What is done for one request."""

    async def run(self) -> None:
        """Do it, or what is left of it, in the connection's task."""

    def cancel(self) -> None:
        """Called when `run` is not going to be: the client has left, or the process stops."""


class Handler(Protocol):
    """What is done with requests."""

    def admit(self, request: Request, /) -> Denied | None:
        """Called when the head is read: the reason to refuse the request whatever its body says."""

    def begin(self, request: Request, out: "Connection", /) -> Errand:
        """Begin to answer through `out`: either `respond`, or `begin`, `write` any number of times and `finish`.

        What can't be done without waiting `run` does, once `out.go_on` was called; who has answered without that calls
        `out.over`.
        """


class Connection(asyncio.Protocol):
    """Reads requests, serves them one after another, writes their responses.

    gone: the client has left, and what is written goes nowhere.
    """

    def __init__(
        self, handler: Handler, bounds: Bounds, siblings: "set[Connection]", date: "Date", outbox: Outbox
    ) -> None:
        self._handler = handler
        self._bounds = bounds
        self._siblings = siblings
        self._date = date
        self._outbox = outbox
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser = httptools.HttpRequestParser(self)
        self._feed = self._parser.feed_data
        self._pieces: list[bytes] = []
        self._size = 0
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._request: Request | None = None
        self._in_head = False
        self._head_size = 0
        self._large = False
        self._lingers = False
        self._queue: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._rest: asyncio.Future[None] | None = None
        self._serving: Request | None = None
        self._errand: Errand | None = None
        self._running = False
        self._last = False
        self._chunked = False
        self._bodyless = False
        self._resumed: asyncio.Future[None] | None = None
        self._paused_at = 0.0
        self._since = self._loop.time()
        self.begun = False
        self.gone = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._siblings.add(self)

    def data_received(self, data: bytes) -> None:
        if self._last:
            return
        self._large = len(data) > MAX_HEAD
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._refuse(431, "The head of the request is too large.")
                return
        try:
            self._feed(data)
        except httptools.HttpParserUpgrade:
            # No protocol but this one is spoken here: the request is served as if it had not asked.
            self._last = True
        except httptools.HttpParserError:
            self._refuse(400, "The request is not valid HTTP/1.1.")
        if self._queue and self._serving is None:
            self._next()

    def eof_received(self) -> None:
        """A client that closes its side has left: the transport closes, and `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._last = True
        self._siblings.discard(self)
        self._queue.clear()
        self._cancel()
        del self._parser, self._feed  # each holds this object: without them it is freed at once
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._paused_at = self._loop.time()
        self._resumed = self._loop.create_future()

    def resume_writing(self) -> None:
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():
            resumed.set_result(None)

    # httptools

    def on_message_begin(self) -> None:
        self._since = self._loop.time()
        self._in_head = True
        self._head_size = 0
        self._url = b""
        self._headers = {}
        self._pieces = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._in_head = False
        url = self._url
        if not url.startswith(b"/"):
            parsed = httptools.parse_url(url)
            url = parsed.path + (b"?" + parsed.query if parsed.query else b"")
        path, _, query = url.partition(b"?")
        parser = self._parser
        request = Request(parser.get_method(), path, query, self._headers, b"%b-%x" % (_run, next(_ids)))
        kept = parser.should_keep_alive()
        if not kept or b"connection" in self._headers:  # without that header, only HTTP/1.1 is kept alive
            request.chunkable = parser.get_http_version() != "1.0"
            request.close = not (kept and request.chunkable)
        self._request = request
        if self._large and sum(map(len, self._headers.values())) > MAX_HEAD:
            request.close = True
            request.refusal = Denied(431, "The head of the request is too large.")
        else:
            request.refusal = self._handler.admit(request)
        if b"expect" in self._headers:
            self._answer_expectation(request)
        if request.refusal is not None:
            self._enqueue(request)

    def on_body(self, body: bytes) -> None:
        request = self._request
        if request is None or request.refusal is not None:
            return
        self._size += len(body)
        if self._size > self._bounds.max_body:
            self._pieces = []
            request.refusal = too_large(self._bounds.max_body)
            self._enqueue(request)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        if request is not None and request.refusal is None:
            pieces = self._pieces
            request.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._pieces = []
            self._enqueue(request)

    def _answer_expectation(self, request: Request) -> None:
        if request.refusal is not None:
            request.close = True  # the body that was announced may never come
        elif self._headers[b"expect"].strip().lower() == b"100-continue" and not self.busy:
            self._outbox.write(self._transport, b"HTTP/1.1 100 Continue\r\n\r\n")

    # One exchange after another

    def _enqueue(self, request: Request) -> None:
        self._queue.append(request)
        if len(self._queue) >= MAX_QUEUE:
            self._transport.pause_reading()

    def _next(self) -> None:
        queue = self._queue
        if len(queue) == MAX_QUEUE and not self._transport.is_closing():
            self._transport.resume_reading()
        self._serving = request = queue.popleft()
        self.begun = False
        try:
            errand = self._handler.begin(request, self)
        except Exception:
            logger.exception("a request failed")
            self._serving = self._errand = None
            self._end()
        else:
            if self._serving is request:  # which it is not when it was answered there
                self._errand = errand

    def go_on(self) -> None:
        """What was begun takes a task. One task for all requests: making one each time costs more than waking it."""
        if self._task is None:
            self._task = self._loop.create_task(self._serve())
        elif self._rest is not None and not self._rest.done():
            self._rest.set_result(None)

    def over(self) -> None:
        """The response is written: serve the next request, or close."""
        request = self._serving
        assert request is not None
        self._serving = self._errand = None
        self._running = False
        self._since = self._loop.time()
        if request.close or (self._last and not self._queue):
            self._end()
        elif self._queue:
            self._next()

    async def _serve(self) -> None:
        try:
            while (errand := self._errand) is not None and not self.gone:
                self._rest = self._loop.create_future()
                self._running = True
                try:
                    await errand.run()
                except asyncio.CancelledError:
                    break
                except Exception:
                    logger.exception("a request failed")
                    break
                del errand
                self.over()
                await self._rest
        finally:
            self._serving = self._errand = None
            self._end()

    def _cancel(self) -> None:
        """Give up what was begun, and is not with the task."""
        errand, self._errand = self._errand, None
        if errand is not None and not self._running:
            errand.cancel()

    def _end(self) -> None:
        """Serve nothing more."""
        self._queue.clear()
        if not self.gone:
            self._last = True
            self._close()

    # Writing

    def respond(self, status: int, headers: list[bytes], body: bytes, *, framed: Pieces = ()) -> None:
        """A whole response, in one write. Headers are taken as they are, each with its line break.

        framed: the body, in chunks, where it comes so.
        """
        if self.gone:
            return
        if framed and self._serving is not None and self._serving.chunkable:
            headers.append(b"transfer-encoding: chunked\r\n")
        elif status != 204:
            if framed:
                body, framed = joined(b"".join(framed)), ()
            headers.append(b"content-length: %d\r\n" % len(body))
        parts = self._head(status, headers)
        if not self._bodyless:
            parts += framed or (body,)
        self._outbox.write(self._transport, b"".join(parts))

    def begin(self, status: int, headers: list[bytes], body: bytes) -> None:
        """The head of a response of unknown length, with the first bytes of its body."""
        if self.gone:
            return
        request = self._serving
        self._chunked = request is None or request.chunkable
        if self._chunked:
            headers.append(b"transfer-encoding: chunked\r\n")
        parts = self._head(status, headers)
        if body:
            parts += (b"%x\r\n" % len(body), body, b"\r\n") if self._chunked else (body,)
        self._outbox.write(self._transport, b"".join(parts))

    def write(self, piece: bytes) -> None:
        """More of the body, which holds at least a byte. While `paused`, `drained` is to be awaited before more."""
        if not self.gone:
            self._outbox.write(self._transport, b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    @property
    def paused(self) -> bool:
        return self._resumed is not None

    async def drained(self) -> None:
        """Wait until the client has read enough of what was written, or has left."""
        while self._resumed is not None:
            await self._resumed

    def finish(self) -> None:
        """The proper end of a response that was begun."""
        if not self.gone and self._chunked:
            self._outbox.write(self._transport, b"0\r\n\r\n")

    def _head(self, status: int, headers: list[bytes]) -> list[bytes | memoryview]:
        request = self._serving
        self.begun = True
        self._bodyless = status == 204 or (request is not None and request.method == b"HEAD")
        first = STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
        last = b"connection: close\r\n\r\n" if request is not None and request.close else b"\r\n"
        return [first, self._date.line, *headers, last]

    # What ends a connection

    def _close(self) -> None:
        self._outbox.flush()
        self._transport.close()

    @property
    def busy(self) -> bool:
        return self._serving is not None or bool(self._queue)

    def check(self, now: float) -> None:
        """End the connection when it has waited for its client too long."""
        if self._resumed is not None and now - self._paused_at > self._bounds.stall_time:
            self._transport.abort()
        elif self._lingers and now - self._since > LINGER:
            self._transport.close()
        elif not (self._last or self.busy):
            waited = now - self._since
            if self._request is not None:
                if waited > self._bounds.body_time:
                    self._refuse(408, "The request body did not arrive in time.", code="request_timeout")
            elif waited > (self._bounds.head_time if self._in_head else self._bounds.keep_alive):
                if self._in_head:
                    self._refuse(408, "The request did not arrive in time.", code="request_timeout")
                else:
                    self._close()

    def stop(self) -> "asyncio.Task[None] | None":
        """Cancel what is under way and return its task, which ends the connection; close it when there is none."""
        if self._task is not None and self._running:
            self._task.cancel()
            return self._task
        self._cancel()
        self._end()
        return None

    def _refuse(self, status: int, message: str, *, code: str | None = None) -> None:
        """Answer what never became a request, if nothing else is under way, and read no more."""
        self._last = True
        if self.busy:
            return
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        headers = [b"content-type: application/json\r\n", b"connection: close\r\n"]
        self._serving = None
        self.respond(status, headers, msgspec.json.encode({"error": error}))
        # Closing with bytes unread would reset the connection, and the client might never see the answer.
        self._outbox.flush()
        self._transport.write_eof()
        self._since = self._loop.time()
        self._lingers = True

    def __repr__(self) -> str:
        state = "gone" if self.gone else "busy" if self.busy else "reading" if self._request is not None else "idle"
        return f"<Connection {state}, {len(self._queue)} queued>"


class Date:
    """The Date header's line, renewed by whoever keeps time."""

    def __init__(self) -> None:
        self.line = b""

    def renew(self, now: str) -> None:
        self.line = f"date: {now}\r\n".encode()
