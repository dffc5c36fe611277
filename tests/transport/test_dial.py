"""Connecting: TLS is verified, proxies are spoken to, and failures say what failed and nothing more."""

import asyncio
import socket
import ssl
import struct
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable

import pytest
import trustme
from msgspec import structs

from tests.transport.conftest import Run
from tests.transport.servers import OK, QUICK, Handler, Peer, Server, Tls, answering, serving
from uni_api.errors import Fault
from uni_api.transport import HttpClient, Proxy, compile_head
from uni_api.transport.tls import default_context

USER, PASSWORD = "us@er", "pw-secret"


async def ask(client: HttpClient, server: Server, proxy: Proxy | None = None) -> bytes:
    response = await client.send(server.head(), b"{}", timeouts=QUICK, proxy=proxy)
    return await response.read(100)


async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


async def join(peer: Peer, host: str, port: int, hello: bytes) -> None:
    """Be the tunnel between a client and an upstream, until either leaves."""
    reader, writer = await asyncio.open_connection(host, port)
    await peer.say(hello)
    directions = [asyncio.create_task(pipe(peer.reader, writer)), asyncio.create_task(pipe(reader, peer.writer))]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        writer.transport.abort()
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)


def connect_proxy(seen: list[bytes]) -> Handler:
    """An HTTP proxy that knows CONNECT only, and one user."""

    async def handler(peer: Peer) -> None:
        head, _ = await peer.request()
        seen.append(head)
        method, target, _ = head.split(b" ", 2)
        assert method == b"CONNECT"
        token = b64encode(f"{USER}:{PASSWORD}".encode())
        if b"\r\nproxy-authorization: Basic " + token + b"\r\n" not in head:
            await peer.say(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        host, _, port = target.decode().rpartition(":")
        await join(peer, host, int(port), b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n")

    return handler


def socks_proxy(seen: list[bytes]) -> Handler:
    """A SOCKS5 proxy (RFC 1928) with user and password (RFC 1929)."""

    async def handler(peer: Peer) -> None:
        read = peer.reader.readexactly
        _, methods = await read(2)
        assert 2 in await read(methods)
        await peer.say(b"\x05\x02")
        _, length = await read(2)
        user = await read(length)
        password = await read((await read(1))[0])
        accepted = (user, password) == (USER.encode(), PASSWORD.encode())
        await peer.say(b"\x01" + bytes([not accepted]))
        if not accepted:
            return
        *_, kind = await read(4)
        name = await read((await read(1))[0]) if kind == 3 else await read(4 if kind == 1 else 16)
        host = name.decode() if kind == 3 else socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, name)
        seen.append(host.encode())
        (port,) = struct.unpack("!H", await read(2))
        await join(peer, "127.0.0.1", port, b"\x05\x00\x00\x01\0\0\0\0\0\0")

    return handler


PROXIES = {"http": connect_proxy, "https": connect_proxy, "socks5": socks_proxy, "socks5h": socks_proxy}


@pytest.mark.parametrize("upstream_tls", [False, True], ids=["to http", "to https"])
@pytest.mark.parametrize("scheme", PROXIES)
def test_proxies(run: Run, tls: Tls, scheme: str, upstream_tls: bool) -> None:
    seen: list[bytes] = []

    async def main() -> None:
        outer = serving(PROXIES[scheme](seen), tls.server if scheme == "https" else None)
        inner = serving(answering(OK, OK, OK), tls.server if upstream_tls else None)
        async with outer as front, inner as server:
            client = HttpClient(ssl_context=tls.client)
            proxy = Proxy(f"{scheme}://us%40er:{PASSWORD}@localhost:{front.port}")
            for _ in range(3):
                assert await ask(client, server, proxy) == b"ok"
            assert repr(client) == "<HttpClient [Origins: 1 | Connections: 0 active, 1 idle]>"
            assert (len(front.peers), len(server.peers)) == (1, 1)
            await client.aclose()

    run(main)
    [what] = seen
    assert b"sk-secret" not in what
    if scheme == "socks5h":
        assert what == b"localhost"
    if scheme == "socks5":
        assert what in (b"127.0.0.1", b"::1")


@pytest.mark.parametrize("scheme", PROXIES)
def test_a_proxy_that_refuses_the_credentials(run: Run, tls: Tls, scheme: str) -> None:
    async def main() -> None:
        outer = serving(PROXIES[scheme]([]), tls.server if scheme == "https" else None)
        async with outer as front, serving(answering(OK)) as server:
            client = HttpClient(ssl_context=tls.client)
            proxy = Proxy(f"{scheme}://us%40er:wrong-secret@localhost:{front.port}")
            with pytest.raises(Fault) as caught:
                await ask(client, server, proxy)
            assert caught.value.kind == "connect"
            assert "proxy localhost" in caught.value.message
            assert "secret" not in caught.value.message and USER not in caught.value.message
            assert repr(client) == "<HttpClient [Origins: 0 | Connections: 0 active, 0 idle]>"
            assert not server.peers
            await client.aclose()

    run(main)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answered 403"),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "answered 502"),
        (b"", "closed the connection"),
        (b"HTTP/1.1 200", "closed the connection"),
        (b"SSH-2.0-x\r\n\r\n", "did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "sent bytes before the upstream could"),
        (b"x" * 20_000, "did not answer in HTTP"),
    ],
)
def test_a_proxy_that_does_not_connect(run: Run, answer: bytes, words: str) -> None:
    async def main() -> None:
        async with serving(answering(answer, close=True)) as front, serving(answering(OK)) as server:
            client = HttpClient()
            with pytest.raises(Fault) as caught:
                await ask(client, server, Proxy(f"http://localhost:{front.port}"))
            assert caught.value.kind == "connect"
            assert caught.value.message == f"The proxy localhost {words}."
            await client.aclose()

    run(main)


