"""One client connection: uvicorn's HTTP protocol with bounds on what a client may make it hold."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from uni_api.server.writer import ResponseWriter

MAX_HEAD = 64 * 1024
HEAD_TIME = 30.0
"""Seconds a client has for the head of a request."""
STALL_TIME = 180.0
"""Seconds a client may leave what was sent to it unread."""


class Connection(HttpToolsProtocol):
    """Bounds the size of a request's head; `sweep` ends connections that dawdle over one or stop reading."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_size = 0
        self._since = self.loop.time()
        self._paused: float | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.send = ResponseWriter(cycle)  # type: ignore[method-assign]
        super()._start_asgi_task(cycle, app)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self.refuse(431, "The head of the request is too large.")
                return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        self.refuse(400, msg)

    def refuse(self, status: int, message: str) -> None:
        """Answer what never became a request, and end the connection."""
        if self.transport.is_closing():
            return
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
        body = msgspec.json.encode({"error": error})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def pause_writing(self) -> None:
        self._paused = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._paused = None
        super().resume_writing()

    def check(self, now: float) -> None:
        """End the connection when it has waited for its client too long."""
        if self._paused is not None and now - self._paused > STALL_TIME:
            self.transport.abort()
            return
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self.timeout_keep_alive_task is None and now - self._since > HEAD_TIME:
            self.refuse(408, "The request did not arrive in time.")


def sweep(connections: Iterable[asyncio.Protocol], now: float) -> None:
    for connection in list(connections):
        if isinstance(connection, Connection):
            connection.check(now)
