"""Fetches links that clients send, and nothing that they should not reach."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from uni_api.errors import Denied, Fault
from uni_api.transport.client import HttpClient
from uni_api.transport.head import compile_head
from uni_api.transport.response import Response
from uni_api.transport.timeouts import Timeouts

Resolve = Callable[[str, int], Awaitable[list[str]]]
Allow = Callable[[str, int], bool]

MAX_BYTES = 20 * 1024 * 1024
SECONDS = 30.0
REDIRECTS = 3
_PORTS = frozenset({80, 443})
_EMBEDDED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::ffff:0:0/96"), ipaddress.ip_network("::/96"))


class Fetched(Struct, frozen=True):
    """What a link led to. `mime` is the server's word, without parameters."""

    data: bytes
    mime: str | None


class Fetcher:
    """Fetches http(s) links on public addresses, within bounds of size, time and redirects.

    The address is checked after look-up and connected to as checked, at every redirect anew. `allow` lets tests reach
    servers that would be refused.
    """

    def __init__(
        self, client: HttpClient, *, resolve: Resolve | None = None, allow: Allow | None = None, limit: int = MAX_BYTES
    ) -> None:
        self._client = client
        self._resolve = resolve or _look_up
        self._allow = allow or _refuse_all
        self._limit = limit

    async def fetch(self, url: str) -> Fetched:
        """Raises Denied(400) with the reason, which tells nothing of this host's network."""
        try:
            async with asyncio.timeout(SECONDS):
                for _ in range(REDIRECTS + 1):
                    response = await self._get(url)
                    try:
                        location = response.header(b"location")
                        if response.status in (301, 302, 303, 307, 308) and location is not None:
                            url = urljoin(url, location.decode("latin-1"))
                            continue
                        return await self._body(response)
                    finally:
                        response.close()
        except TimeoutError:
            raise _denied(f"took more than {SECONDS:g} seconds") from None
        except Fault as fault:
            raise _denied("could not be fetched") from fault
        raise _denied("is redirected too often")

    async def _get(self, url: str) -> Response:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            head = compile_head("GET", url, [("accept", "*/*"), ("user-agent", "uni-api")])
        except ValueError:
            raise _denied("is not a plain http or https URL") from None
        host = head.origin.host
        allowed = self._allow(host, port)
        if port not in _PORTS and not allowed:
            raise _denied("names a port other than 80 and 443")
        try:
            addresses = await self._resolve(host, port)
        except OSError:
            raise _denied("names a host that can't be resolved") from None
        if not addresses or not (allowed or all(map(is_public, addresses))):
            raise _denied("leads to an address that is not public")
        return await self._client.send(head, b"", timeouts=Timeouts(first_byte=SECONDS), connect_to=addresses[0])

    async def _body(self, response: Response) -> Fetched:
        if response.status != 200:
            raise _denied(f"is answered with status {response.status}")
        try:
            data = await response.read(self._limit)
        except Fault as fault:
            raise _denied(f"could not be read, or holds more than {self._limit} bytes") from fault
        kind = (response.header(b"content-type") or b"").split(b";")[0].strip().lower().decode("latin-1")
        return Fetched(data, kind or None)

    def __repr__(self) -> str:
        return f"<Fetcher, at most {self._limit} bytes a link>"


def is_public(address: str) -> bool:
    """Whether `address` is one that anybody on the internet may reach, also behind its IPv6 disguises."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if any(ip in network for network in _EMBEDDED):
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(one is not None and not _is_global(one) for one in inner):
            return False
        if ip.ipv4_mapped is not None:
            return _is_global(ip.ipv4_mapped)
    return _is_global(ip)


def _is_global(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def _refuse_all(host: str, port: int) -> bool:
    return False


async def _look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _denied(why: str) -> Denied:
    return Denied(400, f"A link in the request {why}.", code="invalid_image_url")
