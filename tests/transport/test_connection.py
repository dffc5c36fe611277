"""The state machine: what an answer may look like, where it may be cut, and how long it may take."""

import asyncio
import gzip
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import structs

from tests.transport.conftest import Run
from tests.transport.servers import OK, QUICK, Handler, Peer, Tls, answering, serving
from uni_api.errors import Fault
from uni_api.transport import HttpClient, Response, Timeouts

LINE = b"HTTP/1.1 200 OK\r\n"
SIZED = LINE + b"Content-Type: text/plain\r\ncontent-length: 11\r\n\r\nhello world"
CHUNKED = LINE + b"transfer-encoding: chunked\r\n\r\n6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"

# name: (the bytes of the answer, the method, the status, the body, whether the connection can be used again)
GOOD: dict[str, tuple[bytes, str, int, bytes, bool]] = {
    "sized": (SIZED, "POST", 200, b"hello world", True),
    "chunked": (CHUNKED, "POST", 200, b"hello world", True),
    "interim": (INTERIM + SIZED, "POST", 200, b"hello world", True),
    "empty": (LINE + b"content-length: 0\r\n\r\n", "POST", 200, b"", True),
    "no reason": (b"HTTP/1.1 429\r\ncontent-length: 1\r\n\r\nx", "POST", 429, b"x", True),
    "other status": (b"HTTP/1.1 529 Overloaded\r\ncontent-length: 1\r\n\r\nx", "POST", 529, b"x", True),
    "204": (b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", "POST", 204, b"", True),
    "304": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "GET", 304, b"", True),
    "head": (LINE + b"content-length: 5\r\n\r\n", "HEAD", 200, b"", False),
    "until end": (LINE + b"\r\nhello", "POST", 200, b"hello", False),
    "until end, nothing": (LINE + b"\r\n", "POST", 200, b"", False),
    "identity": (LINE + b"transfer-encoding: identity\r\n\r\nhello", "POST", 200, b"hello", False),
    "close": (LINE + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", "POST", 200, b"hello", False),
    "http/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", "POST", 200, b"hello", False),
    "http/1.0 kept": (
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
        *("POST", 200, b"hello", True),
    ),
    "garbage after": (SIZED + b"xyz", "POST", 200, b"hello world", False),
    "answer after": (SIZED + SIZED, "POST", 200, b"hello world", False),
    "one byte after": (SIZED + b"H", "POST", 200, b"hello world", False),
    "body of a 204": (b"HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\nhi", "POST", 204, b"", False),
    "body of a head": (LINE + b"content-length: 2\r\n\r\nhi", "HEAD", 200, b"", False),
    "empty header": (LINE + b"x-empty:\r\ncontent-length: 2\r\n\r\nok", "POST", 200, b"ok", True),
    "8 bit header": (LINE + b"x: \xe9\xff\r\ncontent-length: 2\r\n\r\nok", "POST", 200, b"ok", True),
    "200 headers": (LINE + b"a: b\r\n" * 200 + b"content-length: 2\r\n\r\nok", "POST", 200, b"ok", True),
    "upgrade unasked": (
        LINE + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok",
        *("POST", 200, b"ok", True),
    ),
}

