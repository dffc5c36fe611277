"""A proxy, as config names it."""

import re
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

from uni_api.errors import Fault
from uni_api.secret import Secret
from uni_api.transport.head import Origin

ProxyScheme = Literal["http", "https", "socks5", "socks5h"]
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy:
    """Where to connect instead, from `scheme://user:password@host:port`.

    `http` and `https` (TLS to the proxy) are asked to CONNECT for every origin, plain http ones too, so that a proxy
    never sees a key. `socks5` resolves names here, `socks5h` lets the proxy do it. Raises Fault("connect"), without
    showing the URL, when it is none. repr and str never show the credentials.
    """

    __slots__ = ("_identity", "_password", "_user", "host", "port", "scheme")

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise Fault("connect", "The proxy's URL can't be parsed.") from None
        if parts.scheme not in _PORTS or not parts.hostname or port == 0 or re.search(r"[\x00-\x20\x7f]", url):
            raise Fault(
                "connect", "The proxy's URL must be http://, https://, socks5:// or socks5h:// and name a host."
            )
        self.scheme = cast(ProxyScheme, parts.scheme)
        self.host = parts.hostname
        self.port: int = port or _PORTS[parts.scheme]
        self._user = None if parts.username is None else unquote(parts.username)
        self._password = Secret(unquote(parts.password or ""))
        self._identity = (self.scheme, self.host, self.port, self._user, self._password)

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password, unquoted."""
        return None if self._user is None else (self._user, self._password.reveal())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        masked = "" if self._user is None else "***@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"<Proxy {self.scheme}://{masked}{host}:{self.port}>"


Route = tuple[Origin, Proxy | None, str | None]
"""The way to an origin: itself, the proxy, and the address to use in place of its name."""
