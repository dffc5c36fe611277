"""Access tokens of Google Cloud: for a service account, or for a user who has signed in with gcloud.

Source: developers.google.com/identity/protocols/oauth2, "Service accounts" and "Refreshing an access token", and
google.aip.dev/auth/4110 on application default credentials (read 2026-11-24).
"""

import base64
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from uni_api.errors import Fault, FaultKind
from uni_api.providers.base import Call, Headers, Token, Unfit
from uni_api.secret import Secret

TOKEN_URI = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_HOUR = 3600
_FORM: Headers = (("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json"))
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PEM = re.compile(r"-----BEGIN (?P<label>[A-Z ]+)-----(?P<body>[^-]+)-----END (?P=label)-----")
_A_JWT = re.compile(r"eyJ[\w-]+(?:\.[\w-]*)*")

_encode = msgspec.json.Encoder().encode


class _Answer(Struct):
    access_token: str
    expires_in: float = _HOUR


class ServiceAccount(Struct, frozen=True, kw_only=True):
    """Signs for itself: an assertion with its private key is exchanged for a token (RFC 7523)."""

    client_email: str
    private_key: Secret
    key_id: str = ""
    token_uri: str = TOKEN_URI

    @property
    def id(self) -> str:
        return f"{self.client_email}#{self.private_key.label} at {self.token_uri}"

    def call(self, now: float, /) -> Call:
        form = {"grant_type": _JWT_BEARER, "assertion": self._assertion(int(now))}
        return Call("POST", self.token_uri, _FORM, urlencode(form).encode())

    def read(self, status: int, body: bytes, /) -> Token:
        return read_token(status, body, (self.private_key,))

    def _assertion(self, now: int) -> str:
        head = {"alg": "RS256", "typ": "JWT", **({"kid": self.key_id} if self.key_id else {})}
        claims = {
            "iss": self.client_email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now,
            "exp": now + _HOUR,
        }
        signed = f"{_base64(_encode(head))}.{_base64(_encode(claims))}"
        return f"{signed}.{_base64(signer(self.private_key)(signed.encode()))}"


class SignedInUser(Struct, frozen=True, kw_only=True):
    """What `gcloud auth application-default login` leaves: a refresh token, which is exchanged again and again."""

    client_id: str
    client_secret: Secret
    refresh_token: Secret
    token_uri: str = TOKEN_URI

    @property
    def id(self) -> str:
        return f"{self.client_id}#{self.refresh_token.label} at {self.token_uri}"

    def call(self, now: float, /) -> Call:
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            "refresh_token": self.refresh_token.reveal(),
        }
        return Call("POST", self.token_uri, _FORM, urlencode(form).encode())

    def read(self, status: int, body: bytes, /) -> Token:
        return read_token(status, body, (self.client_secret, self.refresh_token))


class CredentialsFile(Struct, frozen=True, kw_only=True):
    """What a file of application default credentials tells. `quota_project` pays for what a signed-in user asks."""

    grant: ServiceAccount | SignedInUser
    project: str | None = None
    quota_project: str | None = None


def read_credentials(content: Secret) -> CredentialsFile:
    """Raises Unfit for anything but the JSON of a service account or of a signed-in user."""
    try:
        fields = msgspec.json.decode(content.reveal(), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise _unfit("is not the JSON file of a Google account") from None
    token_uri = _optional(fields, "token_uri") or TOKEN_URI
    if urlsplit(token_uri).scheme not in ("http", "https"):
        raise _unfit('has a "token_uri" that is no http or https address')
    match fields.get("type"):
        case "service_account":
            key = Secret(_required(fields, "private_key"))
            check_key(key, "credentials")
            return CredentialsFile(
                grant=ServiceAccount(
                    client_email=_required(fields, "client_email"),
                    private_key=key,
                    key_id=_optional(fields, "private_key_id") or "",
                    token_uri=token_uri,
                ),
                project=_optional(fields, "project_id"),
            )
        case "authorized_user":
            return CredentialsFile(
                grant=SignedInUser(
                    client_id=_required(fields, "client_id"),
                    client_secret=Secret(_required(fields, "client_secret")),
                    refresh_token=Secret(_required(fields, "refresh_token")),
                    token_uri=token_uri,
                ),
                quota_project=_optional(fields, "quota_project_id"),
            )
        case _:
            raise _unfit("is neither of type service_account nor authorized_user, which are those that can be used")


def read_token(status: int, body: bytes, own: tuple[Secret, ...]) -> Token:
    """Raises Fault("auth") when the account is refused. None of `own` stands in its message."""
    if status != 200:
        raise Fault(_kind_of(status), f"Google gives no access token: {_reason(status, body, own)}")
    try:
        found = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise Fault("protocol", "Google's answer to the request for an access token can't be read.") from None
    if not re.fullmatch(r"[\x21-\x7e]+", found.access_token) or not found.expires_in > 0:
        raise Fault("protocol", "Google's access token can't be used: it is empty or already at its end.")
    return Token(Secret(found.access_token), found.expires_in)


def check_key(key: Secret, field: str) -> None:
    """Raises Unfit when `key` is no private RSA key in PEM form. The key is never quoted."""
    try:
        signer(key)
    except ValueError:
        raise Unfit(
            field,
            "the private key can't be read; copy it whole from the account's JSON file, from its line "
            '"-----BEGIN PRIVATE KEY-----" to its last',
        ) from None


@lru_cache(maxsize=64)
def signer(key: Secret) -> Callable[[bytes], bytes]:
    """Signs with `key` as RS256 does. Raises ValueError, which may not be shown, when there is no such key."""
    # Imported only here: a file without service accounts starts without it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(_pem(key.reveal()), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("encrypted, or of a kind that is not known") from error
    if not isinstance(loaded, RSAPrivateKey):
        raise ValueError("not an RSA key")
    rsa = loaded

    def sign(data: bytes) -> bytes:
        return rsa.sign(data, PKCS1v15(), SHA256())

    return sign


def _pem(text: str) -> bytes:
    """The key with its line breaks where they belong, however they came: as `\\n`, as blanks, or not at all."""
    found = _PEM.search(text.replace("\\r", "").replace("\\n", "\n"))
    if found is None:
        raise ValueError("no PEM")
    label, body = found["label"], "".join(found["body"].split())
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


def _kind_of(status: int) -> FaultKind:
    if status == 429 or status >= 500:
        return "overloaded"
    return "auth" if status >= 400 else "protocol"


def _reason(status: int, body: bytes, own: tuple[Secret, ...]) -> str:
    """Google's own words in one line, without anything that was sent in confidence."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return f"status {status}."
    said = [str(fields[name]) for name in ("error", "error_description") if isinstance(fields.get(name), str)]
    text = " ".join(": ".join(said).split())
    for secret in own:
        text = text.replace(secret.reveal(), "***")
    return _A_JWT.sub("***", text)[:300] or f"status {status}."


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _required(fields: Mapping[str, Any], name: str) -> str:
    found = _optional(fields, name)
    if found is None:
        raise _unfit(f'has no "{name}"')
    return found


def _optional(fields: Mapping[str, Any], name: str) -> str | None:
    found = fields.get(name)
    return found.strip() if isinstance(found, str) and found.strip() else None


def _unfit(what: str) -> Unfit:
    return Unfit("credentials", f"the credentials file {what}; download the key of a service account from the console")
