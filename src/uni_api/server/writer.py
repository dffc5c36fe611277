"""Writes responses: the head leaves together with the first bytes of the body, in one write."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_BODYLESS = frozenset({204, 304})


class ResponseWriter:
    """The ASGI `send` of one request, in place of uvicorn's own, which writes head and body apart.

    Headers are taken as they are: whoever makes them sees that they hold no line breaks. What is sent after the client
    has left goes nowhere.
    """

    __slots__ = ("_bodyless", "_chunked", "_cycle", "_head")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._head = b""
        self._chunked = False
        self._bodyless = False

    async def __call__(self, message: Any) -> None:
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], message["headers"])
            return
        body = message["body"]
        more = message.get("more_body", False)
        if self._bodyless:
            data = self._head
        elif self._chunked:
            data = b"%b%x\r\n%b\r\n" % (self._head, len(body), body) if body else self._head
            if not more:
                data += b"0\r\n\r\n"
        else:
            data = self._head + body
        self._head = b""
        if data:
            cycle.transport.write(data)
        if not more:
            self._end()

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        cycle = self._cycle
        if cycle.response_started:
            raise RuntimeError("the response has begun already")
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        measured = False
        for name, value in headers:
            lines.append(b"%b: %b\r\n" % (name, value))
            measured = measured or name == b"content-length"
        self._bodyless = status in _BODYLESS or cycle.scope["method"] == "HEAD"
        self._chunked = not (measured or self._bodyless or cycle.scope["http_version"] == "1.0")
        if self._chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        self._head = b"%b%b\r\n" % (STATUS_LINE[status], b"".join(lines))

    def _end(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def __repr__(self) -> str:
        return f"<ResponseWriter, {'complete' if self._cycle.response_complete else 'open'}>"
