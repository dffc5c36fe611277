"""The opening of connections: name, address, proxy, TLS. Not on the way of a request that finds an idle one."""

import asyncio
import errno
import os
import socket
import ssl
from base64 import b64encode

from uni_api.errors import Fault
from uni_api.transport.proxy import Proxy, Route
from uni_api.transport.tls import default_context

MAX_PROXY_ANSWER = 16 * 1024
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 4))
"""Seconds and tries: a model may think for minutes, and the boxes on the way forget connections that are silent."""


async def dial(route: Route, protocol: asyncio.Protocol, context: ssl.SSLContext | None) -> asyncio.Transport:
    """Connect `protocol` to the route's origin. Sets no time limit; closes what it opened when it is cancelled.

    Returns the transport of the socket itself, under all TLS: pausing that one stops the reading without harm. (Pause
    a TLS transport of uvloop, and what it holds undecrypted is lost when the peer closes.)

    Raises Fault("connect"): the name does not resolve, the connection is refused, TLS can't be verified, the proxy
    says no. Messages never hold addresses that a name resolved to, nor credentials.
    """
    origin, proxy, connect_to = route
    host = connect_to or origin.host
    via = "" if proxy is None else f" through the proxy {proxy.host}"
    lowest: asyncio.Transport | None = None
    try:
        if proxy is None:
            lowest = transport = await _connect(host, origin.port)
        elif proxy.scheme in ("http", "https"):
            lowest = transport = await _connect(proxy.host, proxy.port)
            if proxy.scheme == "https":
                transport = await _secure(transport, context, proxy.host)
            await _tunnel(transport, proxy, host, origin.port)
        else:
            lowest = transport = await _socks(proxy, host, origin.port)
        if origin.scheme == "https":
            transport = await _secure(transport, context, origin.host)
    except OSError as error:
        if lowest is not None:
            lowest.abort()
        if isinstance(error, TimeoutError) and error.errno is None:
            raise  # the caller's own time limit
        raise Fault("connect", f"Could not connect to {origin.host}{via}: {_reason(error)}.") from None
    except BaseException:
        if lowest is not None:
            lowest.abort()
        raise
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    _keep_alive(lowest)
    return lowest


def _reason(error: OSError) -> str:
    """What went wrong, without the addresses that str(error) may hold."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its TLS certificate can't be verified ({error.verify_message})"
        case ssl.SSLError():
            return f"the TLS handshake failed ({(error.reason or 'closed').lower().replace('_', ' ')})"
        case socket.gaierror():
            return "the name does not resolve"
        case OSError(errno=int(number)):
            return os.strerror(number).lower()
        case _:
            return "the connection failed"


async def _connect(host: str, port: int) -> asyncio.Transport:
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, port)
    return transport


async def _secure(transport: asyncio.Transport, context: ssl.SSLContext | None, name: str) -> asyncio.Transport:
    """TLS over `transport`, verified for `name`."""
    if transport.is_closing():
        raise ConnectionResetError(errno.ECONNRESET, "closed before the handshake")
    loop = asyncio.get_running_loop()
    secured = await loop.start_tls(transport, asyncio.Protocol(), context or default_context(), server_hostname=name)
    if secured is None:
        raise ConnectionResetError(errno.ECONNRESET, "closed after the handshake")
    return secured


async def _tunnel(transport: asyncio.Transport, proxy: Proxy, host: str, port: int) -> None:
    """Ask an HTTP proxy to connect to an upstream: CONNECT, RFC 9110, 9.3.6."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"host: {target}", "user-agent: uni-api"]
    if proxy.credentials is not None:
        token = b64encode(":".join(proxy.credentials).encode()).decode()
        lines.append(f"proxy-authorization: Basic {token}")
    asked = _Connect(proxy.host)
    transport.set_protocol(asked)
    if transport.is_closing():
        raise ConnectionResetError(errno.ECONNRESET, "closed before it was asked")
    transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    await asked.answer


async def _socks(proxy: Proxy, host: str, port: int) -> asyncio.Transport:
    from python_socks import ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy as Socks

    user, password = proxy.credentials or (None, None)
    remote = proxy.scheme == "socks5h"
    socks = Socks(ProxyType.SOCKS5, proxy.host, proxy.port, user, password, remote)
    try:
        sock = await socks.connect(host, port)
    except ProxyError as error:
        raise Fault("connect", f"The proxy {proxy.host} did not connect to the upstream: {error}.") from None
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=sock)
    return transport


def _keep_alive(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class _Connect(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT: `answer` is done when the tunnel stands."""

    def __init__(self, host: str) -> None:
        self.answer = asyncio.get_running_loop().create_future()
        self._host = host
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if self.answer.done():
            return
        if not blank and len(head) <= MAX_PROXY_ANSWER:
            return
        if not blank or words[0] not in (b"HTTP/1.0", b"HTTP/1.1") or len(words) < 2 or not words[1].isdigit():
            self._refuse("did not answer in HTTP")
        elif words[1] == b"407":
            self._refuse("refuses the credentials")
        elif not words[1].startswith(b"2"):
            self._refuse(f"answered {words[1][:3].decode()}")
        elif rest:
            self._refuse("sent bytes before the upstream could")
        else:
            self.answer.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self._refuse("closed the connection")

    def _refuse(self, what: str) -> None:
        self.answer.set_exception(Fault("connect", f"The proxy {self._host} {what}."))
