"""What is read off a request before the relay sees it."""

import gzip
import hashlib
import zlib

import pytest

from uni_api.config.plan import Client
from uni_api.errors import Denied
from uni_api.secret import Secret
from uni_api.server import intake
from uni_api.server.intake import KEY_HEADERS, Credentials, announced_length, decoded, too_large, wanted_id

GOOD = Client(key=Secret("sk-good"), position=0)
ODD = Client(key=Secret("k+y &=é"), position=1)
CLIENTS = {hashlib.sha256(one.key.reveal().encode()).digest(): one for one in (GOOD, ODD)}


def client_of(headers: dict[bytes, bytes], query: bytes, clients: dict[bytes, Client]) -> Client:
    """What is told the first time, which is what is told from then on."""
    credentials = Credentials(clients)
    client = credentials.client_of(headers, query)
    assert credentials.client_of(dict(headers), query) is client
    return client


def denied(headers: dict[bytes, bytes], query: bytes = b"") -> Denied:
    with pytest.raises(Denied) as caught:
        client_of(headers, query, CLIENTS)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    return caught.value


@pytest.mark.parametrize("value", [b"Bearer sk-good", b"bearer sk-good", b"BEARER   sk-good  "])
def test_a_bearer_token(value: bytes) -> None:
    assert client_of({b"authorization": value}, b"", CLIENTS) is GOOD


@pytest.mark.parametrize("name", KEY_HEADERS)
def test_headers_of_other_formats(name: bytes) -> None:
    assert client_of({name: b" sk-good "}, b"", CLIENTS) is GOOD


@pytest.mark.parametrize("query", [b"key=sk-good", b"alt=sse&key=sk-good", b"key=&key=sk-good&x", b"key=sk%2Dgood"])
def test_a_key_in_the_query(query: bytes) -> None:
    assert client_of({}, query, CLIENTS) is GOOD


def test_a_quoted_key_in_the_query() -> None:
    assert client_of({}, b"key=k%2By+%26%3D%C3%A9", CLIENTS) is ODD


def test_one_good_key_among_wrong_ones_is_enough() -> None:
    headers = {b"authorization": b"Bearer wrong", b"x-api-key": b"also-wrong"}
    assert client_of({**headers, b"api-key": b"sk-good"}, b"", CLIENTS) is GOOD
    assert client_of(headers, b"key=sk-good", CLIENTS) is GOOD


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b"sk-good"},
        {b"authorization": b"Basic c2stZ29vZA=="},
        {b"authorization": b"Bearer"},
        {b"cookie": b"key=sk-good"},
    ],
)
def test_no_key_is_told_how_to_send_one(headers: dict[bytes, bytes]) -> None:
    assert "Authorization: Bearer YOUR_KEY" in denied(headers).message


@pytest.mark.parametrize(
    "key", [b"sk-wrong", b"SK-GOOD", b"sk-good\x00", b"", b"\xff\xfe", b"sk-good,sk-good", b"x" * 9999]
)
def test_a_wrong_key_is_never_repeated(key: bytes) -> None:
    for headers, query in (({b"authorization": b"Bearer " + key}, b""), ({b"x-api-key": key}, b"")):
        assert denied(headers, query).message == "Incorrect API key provided."


def test_a_wrong_bearer_beside_a_right_key_is_not_taken_for_right() -> None:
    credentials = Credentials(CLIENTS)
    wrong = {b"authorization": b"Bearer sk-wrong"}
    for others, query in (({b"x-api-key": b"sk-good"}, b""), ({}, b"key=sk-good")):
        assert credentials.client_of({**wrong, **others}, query) is GOOD
        with pytest.raises(Denied):
            credentials.client_of(wrong, b"")
    assert credentials.client_of({b"authorization": b"Bearer sk-good", b"x-api-key": b"sk-wrong"}, b"") is GOOD
    with pytest.raises(Denied):
        credentials.client_of({b"x-api-key": b"sk-wrong"}, b"")


