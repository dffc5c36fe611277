"""Heads: what is sent, and what is refused without being shown."""

import pytest
from msgspec import structs

from uni_api.errors import Fault
from uni_api.transport import Head, Origin, compile_head


def lines(head: Head) -> list[bytes]:
    assert head.data.endswith(b"\r\n") and not head.data.endswith(b"\r\n\r\n")
    return head.data.split(b"\r\n")[:-1]


def test_a_head_holds_what_was_given_and_what_is_missing() -> None:
    head = compile_head("POST", "https://api.example.com/v1/x?a=1#frag", [("Authorization", "Bearer sk-1")])
    assert head.origin == Origin("https", "api.example.com", 443)
    assert lines(head) == [
        b"POST /v1/x?a=1 HTTP/1.1",
        b"host: api.example.com",
        b"Authorization: Bearer sk-1",
        b"accept: */*",
        b"accept-encoding: identity",
        b"user-agent: uni-api",
    ]


def test_given_headers_replace_the_defaults() -> None:
    given = [("Host", "other"), ("Accept", "text/event-stream"), ("Accept-Encoding", "gzip"), ("User-Agent", "x")]
    head = compile_head("GET", "http://a:8080", given)
    assert lines(head) == [
        b"GET / HTTP/1.1",
        b"Host: other",
        b"Accept: text/event-stream",
        b"Accept-Encoding: gzip",
        b"User-Agent: x",
    ]


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Expect", "Upgrade", "TE"])
def test_headers_of_the_message_and_the_connection_are_left_out(name: str) -> None:
    head = compile_head("POST", "http://a", [(name, "1")])
    assert not any(line.lower().startswith(name.lower().encode() + b":") for line in lines(head))


@pytest.mark.parametrize(
    ("url", "host", "request_line"),
    [
        ("http://A.Example:8080/x", b"a.example:8080", b"POST /x HTTP/1.1"),
        ("http://a:80/", b"a", b"POST / HTTP/1.1"),
        ("https://a:443/", b"a", b"POST / HTTP/1.1"),
        ("https://a:80/", b"a:80", b"POST / HTTP/1.1"),
        ("http://[::1]:9/x", b"[::1]:9", b"POST /x HTTP/1.1"),
        ("http://a_b-c.d/", b"a_b-c.d", b"POST / HTTP/1.1"),
        ("http://b\u00fccher.example/", b"xn--bcher-kva.example", b"POST / HTTP/1.1"),
        ("http://a/models/g%20m:x?y=a b&z=\u00e9", b"a", b"POST /models/g%20m:x?y=a%20b&z=%C3%A9 HTTP/1.1"),
        ("http://a?x=1", b"a", b"POST /?x=1 HTTP/1.1"),
    ],
)
def test_urls(url: str, host: bytes, request_line: bytes) -> None:
    assert lines(compile_head("POST", url, []))[:2] == [request_line, b"host: " + host]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "file:///etc/passwd",
        "//a/",
        "/x",
        "",
        "http://",
        "http:///x",
        "http://user@a/",
        "http://user:sk-secret@a/",
        "http://a:0/",
        "http://a:99999/",
        "http://a:x/",
        "http://a b/",
        "http://a\\b/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://a%0d%0a/",
        "http://-a/",
        "http://a..b/",
        "http://" + "a" * 254 + "/",
        "http://a/\r\nx: y",
        "http://a/\tx",
        "http://a/\0",
        "http://a\n/",
    ],
)
def test_bad_urls_are_refused_unshown(url: str) -> None:
    with pytest.raises(Fault) as caught:
        compile_head("POST", url, [])
    assert caught.value.kind == "connect"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\r\n", "\x7f", "\x1b"])
@pytest.mark.parametrize("place", ["a{}b", "{}ab", "ab{}"])
def test_control_characters_in_headers_are_refused_unshown(char: str, place: str) -> None:
    text = place.format(char)
    for name, value in (("x", "sk-secret" + text), (text, "v")):
        with pytest.raises(Fault) as caught:
            compile_head("POST", "http://a", [(name, value)])
        assert caught.value.kind == "connect"
        assert "secret" not in str(caught.value)
    with pytest.raises(Fault):
        compile_head(text, "http://a", [])


@pytest.mark.parametrize("name", ["", "a b", "a:b", "\u00e9"])
def test_header_names_must_be_tokens(name: str) -> None:
    with pytest.raises(Fault):
        compile_head("POST", "http://a", [(name, "v")])


def test_two_host_headers_and_unpaired_surrogates_are_refused() -> None:
    with pytest.raises(Fault):
        compile_head("POST", "http://a", [("host", "a"), ("Host", "b")])
    with pytest.raises(Fault):
        compile_head("POST", "http://a", [("x", "\ud800")])


def test_values_are_trimmed_and_text_is_utf8() -> None:
    head = compile_head("POST", "http://a", [("x", " a\tb\u00e9 ")])
    assert b"x: a\tb\xc3\xa9" in lines(head)


def test_repr_hides_the_key() -> None:
    head = compile_head("POST", "https://a:8443/x?key=sk-secret", [("authorization", "Bearer sk-secret")])
    assert repr(head) == str(head) == "<Head POST https://a:8443>"
    assert "secret" not in repr(structs.replace(head, method="GET"))