BAD: dict[str, bytes] = {
    "html": b"<html><body>Bad gateway</body></html>",
    "tls alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "http/0.9": b"HTTP/0.9 200 OK\r\ncontent-length: 0\r\n\r\n",
    "http/2": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "status 0": b"HTTP/1.1 000 Zero\r\ncontent-length: 0\r\n\r\n",
    "status 4 digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nabc",
    "switching, bare": b"HTTP/1.1 101 Switching\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "folded": LINE + b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "space before colon": LINE + b"a : b\r\ncontent-length: 0\r\n\r\n",
    "nul": LINE + b"a: b\0c\r\ncontent-length: 0\r\n\r\n",
    "two lengths": LINE + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "length list": LINE + b"content-length: 2, 2\r\n\r\nok",
    "length below zero": LINE + b"content-length: -2\r\n\r\nok",
    "length with sign": LINE + b"content-length: +2\r\n\r\nok",
    "length too long": LINE + b"content-length: 99999999999999999999\r\n\r\nok",
    "length and chunked": LINE + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip transfer": LINE + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "transfer twice": LINE + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "unknown transfer": LINE + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunk size": LINE + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
    "chunk size 0x": LINE + b"transfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n",
    "chunk size -": LINE + b"transfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n",
    "chunk too long": LINE + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "chunk overrun": LINE + b"transfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
    "large header": LINE + b"x: " + b"a" * 70_000 + b"\r\n\r\n",
    "large head, with body": LINE + b"x: " + b"a" * 70_000 + b"\r\ncontent-length: 2\r\n\r\nok",
    "many equal headers": LINE + b"a: b\r\n" * 300 + b"content-length: 0\r\n\r\n",
    "large head of equal headers, with body": LINE
    + (b"a: " + b"b" * 1000 + b"\r\n") * 70
    + b"content-length: 2\r\n\r\nok",
    "many headers": LINE + b"".join(b"a%d: b\r\n" % n for n in range(300)) + b"content-length: 0\r\n\r\n",
    "endless interim": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
    "trailer bomb": LINE + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 100_000,
    "chunk extension bomb": LINE + b"transfer-encoding: chunked\r\n\r\n2;" + b"x" * 600_000,
    "unknown coding": LINE + b"content-encoding: br\r\ncontent-length: 2\r\n\r\nok",
    "damaged gzip": LINE + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\xff\xff",
    "short gzip": LINE + b"content-encoding: gzip\r\ncontent-length: 14\r\n\r\n" + gzip.compress(b"hello")[:14],
}


def fault_of(run: Run, handler: Handler, timeouts: Timeouts = QUICK, body: bytes = b"{}") -> Fault:
    """The fault that one exchange with `handler` ends in. Nothing of a secret may be in it."""

    async def main() -> Fault:
        async with serving(handler) as server:
            client = HttpClient()
            try:
                with pytest.raises(Fault) as caught:
                    response = await client.send(server.head(), body, timeouts=timeouts)
                    await response.read(1 << 24)
                assert "0 active" in repr(client)
                return caught.value
            finally:
                await client.aclose()

    fault: Fault = run(main)
    assert "sk-secret" not in repr(fault) and "/v1" not in repr(fault)
    assert "localhost" in fault.message
    return fault


@pytest.mark.parametrize("name", GOOD)
def test_good_answers(run: Run, name: str) -> None:
    answer, method, status, body, kept = GOOD[name]

    async def main() -> None:
        async with serving(answering(answer, close="until end" in name or name == "identity")) as server:
            client = HttpClient()
            response = await client.send(server.head(method), b"", timeouts=QUICK)
            assert response.status == status
            assert await response.read(1000) == body
            assert await response.chunk() == b""
            response.close()
            idle = int(kept)
            assert repr(client) == f"<HttpClient [Origins: {idle} | Connections: 0 active, {idle} idle]>"
            await client.aclose()

    run(main)