def test_a_good_bearer_does_not_make_another_spelling_good() -> None:
    credentials = Credentials(CLIENTS)
    assert credentials.client_of({b"authorization": b"Bearer sk-good"}, b"") is GOOD
    for wrong in (b"sk-good", b"Basic sk-good", b"Bearer sk-goo", b"Bearer sk-good2", b"Bearer SK-GOOD", b""):
        with pytest.raises(Denied):
            credentials.client_of({b"authorization": wrong}, b"")


def test_each_client_has_its_own_credentials() -> None:
    """Those of a file that was read anew know nothing of the one before."""
    Credentials(CLIENTS).client_of({b"authorization": b"Bearer sk-good"}, b"")
    with pytest.raises(Denied):
        Credentials({}).client_of({b"authorization": b"Bearer sk-good"}, b"")


def test_what_is_remembered_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may spell its token in as many ways, and with as many blanks, as it likes."""
    monkeypatch.setattr(intake, "MOST_KNOWN", 3)
    credentials = Credentials(CLIENTS)
    for blanks in range(1, 10):
        assert credentials.client_of({b"authorization": b"Bearer" + b" " * blanks + b"sk-good"}, b"") is GOOD
    assert len(credentials._known) == 3
    credentials = Credentials(CLIENTS)
    assert credentials.client_of({b"authorization": b"Bearer" + b" " * 60_000 + b"sk-good"}, b"") is GOOD
    assert not credentials._known
    assert "sk-good" not in repr(credentials)


@pytest.mark.parametrize("value", [b"a", b"req-1/2:3~", b"x" * 128])
def test_an_id_that_is_fit_is_kept(value: bytes) -> None:
    assert wanted_id(value) == value


@pytest.mark.parametrize("value", [b"", b"a b", b"a\x7f", b"\xe9", b"a\n", b"x" * 129])
def test_an_id_that_is_not_fit_is_not(value: bytes) -> None:
    assert wanted_id(value) is None


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({}, 0),
        ({b"content-length": b"12"}, 12),
        ({b"content-length": b"-1"}, 0),
        ({b"content-length": b"x"}, 0),
        ({b"content-length": b""}, 0),
        ({b"content-length": b"99999999999999999999"}, 99999999999999999999),
    ],
)
def test_announced_length(headers: dict[bytes, bytes], length: int) -> None:
    assert announced_length(headers) == length


PLAIN = b'{"model": "m"}' * 100
CODED = {
    b"": PLAIN,
    b"identity": PLAIN,
    b"gzip": gzip.compress(PLAIN),
    b" GZIP ": gzip.compress(PLAIN),
    b"x-gzip": gzip.compress(PLAIN),
    b"deflate": zlib.compress(PLAIN),
}


@pytest.mark.parametrize("encoding", CODED)
def test_encodings(encoding: bytes) -> None:
    assert decoded(CODED[encoding], encoding, len(PLAIN)) == PLAIN


def refusal(body: bytes, encoding: bytes, limit: int = 10_000) -> int:
    with pytest.raises(Denied) as caught:
        decoded(body, encoding, limit)
    return caught.value.status


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip", b"\xff", b"x" * 5000])
def test_unknown_encodings_are_415(encoding: bytes) -> None:
    assert refusal(PLAIN, encoding) == 415


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_bodies_past_the_limit_are_413_and_not_unpacked(encoding: bytes) -> None:
    assert refusal(CODED[encoding], encoding, len(PLAIN) - 1) == 413
    bomb = (gzip.compress if encoding == b"gzip" else zlib.compress)(bytes(50_000_000))
    assert refusal(bomb, encoding) == 413


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "last byte"])
def test_damaged_bodies_are_400(encoding: bytes, damage: str) -> None:
    good = CODED[encoding]
    broken = {"cut": good[:-9], "empty": b"", "noise": b"not packed at all", "last byte": good[:-1] + b"!"}[damage]
    assert refusal(broken, encoding) == 400


def test_the_limit_is_told() -> None:
    error = too_large(1234)
    assert (error.status, error.code) == (413, "request_too_large")
    assert "1234 bytes" in error.message
