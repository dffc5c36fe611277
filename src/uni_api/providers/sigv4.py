"""AWS Signature Version 4: the headers that prove who sends a request, and that nobody has changed it on the way.

Source: docs.aws.amazon.com, IAM user guide, "Create a signed AWS API request", and AWS's published test suite (read
2026-11-24). This is the form for every service but S3: a path is normalised, and encoded once more than it travels.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from uni_api.providers.base import Call, Headers
from uni_api.secret import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"

_UNSIGNED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""Headers that belong to a connection, or that those on the way may change."""

_PORTS = {"http": 80, "https": 443}
_BLANKS = re.compile(r"[ \t]+")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
"""What travels in a path as it is written; the rest, and nothing more, is percent-encoded by the transport."""


class SigV4(Struct, frozen=True, kw_only=True):
    """Signs calls to one service in one region, as the owner of an access key.

    `session_token` comes with access keys that do not last. Callable as a `Sign`: gives x-amz-date,
    x-amz-security-token where there is a session, and authorization.
    """

    access_key: Secret
    secret_key: Secret
    session_token: Secret | None = None
    region: str
    service: str

    def __call__(self, call: Call, now: float) -> Headers:
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        own: Headers = (("x-amz-date", moment),)
        if self.session_token is not None:
            own = (*own, ("x-amz-security-token", self.session_token.reveal()))
        signed = headers_to_sign(call, own)
        scope = f"{moment[:8]}/{self.region}/{self.service}/aws4_request"
        text = string_to_sign(canonical_request(call, signed), moment, scope)
        signature = hmac.new(self._key(scope), text.encode(), hashlib.sha256).hexdigest()
        proof = (
            f"{_ALGORITHM} Credential={self.access_key.reveal()}/{scope}, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}"
        )
        return (*own, ("authorization", proof))

    def _key(self, scope: str) -> bytes:
        """The key that is good for one day, one region and one service."""
        key = f"AWS4{self.secret_key.reveal()}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def headers_to_sign(call: Call, more: Headers = ()) -> dict[str, str]:
    """The headers that the signature covers, by their names in lower case and in order; values in canonical form.

    The host is among them even where the transport is to write it.
    """
    values: dict[str, list[str]] = {}
    for name, value in (*call.headers, *more):
        if (lower := name.lower()) not in _UNSIGNED:
            values.setdefault(lower, []).append(_BLANKS.sub(" ", value.strip(" \t")))
    values.setdefault("host", [_authority(call.url)])
    return {name: ",".join(values[name]) for name in sorted(values)}


def canonical_request(call: Call, signed: dict[str, str]) -> str:
    """The call in the one spelling that both sides sign."""
    parts = urlsplit(call.url)
    lines = [
        call.method.upper(),
        _path(parts.path),
        _query(parts.query),
        *(f"{name}:{value}" for name, value in signed.items()),
        "",
        ";".join(signed),
        hashlib.sha256(call.body).hexdigest(),
    ]
    return "\n".join(lines)


def string_to_sign(canonical: str, moment: str, scope: str) -> str:
    return "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))


def _path(path: str) -> str:
    """The path as it travels, without dot segments and empty ones, each segment encoded once more."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(quote(quote(segment, safe=_PRINTABLE), safe="-_.~"))
    end = "/" if segments and path.endswith("/") else ""
    return "/" + "/".join(segments) + end


def _query(query: str) -> str:
    """The parameters, encoded and sorted by name, then by value."""
    if not query:
        return ""
    pairs = [(_encoded(name), _encoded(value)) for name, _, value in (one.partition("=") for one in query.split("&"))]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote(text, "utf-8", "surrogateescape"), safe="-_.~", errors="surrogateescape")


def _authority(url: str) -> str:
    """The host as the Host header has it: without the port that the scheme implies."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"
