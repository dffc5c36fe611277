"""Fetches links that clients send, and nothing that they should not reach.

Source of the ranges: IANA's registries of IPv4 and IPv6 special-purpose addresses (read 2026-11-24).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin

from msgspec import Struct

from uni_api.errors import Denied, Fault
from uni_api.transport.client import HttpClient
from uni_api.transport.head import Head, compile_head
from uni_api.transport.proxy import Proxy
from uni_api.transport.response import Response
from uni_api.transport.timeouts import Timeouts

Resolve = Callable[[str, int], Awaitable[list[str]]]
Allow = Callable[[str, int], bool]

_PORTS = frozenset({80, 443})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            # Of the IPv6 space only 2000::/3 is public, less these: protocol assignments with Teredo,
            # documentation, 6to4, AS112.
            *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Fetched(Struct, frozen=True):
    """What a link led to. `mime` is the server's word in lower case, without parameters."""

    data: bytes
    mime: str | None


class Unreachable(Denied):
    """There is no way to the link from here; there may be one from elsewhere."""


class Fetcher:
    """Fetches http and https links on public addresses, within bounds of size, seconds and redirects.

    Every address that a name resolves to must be public, and the connection goes to the address that was checked; both
    hold anew for each redirect. Only ports 80 and 443 are reached. `allow(address, port)` makes exceptions, for tests.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        resolve: Resolve | None = None,
        allow: Allow | None = None,
        max_bytes: int = 20 * 1024 * 1024,
        timeout: float = 30.0,
        max_redirects: int = 3,
    ) -> None:
        self._client = client
        self._resolve = resolve or _look_up
        self._allow = allow
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._max_redirects = max_redirects

    async def fetch(self, url: str, *, proxy: Proxy | None = None) -> Fetched:
        """What `url` leads to.

        Raises Denied(400) with the reason, which tells nothing of this host's network; Unreachable when it is the way
        there that fails, not what it leads to.
        """
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(self._max_redirects + 1):
                    response = await self._get(url, proxy)
                    try:
                        location = response.header(b"location")
                        if response.status not in _REDIRECTS or location is None:
                            return await self._body(response)
                    finally:
                        response.close()
                    url = _joined(url, location)
        except TimeoutError:
            raise _unreachable(f"took more than {self._timeout:g} seconds") from None
        except Fault as fault:
            refused = _unreachable if fault.kind in ("connect", "timeout") else _denied
            raise refused(_REASONS.get(fault.kind, "could not be fetched")) from fault
        raise _denied(f"is redirected more than {self._max_redirects} times")

    async def _get(self, url: str, proxy: Proxy | None) -> Response:
        head = _head(url)
        addresses = await self._checked(head.origin.host, head.origin.port)
        timeouts = Timeouts(connect=self._timeout, first_byte=self._timeout, idle=self._timeout)
        for address in addresses[:-1]:
            try:
                # One dead address of several must not use up the time of all.
                hurried = Timeouts(connect=self._timeout / 4, first_byte=self._timeout, idle=self._timeout)
                return await self._client.send(head, b"", timeouts=hurried, proxy=proxy, connect_to=address)
            except Fault as fault:
                if fault.kind not in ("connect", "timeout"):
                    raise
        return await self._client.send(head, b"", timeouts=timeouts, proxy=proxy, connect_to=addresses[-1])

    async def _checked(self, host: str, port: int) -> list[str]:
        """The addresses of a host, at least one, all of them fit to connect to."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise _unreachable("names a host that can't be resolved")
        strangers = [address for address in addresses if self._allow is None or not self._allow(address, port)]
        if strangers and port not in _PORTS:
            raise _denied("names a port other than 80 and 443")
        if not all(map(is_public, strangers)):
            raise _denied("leads to an address that is not public")
        return list(dict.fromkeys(addresses))

    async def _body(self, response: Response) -> Fetched:
        if response.status != 200:
            raise _denied(f"is answered with status {response.status}")
        length = response.header(b"content-length") or b"0"
        if int(length) > self._max_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        while part := await response.chunk():
            size += len(part)
            if size > self._max_bytes:
                raise self._too_large()
            parts.append(part)
        kind = (response.header(b"content-type") or b"").partition(b";")[0].strip().lower().decode("latin-1")
        return Fetched(b"".join(parts), kind or None)

    def _too_large(self) -> Denied:
        return _denied(f"leads to more than {self._max_bytes} bytes")

    def __repr__(self) -> str:
        return f"<Fetcher, at most {self._max_bytes} bytes and {self._timeout:g} s a link>"


def is_public(address: str) -> bool:
    """Whether `address` is one that anybody on the internet may reach, also behind the disguises of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip not in _UNICAST:
            return False
    return not any(ip in network for network in _NOT_PUBLIC)


_REASONS = {
    "connect": "leads to a host that can't be reached",
    "timeout": "leads to a host that is too slow",
    "protocol": "is not answered properly",
}


def _head(url: str) -> Head:
    try:
        return compile_head("GET", url, ())
    except Fault as fault:
        raise _denied("is not a plain http or https URL") from fault


def _joined(url: str, location: bytes) -> str:
    try:
        return urljoin(url, location.decode("utf-8"))
    except ValueError:
        raise _denied("is redirected to something that is not a URL") from None


async def _look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _unreachable(why: str) -> Unreachable:
    return Unreachable(400, f"A link in the request {why}.", code="invalid_image_url")


def _denied(why: str) -> Denied:
    return Denied(400, f"A link in the request {why}.", code="invalid_image_url")
