"""Signatures against AWS's published test suite, and against botocore's own signer.

Of the suite, `get-utf8` and `get-space` are left out: they sign a path as it is written, while the services that we
call sign it as it travels, encoded once more. That is what botocore does, and what the last test holds us to.
"""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as some

from uni_api.providers.base import Call, Headers
from uni_api.providers.sigv4 import SigV4, canonical_request, headers_to_sign
from uni_api.secret import Secret
from uni_api.transport.head import split_url

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUITE = SigV4(access_key=Secret(ACCESS), secret_key=Secret(SECRET), region="us-east-1", service="service")
SUITE_TIME = 1440938160.0
HOST = "https://example.amazonaws.com"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = "application/x-www-form-urlencoded"
STS_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAki"
    "Y9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


def signature(headers: Headers) -> str:
    return dict(headers)["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("name", "method", "target", "headers", "body", "expected"),
    [
        ("get-vanilla", "GET", "/", [], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", "/", [], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "get-unreserved",
            "GET",
            f"/{UNRESERVED}",
            [],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/?Param1=value1",
            [],
            "",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            [],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            f"/?{UNRESERVED}={UNRESERVED}",
            [],
            "",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-vanilla-utf8-query",
            "GET",
            "/?ሴ=bar",
            [],
            "",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "post-vanilla-query",
            "POST",
            "/?Param1=value1",
            [],
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-order",
            "GET",
            "/",
            [("My-Header1", value) for value in ("value4", "value1", "value3", "value2")],
            "",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-header-key-sort",
            "POST",
            "/",
            [("My-Header1", "value1")],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-header-value-case",
            "POST",
            "/",
            [("My-Header1", "VALUE1")],
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            [("Content-Type", FORM), ("Content-Length", "13")],
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "post-x-www-form-urlencoded-parameters",
            "POST",
            "/",
            [("Content-Type", f"{FORM}; charset=utf8"), ("Content-Length", "13")],
            "Param1=value1",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        ),
    ],
)
def test_published_vectors(
    name: str, method: str, target: str, headers: list[tuple[str, str]], body: str, expected: str
) -> None:
    call = Call(method, HOST + target, tuple(headers), body.encode())
    assert signature(SUITE(call, SUITE_TIME)) == expected


@pytest.mark.parametrize("path", ["/./", "/./././", "/example/..", "/example1/example2/../..", "//", "/"])
def test_published_vectors_of_paths_that_come_to_nothing(path: str) -> None:
    call = Call("GET", HOST + path, (), b"")
    assert signature(SUITE(call, SUITE_TIME)) == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def test_published_vector_of_a_session() -> None:
    """post-sts-header-before."""
    sign = SigV4(
        access_key=Secret(ACCESS),
        secret_key=Secret(SECRET),
        session_token=Secret(STS_TOKEN),
        region="us-east-1",
        service="service",
    )
    headers = sign(Call("POST", HOST + "/", (), b""), SUITE_TIME)
    assert headers == (
        ("x-amz-date", "20150830T123600Z"),
        ("x-amz-security-token", STS_TOKEN),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-security-token, "
            "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
    )


def test_the_canonical_request_of_a_model_id() -> None:
    """Colons and slashes travel encoded, and are signed encoded twice."""
    call = Call(
        "POST",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%2Fa.b-v1%3A0/invoke",
        (("Content-Type", "application/json"),),
        b"{}",
    )
    assert canonical_request(call, headers_to_sign(call, (("x-amz-date", "20150830T123600Z"),))) == (
        "POST\n/model/arn%253Aaws%253Abedrock%252Fa.b-v1%253A0/invoke\n\n"
        "content-type:application/json\nhost:bedrock-runtime.us-east-1.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
        "content-type;host;x-amz-date\n44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )


@pytest.mark.parametrize(
    ("url", "headers", "host"),
    [
        ("https://Example.com:443/", (), "example.com"),
        ("http://example.com:80/", (), "example.com"),
        ("http://example.com:443/", (), "example.com:443"),
        ("http://[::1]:8080/", (), "[::1]:8080"),
        ("http://localhost:8080/", (("Host", "bedrock.example"),), "bedrock.example"),
    ],
)
def test_the_host_is_signed_as_it_is_sent(url: str, headers: Headers, host: str) -> None:
    assert headers_to_sign(Call("GET", url, headers, b""))["host"] == host


@pytest.mark.parametrize("name", ["User-Agent", "Connection", "Content-Length", "Transfer-Encoding", "Authorization"])
def test_what_may_change_on_the_way_is_not_signed(name: str) -> None:
    with_it, without = Call("GET", HOST, ((name, "x"),), b""), Call("GET", HOST, (), b"")
    assert SUITE(with_it, SUITE_TIME) == SUITE(without, SUITE_TIME)


def test_the_keys_are_not_shown() -> None:
    assert SECRET not in repr(SUITE)
    assert ACCESS not in repr(SUITE)


@contextmanager
def botocore_at(now: float) -> Iterator[None]:
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        yield


def by_botocore(call: Call, now: float, token: str | None, region: str, service: str) -> str:
    request = AWSRequest(call.method, call.url, data=call.body)
    for name, value in call.headers:
        request.headers.add_header(name, value)
    with botocore_at(now):
        SigV4Auth(Credentials(ACCESS, SECRET, token), service, region).add_auth(request)
    return str(request.headers["Authorization"])


SEGMENTS = some.one_of(some.text(max_size=12), some.sampled_from(["..", ".", "", "a:b/c", "100%", "~", "+", "@"]))
NAMES = some.from_regex(r"[Xx]-[A-Za-z0-9]{1,8}", fullmatch=True)
VALUES = some.text(some.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@given(
    segments=some.lists(SEGMENTS, max_size=4),
    query=some.lists(some.tuples(some.text(max_size=6), some.text(max_size=6)), max_size=4),
    headers=some.dictionaries(NAMES, VALUES, max_size=4),
    body=some.binary(max_size=64),
    now=some.integers(0, 4102444800),
    token=some.none() | some.just("session//token=="),
    method=some.sampled_from(["GET", "POST", "PUT"]),
)
def test_botocore_signs_the_same(
    segments: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    now: int,
    token: str | None,
    method: str,
) -> None:
    path = "/" + "/".join(quote(segment, safe="", errors="replace") for segment in segments)
    pairs = "&".join(
        f"{quote(name, safe='-_.~', errors='replace')}={quote(value, safe='-_.~', errors='replace')}"
        for name, value in query
    )
    url = HOST + path + (f"?{pairs}" if pairs else "")
    call = Call(method, url, tuple({name.lower(): (name, value) for name, value in headers.items()}.values()), body)
    sign = SigV4(
        access_key=Secret(ACCESS),
        secret_key=Secret(SECRET),
        session_token=Secret(token) if token else None,
        region="eu-west-1",
        service="bedrock",
    )
    assert dict(sign(call, now))["authorization"] == by_botocore(call, now, token, "eu-west-1", "bedrock")


@given(some.text(max_size=20))
def test_what_is_signed_is_what_travels(path: str) -> None:
    """Whatever a base URL holds: the transport's target, read as a URL, has the same signature."""
    url = f"{HOST}/{quote(path, safe=' éሴ:@[]', errors='replace')}"
    origin, target = split_url(url)
    sent = f"{origin.scheme}://{origin.authority}{target}"
    assert SUITE(Call("GET", url, (), b""), 0.0) == SUITE(Call("GET", sent, (), b""), 0.0)
