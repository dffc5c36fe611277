import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tests.fakes.vertex import EMAIL, assertion, pem, rsa_key
from uni_api.errors import Fault
from uni_api.providers.base import Call, Unfit
from uni_api.providers.google_token import (
    TOKEN_URI,
    ServiceAccount,
    SignedInUser,
    check_key,
    read_credentials,
    read_token,
)
from uni_api.secret import Secret

NOW = 1_800_000_000.9
ACCOUNT = ServiceAccount(client_email=EMAIL, private_key=Secret(pem().strip()), key_id="k1")
USER = SignedInUser(client_id="id.apps", client_secret=Secret("the client's"), refresh_token=Secret("1//refresh"))


def form(call: Call) -> Mapping[str, str]:
    return {name: values[0] for name, values in parse_qs(call.body.decode(), strict_parsing=True).items()}


def test_an_assertion_is_what_google_asks_for() -> None:
    call = ACCOUNT.call(NOW)
    assert (call.method, call.url) == ("POST", TOKEN_URI)
    assert ("content-type", "application/x-www-form-urlencoded") in call.headers
    claims = assertion(form(call), rsa_key(), TOKEN_URI, NOW)
    assert (claims["iat"], claims["exp"]) == (1_800_000_000, 1_800_003_600)


def test_a_signed_in_user_refreshes() -> None:
    assert form(USER.call(NOW)) == {
        "grant_type": "refresh_token",
        "client_id": "id.apps",
        "client_secret": "the client's",
        "refresh_token": "1//refresh",
    }


@pytest.mark.parametrize(
    "spelt",
    [
        pem(),
        pem().replace("\n", "\\n"),
        pem().replace("\n", "\r\n"),
        pem().replace("\n", " "),
        pem().replace("\n", ""),
        f"  {pem()}\n\n",
        rsa_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
    ],
    ids=["as it is", "escaped", "crlf", "blanks", "one line", "padded", "traditional"],
)
def test_the_key_is_understood_however_its_lines_break(spelt: str) -> None:
    account = ServiceAccount(client_email=EMAIL, private_key=Secret(spelt))
    assertion(form(account.call(NOW)), rsa_key(), TOKEN_URI, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "k",
        "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nnot base64!\n-----END PRIVATE KEY-----",
        pem()[:400],
        ec_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
    ],
    ids=["word", "no key", "no base64", "cut", "elliptic", "encrypted"],
)
def test_no_key_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(Unfit) as caught:
        check_key(Secret(text), "private_key")
    assert caught.value.field == "private_key"
    assert "can't be read" in caught.value.message
    assert caught.value.__cause__ is None
    shown = caught.value.message.replace("-----BEGIN PRIVATE KEY-----", "")
    assert not [word for word in text.split() if len(word) > 6 and word in shown and word != "PRIVATE"]


def test_accounts_share_a_token_only_with_themselves() -> None:
    other = ServiceAccount(client_email=EMAIL, private_key=Secret(pem(rsa_key(1))))
    elsewhere = ServiceAccount(client_email=EMAIL, private_key=Secret(pem()), token_uri="https://t.example")
    assert len({ACCOUNT.id, other.id, elsewhere.id, USER.id}) == 4
    assert ACCOUNT.id == ServiceAccount(client_email=EMAIL, private_key=Secret(pem().strip()), key_id="k1").id
    for secret in ("BEGIN", "1//refresh", "the client's"):
        assert secret not in ACCOUNT.id + USER.id + repr(ACCOUNT) + repr(USER)


def test_a_token_is_read() -> None:
    token = ACCOUNT.read(200, b'{"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer"}')
    assert (token.value, token.lifetime) == (Secret("ya29.x"), 3599)
    assert USER.read(200, b'{"access_token": "ya29.x"}').lifetime == 3600


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, "auth"),
        (401, {"error": "invalid_client"}, "auth"),
        (403, "<html>no</html>", "auth"),
        (429, {}, "overloaded"),
        (500, "", "overloaded"),
        (302, "", "protocol"),
        (200, {}, "protocol"),
        (200, [], "protocol"),
        (200, "\udcff", "protocol"),
        (200, {"access_token": ""}, "protocol"),
        (200, {"access_token": "a b"}, "protocol"),
        (200, {"access_token": "a\r\nx: y"}, "protocol"),
        (200, {"access_token": "x", "expires_in": 0}, "protocol"),
        (200, {"access_token": "x", "expires_in": -1}, "protocol"),
        (200, "[" * 100_000, "protocol"),
    ],
)
def test_anything_else_is_a_fault(status: int, body: Any, kind: str) -> None:
    data = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else json.dumps(body).encode()
    with pytest.raises(Fault) as caught:
        ACCOUNT.read(status, data)
    assert caught.value.kind == kind


def test_google_is_quoted_in_one_line_and_without_secrets() -> None:
    said = {
        "error": "invalid_grant",
        "error_description": "Bad\nRequest 1//refresh eyJhbGciOi.eyJpc3M.sig-1 " + "x" * 999,
    }
    with pytest.raises(Fault) as caught:
        read_token(400, json.dumps(said).encode(), (USER.refresh_token,))
    message = caught.value.message
    assert message.startswith("Google gives no access token: invalid_grant: Bad Request *** *** xxx")
    assert len(message) < 400


def test_files_of_both_kinds_are_read() -> None:
    fields = {"type": "service_account", "client_email": EMAIL, "private_key": pem(), "private_key_id": "k1"}
    found = read_credentials(Secret(json.dumps(fields | {"project_id": "p", "token_uri": TOKEN_URI})))
    assert found.grant == ACCOUNT
    assert found.project == "p"
    user = {"type": "authorized_user", "client_id": "id.apps", "client_secret": "the client's"}
    found = read_credentials(Secret(json.dumps(user | {"refresh_token": "1//refresh", "quota_project_id": "q"})))
    assert found.grant == USER
    assert (found.project, found.quota_project) == (None, "q")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"type": 1}',
        '{"type": "service_account"}',
        '{"type": "authorized_user", "client_id": "i"}',
        '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r", "token_uri": "f:x"}',
    ],
)
def test_other_files_are_unfit(content: str) -> None:
    with pytest.raises(Unfit) as caught:
        read_credentials(Secret(content))
    assert caught.value.field == "credentials"
