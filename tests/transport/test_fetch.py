"""Links that clients send: what may be reached, and what the refusal tells."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.transport.conftest import Run
from tests.transport.servers import Handler, Peer, Tls, answering, serving
from uni_api.errors import Denied
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetched, Fetcher, is_public

PNG = b"HTTP/1.1 200 OK\r\nContent-Type: Image/PNG; q=1\r\ncontent-length: 4\r\n\r\n\x89PNG"
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1"),
    *("3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
    *("", "localhost", "127.1", "2130706433", "0x7f000001"),
]


def names(table: dict[str, list[str]]) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        if host not in table:
            raise OSError(2, "unknown")
        return table[host]

    return resolve


def fetched(run: Run, handler: Handler, **options: object) -> Fetched:
    async def main() -> Fetched:
        async with serving(handler) as server:
            client = HttpClient()
            options.setdefault("allow", lambda address, port: port == server.port)
            fetcher = Fetcher(client, **options)  # type: ignore[arg-type]
            try:
                return await fetcher.fetch(f"http://localhost:{server.port}/a.png")
            finally:
                await client.aclose()

    found: Fetched = run(main)
    return found


def denied(run: Run, handler: Handler, **options: object) -> str:
    with pytest.raises(Denied) as caught:
        fetched(run, handler, **options)
    assert caught.value.status == 400
    assert "127.0.0.1" not in caught.value.message
    return caught.value.message


def refused(run: Run, url: str, **options: object) -> str:
    async def main() -> None:
        client = HttpClient()
        await Fetcher(client, **options).fetch(url)  # type: ignore[arg-type]

    with pytest.raises(Denied) as caught:
        run(main)
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_link_is_fetched(run: Run) -> None:
    assert fetched(run, answering(PNG)) == Fetched(b"\x89PNG", "image/png")
    plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    assert fetched(run, answering(plain)) == Fetched(b"ok", None)


def test_tls_is_verified_for_the_name(run: Run, tls: Tls) -> None:
    async def main() -> None:
        async with serving(answering(PNG), tls.server) as server:
            client = HttpClient(ssl_context=tls.client)
            table = names({"localhost": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
            fetcher = Fetcher(client, resolve=table, allow=lambda address, port: True)
            with pytest.raises(Denied, match="can't be reached"):
                await fetcher.fetch(f"https://other.example:{server.port}/")
            assert (await fetcher.fetch(f"https://localhost:{server.port}/")).data == b"\x89PNG"
            await client.aclose()

    run(main)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a/", "file:///etc/passwd", "data:,x", "http://user:pw@a/", "http://a\r\n/", "http:///", "x", "//a/b"),
        "http://[::1",
    ],
)
def test_what_is_no_plain_link_is_refused(run: Run, url: str) -> None:
    assert refused(run, url) == "A link in the request is not a plain http or https URL."


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]", "[::ffff:7f00:1]", "169.254.169.254"]
)
def test_hosts_that_are_not_public_are_refused(run: Run, host: str) -> None:
    assert refused(run, f"http://{host}/latest/meta-data") == (
        "A link in the request leads to an address that is not public."
    )


@pytest.mark.parametrize("address", [a for a in NOT_PUBLIC if a])
def test_names_that_resolve_to_what_is_not_public_are_refused(run: Run, address: str) -> None:
    message = refused(run, "https://evil.example/", resolve=names({"evil.example": ["8.8.8.8", address]}))
    assert message == "A link in the request leads to an address that is not public."


def test_other_ports_and_unknown_names_are_refused(run: Run) -> None:
    table = names({"a.example": ["8.8.8.8"], "none.example": []})
    assert "port other than 80 and 443" in refused(run, "http://a.example:22/", resolve=table)
    assert "can't be resolved" in refused(run, "http://b.example/", resolve=table)
    assert "can't be resolved" in refused(run, "http://none.example/", resolve=table)


def test_the_address_that_was_checked_is_the_one_connected_to(run: Run) -> None:
    """A name that would resolve to something else the second time is looked up once only."""
    asked: list[str] = []

    async def main() -> None:
        async with serving(answering(PNG)) as server:
            client = HttpClient()

            async def resolve(host: str, port: int) -> list[str]:
                asked.append(host)
                return ["127.0.0.1"]

            fetcher = Fetcher(client, resolve=resolve, allow=lambda address, port: port == server.port)
            assert (await fetcher.fetch(f"http://rebind.invalid:{server.port}/")).data == b"\x89PNG"
            await client.aclose()

    run(main)
    assert asked == ["rebind.invalid"]


def test_a_dead_address_among_several_is_passed_over(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(PNG)) as server:
            client = HttpClient()
            table = names({"many.example": ["127.0.0.2", "127.0.0.1"]})
            fetcher = Fetcher(client, resolve=table, allow=lambda address, port: True)
            assert (await fetcher.fetch(f"http://many.example:{server.port}/")).data == b"\x89PNG"
            await client.aclose()

    run(main)


def moved(location: bytes, status: int = 302) -> bytes:
    return b"HTTP/1.1 %d Moved\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % (status, location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(run: Run, status: int) -> None:
    assert fetched(run, answering(moved(b"/b?c", status), PNG)).data == b"\x89PNG"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (b"http://169.254.169.254/latest/meta-data", "not public"),
        (b"http://[::1]/", "not public"),
        (b"//127.0.0.1/", "not public"),
        (b"ftp://a/", "not a plain"),
        (b"file:///etc/passwd", "not a plain"),
        (b"http://u:p@a/", "not a plain"),
        (b"http://[", "not a URL"),
        (b"http://\xff/", "not a URL"),
    ],
)
def test_redirects_are_checked_like_links(run: Run, location: bytes, reason: str) -> None:
    assert reason in denied(run, answering(moved(location)))


def test_redirects_are_counted(run: Run) -> None:
    assert fetched(run, answering(*[moved(b"/x")] * 3, PNG)).data == b"\x89PNG"
    assert "redirected more than 3 times" in denied(run, answering(*[moved(b"/x")] * 4, PNG))


def test_sizes_are_bounded_whatever_is_announced(run: Run) -> None:
    exact = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + bytes(1000)
    assert len(fetched(run, answering(exact), max_bytes=1000).data) == 1000
    assert "more than 999 bytes" in denied(run, answering(exact), max_bytes=999)
    announced = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"
    assert "more than 999 bytes" in denied(run, answering(announced), max_bytes=999)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000)
    assert "more than 999 bytes" in denied(run, answering(endless), max_bytes=999)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_time_is_bounded(run: Run, start: bytes) -> None:
    async def drip(peer: Peer) -> None:
        await peer.request()
        await peer.say(start)
        while True:
            await asyncio.sleep(0.02)
            if start:
                await peer.say(b"x")

    message = denied(run, drip, timeout=0.2)
    assert "0.2 seconds" in message or "too slow" in message


def test_failures_are_told_without_details(run: Run) -> None:
    assert "status 404" in denied(run, answering(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"))
    assert "not answered properly" in denied(run, answering(b"garbage"))
    assert "not answered properly" in denied(
        run, answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", close=True)
    )