@pytest.mark.parametrize("scheme", PROXIES)
def test_a_proxy_that_is_not_there(run: Run, tls: Tls, scheme: str) -> None:
    async def main() -> None:
        client = HttpClient(ssl_context=tls.client)
        proxy = Proxy(f"{scheme}://u:pw-secret@127.0.0.1:{closed_port()}")
        with pytest.raises(Fault) as caught:
            await client.send(compile_head("POST", "http://upstream.invalid/", []), b"", timeouts=QUICK, proxy=proxy)
        assert caught.value.kind == "connect"
        assert "secret" not in caught.value.message
        await client.aclose()

    run(main)


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def connect_fault(run: Run, url: str, context: ssl.SSLContext | None = None, connect_to: str | None = None) -> Fault:
    async def main() -> Fault:
        client = HttpClient(ssl_context=context)
        with pytest.raises(Fault) as caught:
            await client.send(compile_head("POST", url, []), b"", timeouts=QUICK, connect_to=connect_to)
        assert repr(client) == "<HttpClient [Origins: 0 | Connections: 0 active, 0 idle]>"
        await client.aclose()
        return caught.value

    fault: Fault = run(main)
    assert fault.kind == "connect" and fault.status == 502
    return fault


def test_refused_and_unresolved(run: Run) -> None:
    refused = connect_fault(run, f"http://localhost:{closed_port()}/x?key=secret")
    assert refused.message == "Could not connect to localhost: connection refused."
    unknown = connect_fault(run, "http://no-such-host.invalid/x?key=secret")
    assert unknown.message == "Could not connect to no-such-host.invalid: the name does not resolve."


def test_messages_do_not_name_the_address_connected_to(run: Run) -> None:
    fault = connect_fault(run, f"http://example.com:{closed_port()}/", connect_to="127.0.0.1")
    assert fault.message == "Could not connect to example.com: connection refused."