@pytest.mark.parametrize("name", BAD)
def test_bad_answers(run: Run, name: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(BAD[name])
        await peer.gone()

    fault = fault_of(run, handler)
    assert fault.kind == "protocol"
    assert fault.status == 502


def test_headers_are_lower_case_and_trimmed_and_trailers_are_dropped(run: Run) -> None:
    async def main() -> None:
        answer = LINE + b"X-A:  1 \t\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
        async with serving(answering(answer + b"0\r\nx-late: 1\r\n\r\n")) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.read(10) == b""
            names = {b"x-a", b"set-cookie", b"transfer-encoding"}
            assert response.headers.keys() == names
            assert response.header(b"x-a") == b"1"
            assert response.header(b"set-cookie") == b"a"
            assert response.header(b"x-late") is None
            await client.aclose()

    run(main)


def test_the_request_arrives_as_given(run: Run) -> None:
    large = bytes(range(256)) * 20_000
    seen: list[tuple[bytes, bytes]] = []

    async def handler(peer: Peer) -> None:
        while True:
            seen.append(await peer.request())
            await peer.say(OK)

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            for method, body in (
                ("POST", b"{}"),
                ("POST", b""),
                ("GET", b""),
                ("POST", large),
                ("PUT", large[:131072]),
            ):
                response = await client.send(server.head(method), body, timeouts=QUICK)
                assert await response.read(10) == b"ok"
            assert len(server.peers) == 1
            await client.aclose()

    run(main)
    assert [body for _, body in seen] == [b"{}", b"", b"", large, large[:131072]]
    lengths = [head.split(b"content-length: ")[1:] for head, _ in seen]
    assert lengths == [[b"2\r\n\r\n"], [b"0\r\n\r\n"], [], [b"5120000\r\n\r\n"], [b"131072\r\n\r\n"]]
    assert seen[0][0].startswith(b"POST /v1?key=sk-secret HTTP/1.1\r\nhost: localhost:")


@pytest.mark.parametrize("name", ["sized", "chunked", "interim", "until end"])
def test_every_split_of_an_answer_gives_the_same(run: Run, name: str) -> None:
    answer, _, status, body, _ = GOOD[name]

    async def handler(peer: Peer) -> None:
        """Reads where to split from the request, so that one connection serves many splits."""
        while True:
            _, at = await peer.request()
            await peer.say(answer[: int(at)])
            await asyncio.sleep(0.001)
            await peer.say(answer[int(at) :])
            if name == "until end":
                return

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            for at in range(len(answer)):
                response = await client.send(server.head(), b"%d" % at, timeouts=QUICK)
                assert (response.status, await response.read(100)) == (status, body)
            await client.aclose()

    run(main)


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("name", ["sized", "chunked", "interim"])
def test_an_answer_cut_at_any_byte_is_a_fault(run: Run, name: str, how: str) -> None:
    answer, _, status, body, _ = GOOD[name]
    whole = answer.index(b"\r\n0\r\n") if name == "chunked" else len(answer)

    async def handler(peer: Peer) -> None:
        _, at = await peer.request()
        await peer.say(answer[: int(at)])
        if how == "reset":
            await asyncio.sleep(0.001)
            peer.reset()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            for at in range(len(answer)):
                with pytest.raises(Fault) as caught:
                    response = await client.send(server.head(), b"%d" % at, timeouts=QUICK)
                    got = b""
                    while chunk := await response.chunk():
                        got += chunk
                        assert body.startswith(got)
                assert caught.value.kind == "protocol", at
                assert ("before it answered" if at == 0 else "in the middle") in caught.value.message
            assert whole
            response = await client.send(server.head(), b"%d" % len(answer), timeouts=QUICK)
            assert (response.status, await response.read(100)) == (status, body)
            await client.aclose()

    run(main)


@pytest.mark.parametrize("name", ["sized", "chunked"])
def test_an_answer_cut_at_any_byte_is_a_fault_over_tls(run: Run, name: str, tls: Tls) -> None:
    answer = GOOD[name][0]

    async def handler(peer: Peer) -> None:
        _, at = await peer.request()
        await peer.say(answer[: int(at)])
        peer.writer.transport.abort()  # without the closing alert

    async def main() -> None:
        async with serving(handler, tls.server) as server:
            client = HttpClient(ssl_context=tls.client)
            for at in range(0, len(answer), 5):
                with pytest.raises(Fault) as caught:
                    await (await client.send(server.head(), b"%d" % at, timeouts=QUICK)).read(100)
                assert caught.value.kind == "protocol"
            await client.aclose()

    run(main)


@pytest.mark.parametrize("proper", [True, False])
def test_a_body_without_length_over_tls_ends_with_the_closing_alert_only(run: Run, tls: Tls, proper: bool) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE + b"\r\nhello")
        if not proper:
            await asyncio.sleep(0.01)
            peer.writer.transport.abort()

    async def main() -> None:
        async with serving(handler, tls.server) as server:
            client = HttpClient(ssl_context=tls.client)
            response = await client.send(server.head(), b"", timeouts=QUICK)
            if proper:
                assert await response.read(100) == b"hello"
            else:
                with pytest.raises(Fault, match="in the middle"):
                    await response.read(100)
            await client.aclose()

    run(main)


