"""Proxies: parsing and masking. How they are spoken to: test_dial."""

import pytest

from uni_api.errors import Fault
from uni_api.transport import Proxy


def test_a_proxy_is_read_and_masked() -> None:
    proxy = Proxy("socks5h://us%40er:p%3Aw@proxy.example:1081")
    assert (proxy.scheme, proxy.host, proxy.port) == ("socks5h", "proxy.example", 1081)
    assert proxy.credentials == ("us@er", "p:w")
    assert repr(proxy) == str(proxy) == "<Proxy socks5h://***@proxy.example:1081>"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://p", "<Proxy http://p:80>"),
        ("https://p", "<Proxy https://p:443>"),
        ("socks5://p/", "<Proxy socks5://p:1080>"),
        ("http://[::1]:3128", "<Proxy http://[::1]:3128>"),
    ],
)
def test_ports_have_defaults(url: str, shown: str) -> None:
    proxy = Proxy(url)
    assert repr(proxy) == shown
    assert proxy.credentials is None


def test_equal_urls_are_one_proxy() -> None:
    one, same, other = Proxy("http://u:p@h:1"), Proxy("http://u:p@h:1"), Proxy("http://u:q@h:1")
    assert one == same and hash(one) == hash(same)
    assert one != other
    assert one != "http://u:p@h:1"


@pytest.mark.parametrize(
    "url", ["", "proxy:3128", "ftp://p", "http://", "http://sk-secret@p:x", "http://p:0", "http://p\r\n", "socks4://p"]
)
def test_what_is_no_proxy_is_refused_unshown(url: str) -> None:
    with pytest.raises(Fault) as caught:
        Proxy(url)
    assert caught.value.kind == "connect"
    assert "secret" not in caught.value.message