def test_tls_and_keep_alive(run: Run, tls: Tls) -> None:
    async def main() -> None:
        async with serving(answering(OK, OK), tls.server) as server:
            client = HttpClient(ssl_context=tls.client)
            assert [await ask(client, server) for _ in range(2)] == [b"ok", b"ok"]
            assert len(server.peers) == 1
            await client.aclose()

    run(main)


def test_a_certificate_of_an_unknown_authority_is_refused(run: Run, tls: Tls) -> None:
    async def main() -> None:
        async with serving(answering(OK), tls.server) as server:
            client = HttpClient()  # trusts the system's store only
            with pytest.raises(Fault, match="certificate can't be verified") as caught:
                await ask(client, server)
            assert caught.value.kind == "connect"
            await client.aclose()

    run(main)


def test_a_certificate_for_another_name_is_refused(run: Run, authority: trustme.CA, tls: Tls) -> None:
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(other)
    names: list[str | None] = []
    other.sni_callback = lambda sock, name, context: names.append(name)

    async def main() -> None:
        async with serving(answering(OK, OK), other) as server:
            client = HttpClient(ssl_context=tls.client)
            with pytest.raises(Fault, match="certificate can't be verified") as caught:
                await ask(client, server)
            assert caught.value.kind == "connect"
            # The right name, at an address given: verified for the name, which is also the one asked for.
            head = compile_head("POST", f"https://elsewhere.example:{server.port}/", [])
            response = await client.send(head, b"", timeouts=QUICK, connect_to="127.0.0.1")
            assert await response.read(10) == b"ok"
            await client.aclose()

    run(main)
    assert names == ["localhost", "elsewhere.example"]


def test_the_default_context_verifies_and_is_made_once() -> None:
    assert default_context().minimum_version is ssl.TLSVersion.TLSv1_2
    assert default_context() is default_context()
    assert default_context().verify_mode is ssl.CERT_REQUIRED and default_context().check_hostname


def test_plain_http_on_a_tls_port(run: Run, tls: Tls) -> None:
    async def noise(peer: Peer) -> None:
        await peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.gone()

    async def main() -> None:
        async with serving(noise) as server:
            client = HttpClient(ssl_context=tls.client)
            head = compile_head("POST", f"https://localhost:{server.port}/", [])
            with pytest.raises(Fault, match="TLS handshake failed") as caught:
                await client.send(head, b"", timeouts=QUICK)
            assert caught.value.kind == "connect"
            await client.aclose()

    run(main)


@pytest.mark.parametrize("way", ["tls", "http", "https", "socks5", "socks5h"])
def test_a_handshake_that_stalls_is_bounded_and_can_be_left(run: Run, tls: Tls, way: str) -> None:
    gone: list[float] = []

    async def handler(peer: Peer) -> None:
        await peer.gone()
        gone.append(time.monotonic())

    async def main() -> None:
        async with serving(handler) as front:
            client = HttpClient(ssl_context=tls.client)
            target = "https://localhost" if way == "tls" else "http://localhost"
            head = compile_head("POST", f"{target}:{front.port}/", [])
            proxy = None if way == "tls" else Proxy(f"{way}://u:p@localhost:{front.port}")

            def send(seconds: float) -> Awaitable[object]:
                return client.send(head, b"", timeouts=structs.replace(QUICK, connect=seconds), proxy=proxy)

            with pytest.raises(Fault) as caught:
                await send(0.15)
            assert caught.value.kind == "timeout"
            assert caught.value.message == "localhost could not be reached within 0.15 s (connect timeout)."
            await seen_within_a_second(lambda: len(gone) == 1)
            task = asyncio.ensure_future(send(5))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await seen_within_a_second(lambda: len(gone) == 2)
            assert repr(client) == "<HttpClient [Origins: 0 | Connections: 0 active, 0 idle]>"
            await client.aclose()

    run(main)


async def seen_within_a_second(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the peer did not see the connection end within a second")