def test_what_arrived_before_a_cut_is_delivered_first(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            await asyncio.sleep(0.05)
            assert await response.chunk() == b"hello"
            for _ in range(2):
                with pytest.raises(Fault, match="in the middle"):
                    await response.chunk()
            await client.aclose()

    run(main)


def test_a_never_ending_head_is_given_up(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE)
        while True:
            await peer.say(b"x-more: and more\r\n" * 100)

    fault = fault_of(run, handler)
    assert fault.kind == "protocol"


def test_an_early_answer_is_delivered_and_the_connection_closed(run: Run) -> None:
    left = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large")
        await asyncio.sleep(0.1)
        await peer.gone()
        left.set()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), bytes(30_000_000), timeouts=QUICK)
            assert response.status == 413
            assert await response.read(100) == b"too large"
            assert repr(client) == "<HttpClient [Origins: 0 | Connections: 0 active, 0 idle]>"
            async with asyncio.timeout(2):
                await left.wait()
            await client.aclose()

    run(main)


def test_an_early_answer_survives_the_reset_that_follows_it(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\nconnection: close\r\n\r\ntoo large")
        await asyncio.sleep(0.05)  # and then the socket closes with the body unread: a reset

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            for _ in range(5):
                response = await client.send(server.head(), bytes(30_000_000), timeouts=QUICK)
                assert response.status == 413
                assert await response.read(100) == b"too large"
            await client.aclose()

    run(main)


def test_an_answer_may_start_before_the_request_has_ended(run: Run) -> None:
    """Unusual, but legal: the whole request still arrives."""
    size = 5_000_000

    async def handler(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(LINE + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await asyncio.sleep(0.05)
        await peer.reader.readexactly(size)
        await peer.say(b"4\r\ndone\r\n0\r\n\r\n")
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), bytes(size), timeouts=QUICK)
            assert await response.read(100) == b"hellodone"
            assert repr(client) == "<HttpClient [Origins: 1 | Connections: 0 active, 1 idle]>"
            await client.aclose()

    run(main)


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_slow_reader_stops_the_upstream(run: Run, tls: Tls, over_tls: bool) -> None:
    total = 200 * 100_000
    sent = 0

    async def handler(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.say(LINE + b"content-length: %d\r\n\r\n" % total)
        for _ in range(200):
            await peer.say(bytes(100_000))
            sent += 100_000
        await peer.gone()

    async def main() -> None:
        async with serving(handler, tls.server if over_tls else None) as server:
            client = HttpClient(ssl_context=tls.client)
            response = await client.send(server.head(), b"", timeouts=structs.replace(QUICK, idle=0.2))
            await asyncio.sleep(0.5)  # longer than the idle timeout: the reader is slow, not the upstream
            assert response.size < 1_000_000
            assert sent < total
            held = sent
            await asyncio.sleep(0.1)
            assert sent == held
            size = 0
            while chunk := await response.chunk():
                size += len(chunk)
                assert len(chunk) < 1_000_000
            assert size == total
            assert repr(client) == "<HttpClient [Origins: 1 | Connections: 0 active, 1 idle]>"
            await client.aclose()

    run(main)


@pytest.mark.parametrize("sized", [True, False])
def test_a_slow_reader_over_tls_gets_what_came_before_the_close(run: Run, tls: Tls, sized: bool) -> None:
    """uvloop drops what a paused TLS transport holds when its peer closes; the transport below it must be paused."""
    total = 3_000_000

    async def handler(peer: Peer) -> None:
        await peer.request()
        length = b"content-length: %d\r\n" % total if sized else b""
        await peer.say(LINE + b"connection: close\r\n" + length + b"\r\n" + bytes(total))

    async def main() -> None:
        async with serving(handler, tls.server) as server:
            client = HttpClient(ssl_context=tls.client)
            response = await client.send(server.head(), b"", timeouts=QUICK)
            size = 0
            while chunk := await response.chunk():
                size += len(chunk)
                await asyncio.sleep(0.01)
            assert size == total
            await client.aclose()

    run(main)


def test_what_is_there_is_read_without_a_wait(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(SIZED, SIZED)) as server:
            client = HttpClient()
            for whole in (True, False):
                response = await client.send(server.head(), b"", timeouts=QUICK)
                await asyncio.sleep(0.05)
                reading = response.read(100) if whole else response.chunk()
                with pytest.raises(StopIteration) as caught:
                    reading.send(None)
                assert caught.value.value == b"hello world"
            await client.aclose()

    run(main)


def test_no_task_is_made_for_a_request_on_an_idle_connection(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(*[SIZED] * 20)) as server:
            client = HttpClient()
            await (await client.send(server.head(), b"", timeouts=QUICK)).read(100)
            loop = asyncio.get_running_loop()
            made: list[str] = []

            def factory(loop: asyncio.AbstractEventLoop, coro: Any, **rest: Any) -> "asyncio.Task[Any]":
                made.append(str(coro))
                return asyncio.Task(coro, loop=loop, **rest)

            loop.set_task_factory(factory)
            for _ in range(10):
                assert await (await client.send(server.head(), b"", timeouts=QUICK)).read(100) == b"hello world"
            loop.set_task_factory(None)
            assert made == []
            await client.aclose()

    run(main)


def test_a_limit_counts_decoded_bytes(run: Run) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    answer = LINE + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(bomb), bomb)

    async def main() -> None:
        async with serving(answering(answer, answer, SIZED)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert len(await response.read(10_000_000)) == 10_000_000
            response = await client.send(server.head(), b"", timeouts=QUICK)
            with pytest.raises(Fault, match="larger than 9999999 bytes"):
                await response.read(9_999_999)
            response = await client.send(server.head(), b"", timeouts=QUICK)
            with pytest.raises(Fault, match="larger than 10 bytes"):
                await response.read(10)
            await client.aclose()

    run(main)


def test_events_come_decoded_as_they_come(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n")
        maker = zlib.compressobj(wbits=31)
        for i in range(3):
            part = maker.compress(b"data: %d\n\n" % i) + maker.flush(zlib.Z_SYNC_FLUSH)
            await peer.say(b"%x\r\n%b\r\n" % (len(part), part))
            await peer.reader.readexactly(1)  # go on when the client has seen it
        part = maker.flush()
        await peer.say(b"%x\r\n%b\r\n0\r\n\r\n" % (len(part), part))
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            for i in range(3):
                assert await response.chunk() == b"data: %d\n\n" % i
                server.peers[0].reader.feed_data(b"x")
            assert await response.chunk() == b""
            await client.aclose()

    run(main)


# Time


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def half_a_head(peer: Peer) -> None:
    await peer.request()
    for char in LINE * 100:
        await peer.say(bytes([char]))
        await asyncio.sleep(0.02)


async def half_a_body(peer: Peer) -> None:
    await peer.request()
    await peer.say(SIZED[:-3])
    await peer.gone()


async def drip(peer: Peer) -> None:
    await peer.request()
    await peer.say(LINE + b"\r\n")
    while True:
        await peer.say(b"x")
        await asyncio.sleep(0.02)


async def deaf(peer: Peer) -> None:
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(10)


@pytest.mark.parametrize(
    ("handler", "changes", "words"),
    [
        (silent, {"first_byte": 0.15}, "did not answer within 0.15 s (first byte timeout)"),
        (half_a_head, {"first_byte": 0.15}, "did not answer within 0.15 s (first byte timeout)"),
        (half_a_body, {"idle": 0.15}, "sent nothing for 0.15 s in the middle of its answer (idle timeout)"),
        (drip, {"idle": 0.1, "total": 0.3}, "did not finish within 0.3 s in all (total timeout)"),
        (silent, {"first_byte": None, "total": 0.2}, "did not finish within 0.2 s in all (total timeout)"),
        (deaf, {"write": 0.2, "first_byte": 9}, "did not take the request within 0.2 s (write timeout)"),
    ],
    ids=["silent", "half a head", "half a body", "drip", "total only", "deaf"],
)
def test_timeouts_name_the_phase(
    run: Run, handler: Callable[[Peer], Awaitable[None]], changes: dict[str, float | None], words: str
) -> None:
    began = time.monotonic()
    fault = fault_of(run, handler, structs.replace(QUICK, **changes), bytes(30_000_000) if handler is deaf else b"{}")
    assert fault.kind == "timeout"
    assert fault.status == 504
    assert fault.message == f"localhost {words}."
    due = min(value for value in changes.values() if value is not None)
    assert due * 0.9 <= time.monotonic() - began < due + 1.5


def test_a_slow_but_steady_upload_is_no_timeout(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        left = 3_000_000
        while left:
            left -= len(await peer.reader.read(65536))
            await asyncio.sleep(0.01)
        await peer.say(OK)
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            timeouts = structs.replace(QUICK, write=0.25, first_byte=0.5)
            response = await client.send(server.head(), bytes(3_000_000), timeouts=timeouts)
            assert await response.read(10) == b"ok"
            await client.aclose()

    run(main)


def test_a_steady_drip_is_no_idle_timeout(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(SIZED[:-11])
        for char in b"hello world":
            await asyncio.sleep(0.05)
            await peer.say(bytes([char]))
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=structs.replace(QUICK, first_byte=0.2, idle=0.2))
            assert await response.read(100) == b"hello world"
            await client.aclose()

    run(main)


# Leaving


async def cancelled(work: Awaitable[object], after: float = 0.05) -> None:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("phase", ["write", "head", "body", "close"])
@pytest.mark.parametrize("over_tls", [False, True])
def test_who_leaves_closes_the_connection_at_once(run: Run, tls: Tls, phase: str, over_tls: bool) -> None:
    gone: list[float] = []

    async def handler(peer: Peer) -> None:
        if phase == "write":
            await peer.reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.2)
        else:
            await peer.request()
        if phase in ("body", "close"):
            await peer.say(SIZED[:-5])
        await peer.gone()
        gone.append(time.monotonic())

    async def leave(response: Response) -> None:
        if phase == "close":
            response.close()
            response.close()
            with pytest.raises(Fault, match="closed before its end"):
                await response.chunk()
        else:
            assert await response.chunk() == b"hello "
            await cancelled(response.chunk())

    async def main() -> None:
        async with serving(handler, tls.server if over_tls else None) as server:
            client = HttpClient(ssl_context=tls.client)
            sending = client.send(server.head(), bytes(30_000_000) if phase == "write" else b"", timeouts=QUICK)
            if phase in ("write", "head"):
                await cancelled(sending)
            else:
                await leave(await sending)
            left = time.monotonic()
            assert repr(client) == "<HttpClient [Origins: 0 | Connections: 0 active, 0 idle]>"
            while not gone:
                assert time.monotonic() < left + 1
                await asyncio.sleep(0.01)
            await client.aclose()

    run(main)


def test_repr_of_a_connection_and_a_response(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(SIZED, SIZED[:-1])) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.read(100) == b"hello world"
            assert repr(response) == "<Response 200 [ended, 0 bytes unread]>"
            [connection] = client._connections
            assert repr(connection) == "<Connection [localhost, idle, reused]>"
            response = await client.send(server.head(), b"", timeouts=QUICK)
            await asyncio.sleep(0.05)
            assert repr(response) == "<Response 200 [open, 10 bytes unread]>"
            assert repr(connection) == "<Connection [localhost, body, reused]>"
            response.close()
            assert repr(response) == "<Response 200 [failed, 0 bytes unread]>"
            assert repr(connection) == "<Connection [localhost, closed, reused]>"
            await client.aclose()

    run(main)
