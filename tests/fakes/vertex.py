"""A Google Cloud: tokens for who has signed with the right key, and a Vertex AI that asks for them.

The signature is checked with the public key by `cryptography` itself; the clock is this machine's.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typing_extensions import override

from tests.fakes.replay import Delivery, Replay
from tests.fakes.wire import Connection, Received, WireServer, head

EMAIL = "caller@project-1.iam.gserviceaccount.com"
_SKEW = 60


@cache
def rsa_key(number: int = 0) -> RSAPrivateKey:
    """A fresh key; the same for the same number as long as the process lasts."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: RSAPrivateKey | None = None) -> str:
    made = key or rsa_key()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def assertion(form: Mapping[str, str], key: RSAPrivateKey, audience: str, now: float) -> Mapping[str, Any]:
    """The claims of the assertion in `form`. Raises ValueError for anything that Google would refuse."""
    if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        raise ValueError("another grant type")
    signed, _, signature = form["assertion"].rpartition(".")
    first, second = (json.loads(_unbase64(part)) for part in signed.split("."))
    try:
        key.public_key().verify(_unbase64(signature), signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise ValueError("Invalid JWT Signature.") from None
    if (first["alg"], first["typ"]) != ("RS256", "JWT"):
        raise ValueError("another algorithm")
    if (second["iss"], second["aud"]) != (EMAIL, audience):
        raise ValueError(f"for {second['iss']} at {second['aud']}")
    if second["scope"] != "https://www.googleapis.com/auth/cloud-platform":
        raise ValueError("another scope")
    if not 0 < second["exp"] - second["iat"] <= 3600 or abs(second["iat"] - now) > _SKEW:
        raise ValueError("Invalid JWT: it must be a short-lived token")
    return dict(second)


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Issued:
    """`lifetime` seconds for tokens that are issued from now on; `valid` maps the tokens to their ends."""

    lifetime: float = 3600
    valid: dict[str, float] = field(default_factory=dict)

    def new(self) -> str:
        token = f"ya29.issued-{len(self.valid)}"
        self.valid[token] = time.time() + self.lifetime
        return token


class TokenServer(WireServer):
    """Gives tokens to the service account `EMAIL`, and to a signed-in user. `refused` is what was wrong with others."""

    def __init__(self, refresh_token: str | None = None) -> None:
        super().__init__(self._answer)
        self.issued = Issued()
        self.refused: list[str] = []
        self.refresh_token = refresh_token

    @property
    def token_uri(self) -> str:
        return f"{self.url}/token"

    async def _answer(self, request: Received, connection: Connection) -> bool:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        try:
            if form.get("grant_type") == "refresh_token":
                if form["refresh_token"] != self.refresh_token or not form["client_id"] or not form["client_secret"]:
                    raise ValueError("Bad Request")
            else:
                assertion(form, rsa_key(), self.token_uri, time.time())
        except (ValueError, KeyError) as error:
            self.refused.append(str(error))
            return await _say(connection, 400, {"error": "invalid_grant", "error_description": str(error)})
        token = {"access_token": self.issued.new(), "expires_in": self.issued.lifetime, "token_type": "Bearer"}
        return await _say(connection, 200, token)


class VertexReplay(Replay):
    """Serves `records` to who shows a token that `tokens` has issued and that holds. `statuses` fails whole regions."""

    def __init__(self, records: Sequence[Mapping[str, Any]], tokens: Issued, delivery: Delivery | None = None) -> None:
        super().__init__(records, delivery)
        self.tokens = tokens
        self.statuses: dict[str, int] = {}

    @override
    async def _answer(self, request: Received, connection: Connection) -> bool:
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        if self.tokens.valid.get(token, 0) < time.time():
            return await _say(connection, 401, _status(401, "UNAUTHENTICATED", "Request had invalid credentials."))
        region = request.path.partition("/locations/")[2].partition("/")[0]
        if (status := self.statuses.get(region)) is not None:
            word = {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}[status]
            return await _say(connection, status, _status(status, word, f"Not in {region}."))
        return await super()._answer(request, connection)


def _status(code: int, word: str, message: str) -> Any:
    return {"error": {"code": code, "message": message, "status": word}}


async def _say(connection: Connection, status: int, value: Any) -> bool:
    body = json.dumps(value).encode()
    fields = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    await connection.send(head(status, fields) + body)
    return True
