"""Requests that a connection answers without a task, between others, and what ends them in each of their states."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.hostile.raw import replies
from tests.server.conftest import Run
from tests.server.test_connection import Stage, came_true, settled
from uni_api.errors import Denied
from uni_api.server import Bounds
from uni_api.server.connection import MAX_QUEUE, Connection, Date
from uni_api.server.request import Request
from uni_api.transport.outbox import Outbox


def get(path: str, *, last: bool = False) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: g\r\n{'connection: close' if last else 'x: y'}\r\n\r\n".encode()


@dataclass
class Order:
    """What is done for one request. `/pending` waits until the test says what becomes of it."""

    desk: "Desk"
    request: Request
    out: Connection

    def respond(self) -> None:
        self.out.respond(200, [], self.request.query or self.request.path)

    def end(self) -> None:
        """Answer without a task."""
        self.desk.note("end", self.request)
        self.respond()
        self.out.over()

    async def run(self) -> None:
        self.desk.note("run", self.request)
        try:
            if self.request.path == b"/hang":
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            self.respond()
        except asyncio.CancelledError:
            self.desk.note("stopped", self.request)
            raise

    def cancel(self) -> None:
        self.desk.note("cancel", self.request)
        if not self.out.gone:
            self.out.respond(503, [], b"stopping")


@dataclass
class Desk:
    """Begins as the path says. `log` tells what happened to which request."""

    log: list[str] = field(default_factory=list)
    pending: list[Order] = field(default_factory=list)

    def note(self, word: str, request: Request) -> None:
        self.log.append(f"{word} {request.path.decode()}")

    def admit(self, request: Request, /) -> Denied | None:
        return None

    def begin(self, request: Request, out: Connection, /) -> Order:
        order = Order(self, request, out)
        match request.path:
            case b"/pending":
                self.pending.append(order)
            case b"/soon":
                asyncio.get_running_loop().call_soon(order.end)
            case b"/within":
                order.end()
            case b"/broken":
                raise ValueError("on purpose")
            case _:
                out.go_on()
        return order


@asynccontextmanager
async def desk() -> AsyncIterator[tuple[Stage, Desk]]:
    """A server that is asked for nothing but to be quiet: what its loop complains of fails the test."""
    made, siblings, date = Desk(), set[Connection](), Date()
    date.renew("Tue, 24 Nov 2026 00:00:00 GMT")
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, told: complaints.append(repr(told)))
    outbox = Outbox(loop)
    server = await loop.create_server(lambda: Connection(made, Bounds(), siblings, date, outbox), "127.0.0.1", 0)
    try:
        yield Stage(server.sockets[0].getsockname()[1], made, siblings), made  # type: ignore[arg-type]
    finally:
        server.close()
        for connection in list(siblings):
            connection.stop()
        await settled()
    assert not siblings
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert complaints == []


async def pending(made: Desk) -> Order:
    await came_true(lambda: bool(made.pending))
    return made.pending.pop()


def test_an_errand_may_end_without_a_task(run: Run) -> None:
    async def main() -> None:
        async with desk() as (on, made), on.client(get("/pending")) as (reader, writer):
            order = await pending(made)
            assert on.only.busy
            order.end()
            assert not on.only.busy
            assert b"/pending" in await reader.readuntil(b"/pending")
            writer.write(get("/task", last=True))
            assert replies(await reader.read())[0].body == b"/task"
            assert made.log == ["end /pending", "run /task"]

    run(main)


def test_an_errand_may_go_on_in_a_task_later(run: Run) -> None:
    async def main() -> None:
        async with desk() as (on, made), on.client(get("/pending")) as (reader, writer):
            for _ in range(3):
                (await pending(made)).out.go_on()
                await reader.readuntil(b"/pending")
                writer.write(get("/pending"))
            (await pending(made)).end()
            await reader.readuntil(b"/pending")
            assert made.log == ["run /pending"] * 3 + ["end /pending"]

    run(main)


def test_a_client_that_leaves_cancels_what_is_pending_once(run: Run) -> None:
    async def main() -> None:
        async with desk() as (on, made):
            async with on.client(get("/pending") + get("/task")):
                connection = (await pending(made)).out
            await came_true(lambda: connection.gone)
            await settled()
            assert made.log == ["cancel /pending"]

    run(main)


def test_what_was_answered_is_not_cancelled_when_the_client_leaves(run: Run) -> None:
    async def main() -> None:
        async with desk() as (on, made):
            for path in ("/soon", "/within", "/task"):
                async with on.client(get(path)) as (reader, _):
                    await reader.readuntil(path.encode())
                await came_true(lambda: not on.open)
            assert made.log == ["end /soon", "end /within", "run /task"]

    run(main)


@pytest.mark.parametrize("woken", [False, True], ids=["first", "woken"])
@pytest.mark.parametrize("how", ["leaves", "stops"])
def test_a_task_that_has_not_started_never_does(run: Run, how: str, woken: bool) -> None:
    async def main() -> None:
        async with desk() as (on, made):
            async with on.client(get("/task") if woken else b"") as (reader, writer):
                if woken:
                    await reader.readuntil(b"/task")
                    made.log.clear()
                writer.write(get("/pending"))
                order = await pending(made)
                if how == "stops":
                    order.out.go_on()
                    assert order.out.stop() is None
                    assert replies(await reader.read())[0].status == 503
                else:
                    _goes_on_when_lost(order)
            await settled()
            assert made.log == ["cancel /pending"]

    run(main)


def _goes_on_when_lost(order: Order) -> None:
    """There is news for `order` right before it is told that its client has left."""
    connection = order.out
    lost = connection.connection_lost

    def told(exc: Exception | None) -> None:
        connection.go_on()
        lost(exc)

    connection.connection_lost = told  # type: ignore[method-assign]


@pytest.mark.parametrize("path", ["/pending", "/hang"])
@pytest.mark.parametrize("ahead", [b"", get("/task"), get("/soon")], ids=["alone", "after a task", "after none"])
def test_stopping_ends_the_connection_in_every_state(run: Run, path: str, ahead: bytes) -> None:
    async def main() -> None:
        async with desk() as (on, made), on.client(ahead + get(path) + get("/task")) as (reader, _):
            await came_true(lambda: bool(made.pending) or "run /hang" in made.log)
            task = on.only.stop()
            assert (task is not None) is (path == "/hang")
            if task is not None:
                await task
            found = replies(await reader.read())
            assert [reply.status for reply in found] == [200] * bool(ahead) + [503] * (path == "/pending")
            assert made.log[-1] == ("stopped /hang" if path == "/hang" else "cancel /pending")
            assert made.log.count("run /task") == (ahead == get("/task"))

    run(main)


def test_stopping_twice_is_stopping(run: Run) -> None:
    async def main() -> None:
        async with desk() as (on, made), on.client(get("/pending")) as (reader, _):
            connection = (await pending(made)).out
            connection.stop()
            connection.stop()
            assert [reply.status for reply in replies(await reader.read())] == [503]
            assert made.log == ["cancel /pending"]

    run(main)


KINDS = ("/task", "/soon", "/within")


@pytest.mark.parametrize(
    "order", ["/task /soon /within", "/within /task /soon", "/soon /soon /task", "/within /within"]
)
def test_requests_sent_ahead_are_answered_in_order_whoever_answers_them(run: Run, order: str) -> None:
    async def main() -> None:
        async with desk() as (on, _):
            paths = (order.split() * MAX_QUEUE)[: 2 * MAX_QUEUE + 3]
            ahead = [get(f"{path}?{number}") for number, path in enumerate(paths)]
            found = await on.talk(b"".join(ahead) + get("/task", last=True))
            assert [reply.body for reply in found] == [*(b"%d" % number for number in range(len(paths))), b"/task"]

    run(main)


@pytest.mark.parametrize("path", KINDS)
def test_a_request_that_asks_for_it_is_the_last(run: Run, path: str) -> None:
    async def main() -> None:
        async with desk() as (on, made):
            for ahead in ("/task", "/soon"):
                found = await on.talk(get(ahead), get(path, last=True))
                assert [reply.body.decode() for reply in found] == [ahead, path]
                assert found[-1].headers["connection"] == "close"
            assert len(made.log) == 4

    run(main)


@pytest.mark.parametrize("ahead", ["", "/task", "/soon"])
def test_a_handler_that_fails_to_begin_ends_the_connection_and_is_logged(
    run: Run, ahead: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with desk() as (on, _):
            before = get(ahead) if ahead else b""
            found = await on.talk(before + get("/broken") + get("/task"))
            assert [reply.body.decode() for reply in found] == [ahead] * bool(ahead)

    with caplog.at_level(logging.ERROR, "uni_api.server"):
        run(main)
    assert [record.getMessage() for record in caplog.records] == ["a request failed"]
    assert "on purpose" in caplog.text
