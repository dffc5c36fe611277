"""One client connection over real sockets: what is read, what is written, and what ends it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.hostile.raw import Reply, replies
from tests.server.conftest import Run
from uni_api.errors import Denied
from uni_api.server import Bounds
from uni_api.server.connection import MAX_HEAD, MAX_QUEUE, Connection, Date
from uni_api.server.request import Request
from uni_api.transport.outbox import Outbox

BOUNDS = Bounds(max_body=1000, head_time=10, body_time=20, keep_alive=30, stall_time=40)
GET = b"GET / HTTP/1.1\r\nhost: g\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n"


FRAMED = (b"5\r\nhello\r\n4\r\n y", memoryview(b"ou\r\n0\r\n\r\n"))


@dataclass
class Desk:
    """Does as the path says. `seen` are the requests handled, `left` the paths of those that were cancelled."""

    seen: list[Request] = field(default_factory=list)
    left: list[bytes] = field(default_factory=list)
    written: int = 0

    def admit(self, request: Request, /) -> Denied | None:
        return Denied(401, "No.") if request.path == b"/refused" else None

    def begin(self, request: Request, out: Connection, /) -> "Chore":
        if request.path != b"/at-once":
            out.go_on()
        return Chore(self, request, out)

    async def handle(self, request: Request, out: Connection) -> None:
        self.seen.append(request)
        try:
            await self._answer(request, out)
        except asyncio.CancelledError:
            self.left.append(request.path)
            raise

    async def _answer(self, request: Request, out: Connection) -> None:
        if request.refusal is not None:
            out.respond(request.refusal.status, [], b"refused")
            return
        match request.path:
            case b"/stream":
                out.begin(200, [b"x-own: 1\r\n"], b"one ")
                await asyncio.sleep(0)
                out.write(b"two ")
                out.write(b"three")
                out.finish()
            case b"/late":
                out.begin(200, [], b"")
                out.write(b"late")
                out.finish()
            case b"/nothing":
                out.respond(204, [], b"")
            case b"/hang":
                await asyncio.Event().wait()
            case b"/half":
                out.begin(200, [], b"half")
                await asyncio.Event().wait()
            case b"/fail":
                raise ValueError("on purpose")
            case b"/slow":
                await asyncio.sleep(0.001)
                out.respond(200, [], request.query)
            case b"/flood":
                out.begin(200, [], b"x")
                while not out.gone:
                    out.write(bytes(65536))
                    self.written += 65536
                    if out.paused:
                        await out.drained()
                    await asyncio.sleep(0)
            case _:
                framed = FRAMED if request.path == b"/framed" else ()
                out.respond(200, [b"x-own: 1\r\n"], request.body or b"hello", framed=framed)


@dataclass
class Chore:
    """What a Desk does for one request. One for `/at-once` is begun, and waits to be told how it goes on."""

    desk: Desk
    request: Request
    out: Connection

    async def run(self) -> None:
        await self.desk.handle(self.request, self.out)

    def cancel(self) -> None:
        self.desk.left.append(self.request.path)


@dataclass
class Stage:
    """A listening server and what is behind it."""

    port: int
    desk: Desk
    open: set[Connection]

    @property
    def only(self) -> Connection:
        (connection,) = self.open
        return connection

    async def talk(self, *pieces: bytes) -> list[Reply]:
        """Send the pieces one after another; every response until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            return replies(await reader.read())
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def client(self, data: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A client that has sent `data`, which the server has read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await settled()
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def settled() -> None:
    """Long enough for bytes on the loopback to be read."""
    await asyncio.sleep(0.02)


async def came_true(condition: Callable[[], bool]) -> None:
    """Returns as soon as `condition` holds. Raises AssertionError after a second."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen within a second")


@asynccontextmanager
async def stage(bounds: Bounds = BOUNDS) -> AsyncIterator[Stage]:
    desk, siblings, date = Desk(), set[Connection](), Date()
    date.renew("Tue, 24 Nov 2026 00:00:00 GMT")
    loop = asyncio.get_running_loop()
    outbox = Outbox(loop)
    server = await loop.create_server(lambda: Connection(desk, bounds, siblings, date, outbox), "127.0.0.1", 0)
    try:
        yield Stage(server.sockets[0].getsockname()[1], desk, siblings)
    finally:
        server.close()
        for connection in list(siblings):
            connection.stop()
        await asyncio.sleep(0.01)


def now() -> float:
    return asyncio.get_running_loop().time()


def error_of(reply: Reply) -> Any:
    """The error object of a refusal that ends the connection."""
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["connection"] == "close"
    assert set(reply.json()) == {"error"}
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_a_request_is_handed_on_whole(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            body = b"POST /a%20b?x=1&y HTTP/1.1\r\nHost: g\r\nX-Two: a\r\nx-two:  b\r\ncontent-length: 4\r\n\r\nbody"
            first, second = await on.talk(body, LAST)
            assert (first.status, first.body, first.headers["x-own"]) == (200, b"body", "1")
            assert first.headers["date"] == "Tue, 24 Nov 2026 00:00:00 GMT"
            assert (second.body, second.headers["connection"]) == (b"hello", "close")
            assert "connection" not in first.headers
            one, two = on.desk.seen
            assert (one.method, one.path, one.query, one.body) == (b"POST", b"/a%20b", b"x=1&y", b"body")
            assert one.headers == {b"host": b"g", b"x-two": b"b", b"content-length": b"4"}
            assert one.id != two.id

    run(main)


START = b"POST / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
SIZED = START + b"Content-Length: 5\r\n\r\nabcde"


@pytest.mark.parametrize("data", [CHUNKED, SIZED], ids=["chunked", "sized"])
def test_every_split_of_a_request_gives_the_same(run: Run, data: bytes) -> None:
    async def main() -> None:
        async with stage() as on:
            for at in range(1, len(data)):
                (reply,) = await on.talk(data[:at], data[at:])
                assert (reply.status, reply.body) == (200, b"abcde"), at
            (reply,) = await on.talk(*(data[at : at + 1] for at in range(len(data))))
            assert reply.body == b"abcde"

    run(main)


def test_an_absolute_target_is_read_as_a_path(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            await on.talk(b"GET http://g:80/p/q?r HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n")
            assert (on.desk.seen[0].path, on.desk.seen[0].query) == (b"/p/q", b"r")

    run(main)


def test_a_stream_may_begin_with_nothing(run: Run) -> None:
    """An empty chunk would be its end."""

    async def main() -> None:
        async with stage() as on:
            late, after = await on.talk(GET.replace(b"/ ", b"/late ", 1), LAST)
            assert (late.status, late.body) == (200, b"late")
            assert after.body == b"hello"

    run(main)


def test_a_stream_is_chunked(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            stream, after = await on.talk(GET.replace(b"/ ", b"/stream ", 1), LAST)
            assert (stream.headers["transfer-encoding"], stream.body) == ("chunked", b"one two three")
            assert "content-length" not in stream.headers
            assert after.body == b"hello"

    run(main)


def test_a_body_in_chunks_is_sent_in_them(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            framed, after = await on.talk(GET.replace(b"/ ", b"/framed ", 1), LAST)
            assert (framed.headers["transfer-encoding"], framed.body) == ("chunked", b"hello you")
            assert "content-length" not in framed.headers
            assert after.body == b"hello"
            (old,) = await on.talk(b"GET /framed HTTP/1.0\r\n\r\n")
            assert (old.headers["content-length"], old.body) == ("9", b"hello you")
            assert "transfer-encoding" not in old.headers
            async with on.client(b"HEAD /framed HTTP/1.1\r\nhost: g\r\n\r\n" + LAST) as (reader, _):
                head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
            assert b"transfer-encoding: chunked" in head
            assert replies(rest)[0].body == b"hello"

    run(main)


@pytest.mark.parametrize("keep", [b"", b"connection: keep-alive\r\n"], ids=["close", "keep-alive"])
def test_an_old_client_gets_a_stream_that_ends_with_the_connection(run: Run, keep: bytes) -> None:
    """Source: RFC 9112, 6.1: no transfer coding for a client that did not say HTTP/1.1."""

    async def main() -> None:
        async with stage() as on:
            (reply,) = await on.talk(b"GET /stream HTTP/1.0\r\n" + keep + b"\r\n")
            assert reply.body == b"one two three"
            assert "transfer-encoding" not in reply.headers
            assert reply.headers["connection"] == "close"

    run(main)


def test_an_old_client_gets_a_whole_answer(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            (reply,) = await on.talk(b"GET / HTTP/1.0\r\n\r\n")
            assert (reply.body, reply.headers["content-length"]) == (b"hello", "5")
            assert reply.headers["connection"] == "close"

    run(main)


def test_head_gets_the_head(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            async with on.client(b"HEAD / HTTP/1.1\r\nhost: g\r\n\r\n" + LAST) as (reader, _):
                data = await reader.read()
            head, _, rest = data.partition(b"\r\n\r\n")
            assert b"content-length: 5" in head
            assert rest.startswith(b"HTTP/1.1 200")
            assert replies(rest)[0].body == b"hello"

    run(main)


def test_no_content_has_no_body_and_no_length(run: Run) -> None:
    """Source: RFC 9110, 8.6."""

    async def main() -> None:
        async with stage() as on:
            async with on.client(GET.replace(b"/ ", b"/nothing ", 1) + LAST) as (reader, _):
                data = await reader.read()
            head, _, rest = data.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 204 ") and b"content-length" not in head
            (second,) = replies(rest)
            assert second.body == b"hello"

    run(main)


def test_requests_sent_ahead_are_answered_in_order(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            count = MAX_QUEUE * 3
            ahead = [b"GET /slow?%d HTTP/1.1\r\nhost: g\r\n\r\n" % number for number in range(count)]
            found = await on.talk(b"".join(ahead) + LAST)
            assert [reply.body for reply in found] == [*(b"%d" % number for number in range(count)), b"hello"]

    run(main)


def test_requests_sent_ahead_of_noise_are_answered(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            found = await on.talk(b"GET /slow?1 HTTP/1.1\r\nhost: g\r\n\r\nnoise\r\n\r\n")
            assert found[0].body == b"1"
            assert [reply.status for reply in found[1:]] in ([], [400])

    run(main)


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "words", "version", "colon", "length", "two framings", "http/2"],
)
def test_noise_is_a_clear_400(run: Run, noise: bytes) -> None:
    async def main() -> None:
        async with stage() as on:
            (reply,) = await on.talk(noise)
            assert reply.status == 400
            assert error_of(reply)["type"] == "invalid_request_error"
            assert on.desk.seen == []

    run(main)


def test_a_head_that_does_not_end_is_a_clear_431(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            start = b"GET / HTTP/1.1\r\nhost: g\r\nx-long: "
            async with on.client(start) as (reader, writer):
                writer.write(b"y" * (MAX_HEAD + 1))
                (reply,) = replies(await reader.read())
            assert reply.status == 431
            assert "too large" in error_of(reply)["message"]
            (reply,) = await on.talk(start + b"y" * (MAX_HEAD // 2) + b"\r\nconnection: close\r\n\r\n")
            assert reply.status == 200

    run(main)


def test_large_bodies_do_not_count_as_head(run: Run) -> None:
    async def main() -> None:
        async with stage(Bounds(max_body=10 * MAX_HEAD)) as on:
            body = bytes(4 * MAX_HEAD)
            head = b"POST / HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n" % len(body)
            first, second = await on.talk(head + body, LAST)
            assert (len(first.body), second.body) == (len(body), b"hello")

    run(main)


def test_a_body_past_the_limit_is_refused_on_the_way(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            head = b"POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n"
            async with on.client(head + b"258\r\n" + bytes(600) + b"\r\n258\r\n" + bytes(600) + b"\r\n") as (reader, _):
                assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
            refusal = on.desk.seen[0].refusal
            assert refusal is not None
            assert (refusal.status, refusal.code, on.desk.seen[0].body) == (413, "request_too_large", b"")

    run(main)


def test_a_refusal_does_not_wait_for_the_body(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            head = b"POST /refused HTTP/1.1\r\nhost: g\r\ncontent-length: 9\r\n\r\n"
            async with on.client(head) as (reader, writer):
                assert (await reader.readuntil(b"refused")).startswith(b"HTTP/1.1 401 ")
                # The body that comes after all is passed over, and the connection serves on.
                writer.write(b"123456789" + LAST)
                (reply,) = replies(await reader.read())
                assert (reply.status, reply.body) == (200, b"hello")

    run(main)


def test_a_client_that_asks_first_is_told_to_continue(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            head = (
                b"POST / HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
            )
            async with on.client(head) as (reader, writer):
                assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                writer.write(b"ok")
                assert replies(await reader.read())[0].body == b"ok"
            (reply,) = await on.talk(head.replace(b"/ ", b"/refused ", 1).replace(b"connection: close\r\n", b""))
            assert (reply.status, reply.headers["connection"]) == (401, "close")

    run(main)


def test_an_upgrade_is_passed_over(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            asked = b"GET / HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            (reply,) = await on.talk(asked)
            assert (reply.status, reply.body) == (200, b"hello")

    run(main)


@pytest.mark.parametrize("path", [b"/hang", b"/half", b"/flood"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_cancels_its_exchange(run: Run, path: bytes, how: str) -> None:
    async def main() -> None:
        async with stage() as on:
            async with on.client(GET.replace(b"/ ", path + b" ", 1)) as (_, writer):
                assert on.only.busy
                if how == "close":
                    writer.close()
                else:
                    writer.transport.abort()
                await came_true(lambda: not on.open)
            await came_true(lambda: on.desk.left == [path])

    run(main)


def test_a_client_that_leaves_takes_what_it_sent_ahead_along(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            async with on.client(GET.replace(b"/ ", b"/hang ", 1) + GET + GET) as (_, writer):
                writer.close()
                await came_true(lambda: not on.open)
            await settled()
            assert [request.path for request in on.desk.seen] == [b"/hang"]

    run(main)


def test_a_client_that_does_not_read_stops_the_writing(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            reader, writer = await asyncio.open_connection("127.0.0.1", on.port, limit=1)
            writer.write(GET.replace(b"/ ", b"/flood ", 1))
            await came_true(lambda: bool(on.open) and on.only.paused)
            before = on.desk.written
            await settled()
            assert on.desk.written == before
            on.only.check(now() + BOUNDS.stall_time - 1)
            assert on.open
            while on.desk.written == before:
                await reader.read(1 << 20)
            await came_true(lambda: on.only.paused)
            on.only.check(now() + BOUNDS.stall_time + 1)
            await came_true(lambda: not on.open)
            writer.transport.abort()

    run(main)


def test_a_handler_that_fails_ends_the_connection_and_is_logged(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with stage() as on:
            assert await on.talk(GET.replace(b"/ ", b"/fail ", 1)) == []
            assert (await on.talk(LAST))[0].status == 200

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "on purpose" in caplog.text


HALF_HEAD = b"POST / HTTP/1.1\r\nhost: g\r\n"
HALF_BODY = HALF_HEAD + b"content-length: 9\r\n\r\n123"


@pytest.mark.parametrize(
    ("data", "limit", "message"),
    [
        (HALF_HEAD, BOUNDS.head_time, "The request did not arrive in time."),
        (HALF_BODY, BOUNDS.body_time, "The request body did not arrive in time."),
    ],
    ids=["head", "body"],
)
def test_who_dawdles_is_told_so(run: Run, data: bytes, limit: float, message: str) -> None:
    async def main() -> None:
        async with stage() as on, on.client(data) as (reader, _):
            on.only.check(now() + limit - 1)
            await settled()
            assert on.open
            on.only.check(now() + limit + 1)
            (reply,) = replies(await reader.read())
            assert (reply.status, error_of(reply)["message"]) == (408, message)
            assert on.desk.seen == []

    run(main)


@pytest.mark.parametrize("data", [b"", GET], ids=["new", "used"])
def test_an_idle_connection_is_closed_without_a_word(run: Run, data: bytes) -> None:
    async def main() -> None:
        async with stage() as on, on.client(data) as (reader, _):
            on.only.check(now() + BOUNDS.keep_alive - 1)
            await settled()
            assert on.open
            on.only.check(now() + BOUNDS.keep_alive + 1)
            found = replies(await reader.read())
            assert [reply.status for reply in found] == ([200] if data else [])

    run(main)


def test_an_exchange_may_take_its_time(run: Run) -> None:
    async def main() -> None:
        async with stage() as on, on.client(GET.replace(b"/ ", b"/hang ", 1)):
            on.only.check(now() + 100_000)
            await settled()
            assert on.open and on.only.busy and on.desk.left == []

    run(main)


def test_stopping_cancels_what_is_under_way_and_closes_the_rest(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            async with on.client(GET.replace(b"/ ", b"/hang ", 1)) as (reader, _):
                task = on.only.stop()
                assert task is not None
                await task
                assert await reader.read() == b""
            assert on.desk.left == [b"/hang"]
            async with on.client(GET) as (reader, _):
                assert on.only.stop() is None
                assert replies(await reader.read())[0].status == 200

    run(main)


def test_what_is_written_after_the_client_left_goes_nowhere(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            async with on.client(GET.replace(b"/ ", b"/half ", 1)) as (_, writer):
                connection = on.only
                writer.close()
                await came_true(lambda: connection.gone)
            connection.write(b"x")
            connection.finish()
            connection.respond(200, [], b"x")
            connection.begin(200, [], b"x")
            await connection.drained()
            assert repr(connection).startswith("<Connection gone")

    run(main)


def test_json_of_a_refusal_is_json(run: Run) -> None:
    async def main() -> None:
        async with stage() as on:
            (reply,) = await on.talk(b"noise\r\n\r\n")
            assert int(reply.headers["content-length"]) == len(reply.body)
            assert json.loads(reply.body)["error"]["code"] is None

    run(main)
