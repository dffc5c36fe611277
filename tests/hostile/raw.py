"""A client that may say anything: raw bytes out, whatever comes back in."""

import json
import socket
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tests.gateway import KEY


@dataclass(frozen=True)
class Reply:
    """One HTTP response read off the wire; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    body: bytes,
    headers: Iterable[str] = (),
    *,
    key: str = KEY,
    path: str = "/v1/chat/completions",
    close: bool = True,
) -> bytes:
    """A well-formed POST with any body; `headers` replace those it would have, and `close` asks for no more."""
    lines = {
        "host": "Host: gateway",
        "authorization": f"Authorization: Bearer {key}",
        "content-type": "Content-Type: application/json",
        "content-length": f"Content-Length: {len(body)}",
        "connection": "Connection: close" if close else "Connection: keep-alive",
    }
    own = {line.partition(":")[0].lower() for line in headers}
    kept = [line for name, line in lines.items() if name not in own]
    return "\r\n".join([f"POST {path} HTTP/1.1", *kept, *headers]).encode() + b"\r\n\r\n" + body


def connect(port: int, timeout: float = 10.0) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return wire


def talk(port: int, data: bytes, timeout: float = 10.0, *, leave: bool = False) -> list[Reply]:
    """Sends `data` and reads every response until the gateway closes; `leave` closes our half of the connection first.

    Raises TimeoutError when the gateway does not close.
    """
    with closing(connect(port, timeout)) as wire:
        try:
            wire.sendall(data)
            if leave:
                wire.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return replies(drain(wire))


def drain(wire: socket.socket) -> bytes:
    """Everything until the end of the connection, orderly or not."""
    pieces: list[bytes] = []
    try:
        while piece := wire.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def read_reply(wire: socket.socket) -> Reply:
    """One response; the connection stays open. Raises ConnectionResetError when it ends before."""
    data = b""
    while True:
        found = replies(data, whole=True)
        if found:
            return found[0]
        piece = wire.recv(65536)
        if not piece:
            raise ConnectionResetError(data)
        data += piece


def replies(data: bytes, *, whole: bool = False) -> list[Reply]:
    """The responses in `data`, one after another. With `whole`, those that are complete."""
    found: list[Reply] = []
    while b"\r\n\r\n" in data:
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        if status < 200:
            data = rest
            continue
        if headers.get("transfer-encoding") == "chunked":
            body, after, complete = _dechunked(rest)
        else:
            size = int(headers.get("content-length", len(rest)))
            body, after, complete = rest[:size], rest[size:], len(rest) >= size
        if whole and not complete:
            return found
        found.append(Reply(status, headers, body))
        data = after
    return found


def _dechunked(data: bytes) -> tuple[bytes, bytes, bool]:
    out = b""
    while True:
        line, mark, rest = data.partition(b"\r\n")
        if not mark:
            return out, b"", False
        size = int(line, 16)
        if len(rest) < size + 2:
            return out + rest[:size], b"", False
        if size == 0:
            return out, rest[2:], True
        out, data = out + rest[:size], rest[size + 2 :]
