"""What every provider needs to build an address: a base URL taken apart, and the headers all calls share."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlsplit

from msgspec import Struct

from uni_api.secret import Secret

JSON = (("content-type", "application/json"),)
BEARER: Final = "bearer token"
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.")
_VERSION = re.compile(r"v\d+(?:(?:alpha|beta|preview)\d*)?\Z")


class Base(Struct, frozen=True):
    """A base URL in parts. `path` has no slash at its end; `query` keeps its question mark."""

    origin: str
    host: str
    path: str
    query: str

    def url(self, path: str) -> str:
        return f"{self.origin}{path}{self.query}"

    def swapped(self, ends: Iterable[str], endpoint: str) -> str:
        """The URL with `endpoint` in place of the first of `ends` that the path ends in, or after the path."""
        end = next((end for end in ends if self.path.endswith(end)), "")
        return self.url(self.path.removesuffix(end) + endpoint)


def parse(base_url: str) -> Base:
    """Take `base_url` apart. Its fragment is dropped; a user name and password in it are not passed on."""
    parts = urlsplit(base_url.strip())
    host = parts.netloc.rpartition("@")[2].lower()
    query = f"?{parts.query}" if parts.query else ""
    return Base(f"{parts.scheme.lower()}://{host}", host, parts.path.rstrip("/"), query)


def hostname(base_url: str) -> str:
    """The host without its port, in lower case."""
    return urlsplit(base_url.strip()).hostname or ""


def is_version(segment: str) -> bool:
    """Whether a path segment names an API version: v1, v4, v1beta, v1beta3."""
    return _VERSION.match(segment) is not None


def accept(*, stream: bool) -> tuple[str, str]:
    """What the upstream is asked to answer in."""
    return ("accept", "text/event-stream" if stream else "application/json")


def bearer(key: Secret | None) -> tuple[tuple[str, str], ...]:
    """The header that shows `key` as a bearer token; nothing without a key."""
    return (("authorization", f"Bearer {key.reveal()}"),) if key else ()


def is_jwt(key: Secret) -> bool:
    """Whether a key is a JSON web token: three parts, the first of them a JSON object in base64."""
    return _JWT.match(key.reveal()) is not None


def segment(text: str) -> str:
    """`text` as one path segment. Dots in a row are quoted too: some proxies resolve them."""
    return quote(text, safe="").replace("..", "%2E%2E")
