"""The head of a request, checked and put into bytes once for many sendings."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from msgspec import Struct

from uni_api.errors import Fault

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_TARGET_SAFE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_PORTS = {"http": 80, "https": 443}
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_DEFAULTS = (("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "uni-api"))


class Origin(Struct, frozen=True, cache_hash=True):
    """A server: `scheme` is http or https, `host` a lower-case ASCII name or an address without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Head(Struct, frozen=True):
    """A request but its body: `data` is the request line and every header but content-length, without the blank line.

    keeps_chunks: an answer that comes whole may be left in its chunks.

    Holds the key: repr and str show the origin only.
    """

    origin: Origin
    data: bytes
    method: str = "POST"
    keeps_chunks: bool = False

    def __repr__(self) -> str:
        return f"<Head {self.method} {self.origin.scheme}://{self.origin.authority}>"


def compile_head(method: str, url: str, headers: Iterable[tuple[str, str]]) -> Head:
    """The head of a request for `url`.

    Adds host, accept, accept-encoding (identity) and user-agent where they are missing. Headers that frame the message
    or belong to the connection are left out: those are the transport's own. Raises Fault("connect"), without showing
    the value at fault, when the method, the URL or a header can't be sent: control characters, credentials in the URL,
    a scheme other than http or https.
    """
    if not _TOKEN.fullmatch(method):
        raise Fault("connect", "The request method is not an HTTP token.")
    origin, target = split_url(url)
    lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
    said = dict.fromkeys(("host", *(name for name, _ in _DEFAULTS)), False)
    rest: list[bytes] = []
    for name, value in headers:
        lower = name.lower()
        if lower in _OURS:
            continue
        line = _header(name, value)
        if lower == "host":
            if said["host"]:
                raise Fault("connect", "The Host header is given twice.")
            lines.append(line)
        else:
            rest.append(line)
        said[lower] = True
    if not said["host"]:
        lines.append(_header("host", origin.authority))
    lines += rest
    lines += [_header(name, value) for name, value in _DEFAULTS if not said[name]]
    return Head(origin, b"\r\n".join(lines) + b"\r\n", method)


def split_url(url: str) -> tuple[Origin, str]:
    """The origin and the request target (path and query, percent-encoded) of an absolute URL.

    Raises Fault("connect") as `compile_head` does; the message never shows more than the scheme.
    """
    # Before urlsplit, which takes line breaks and tabs out without a word.
    if _FORBIDDEN.search(url):
        raise Fault("connect", "The URL holds a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Fault("connect", "The URL can't be parsed.") from None
    if parts.scheme not in _PORTS:
        raise Fault("connect", "The URL must start with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise Fault("connect", "The URL must not hold credentials.")
    if port == 0:
        raise Fault("connect", "The URL names port 0.")
    host = _host(parts.hostname or "")
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme]), quote(target, safe=_TARGET_SAFE)


def _host(host: str) -> str:
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host.replace("%", "/")))  # a zone has no place in a Host header
        except ValueError:
            raise Fault("connect", "The URL's host is not an IPv6 address.") from None
    try:
        name = host.encode("ascii" if host.isascii() else "idna").decode("ascii").lower()
    except UnicodeError:
        raise Fault("connect", "The URL's host is not a name.") from None
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise Fault("connect", "The URL's host is not a name.")
    return name


def _header(name: str, value: str) -> bytes:
    if not _TOKEN.fullmatch(name):
        raise Fault("connect", "A header's name is not an HTTP token.")
    value = value.strip(" \t")
    if _FORBIDDEN.search(value.replace("\t", " ")):
        raise Fault("connect", f"The value of the header {name} holds a control character.")
    try:
        return f"{name}: {value}".encode()
    except UnicodeEncodeError:
        raise Fault("connect", f"The value of the header {name} is not text.") from None
