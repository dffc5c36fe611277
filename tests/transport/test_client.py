"""The pool: what is used again, what is dropped, who waits."""

import asyncio
import socket

import pytest
from msgspec import structs

from tests.transport.conftest import Run
from tests.transport.servers import OK, QUICK, Peer, Server, answering, serving
from uni_api.errors import Fault
from uni_api.transport import HttpClient, Limits, Response, connection


async def ask(client: HttpClient, server: Server) -> bytes:
    response = await client.send(server.head(), b"{}", timeouts=QUICK)
    return await response.read(100)


async def forever(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.say(OK)


def shown(active: int, idle: int, origins: int | None = None) -> str:
    origins = origins if origins is not None else int(active + idle > 0)
    return f"<HttpClient [Origins: {origins} | Connections: {active} active, {idle} idle]>"


def test_the_connection_used_last_is_used_first(run: Run) -> None:
    asked: list[Peer] = []

    async def handler(peer: Peer) -> None:
        while True:
            await peer.request()
            asked.append(peer)
            await peer.say(OK)

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            assert repr(client) == shown(0, 0)
            await asyncio.gather(ask(client, server), ask(client, server))
            assert repr(client) == shown(0, 2)
            asked.clear()
            for _ in range(5):
                assert await ask(client, server) == b"ok"
            assert len(asked) == 5 and len(set(asked)) == 1
            await client.aclose()
            assert repr(client) == shown(0, 0)

    run(main)


def test_active_connections_are_counted(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(OK[:-1])) as one, serving(answering(OK[:-1])) as two:
            client = HttpClient()
            responses = [await client.send(server.head(), b"", timeouts=QUICK) for server in (one, one, two)]
            assert repr(client) == shown(3, 0, origins=2)
            responses[0].close()
            assert repr(client) == shown(2, 0, origins=2)
            await client.aclose()
            assert repr(client) == shown(0, 0)
            for response in responses[1:]:
                with pytest.raises(Fault, match="closed"):
                    await response.read(100)
            with pytest.raises(Fault, match="client is closed"):
                await client.send(one.head(), b"", timeouts=QUICK)

    run(main)


def test_idle_connections_are_bounded(run: Run) -> None:
    async def main() -> None:
        async with serving(forever) as server:
            client = HttpClient(limits=Limits(idle_per_route=2))
            await asyncio.gather(*(ask(client, server) for _ in range(5)))
            assert len(server.peers) == 5
            assert repr(client) == shown(0, 2)
            await client.aclose()

    run(main)


def test_idle_connections_expire(run: Run) -> None:
    async def main() -> None:
        async with serving(forever) as server:
            client = HttpClient(limits=Limits(idle_seconds=0.1))
            no_timer = structs.replace(QUICK, first_byte=None, idle=None)
            for _ in range(2):
                await (await client.send(server.head(), b"", timeouts=no_timer)).read(9)
                assert repr(client) == shown(0, 1)
            await asyncio.sleep(0.25)
            assert repr(client) == shown(0, 0)
            # A timer that is set for later, by another phase, does not lend the connection longer life.
            await ask(client, server)
            await asyncio.sleep(0.15)
            await ask(client, server)
            assert len(server.peers) == 3
            await client.aclose()

    run(main)


@pytest.mark.parametrize("what", ["end", "reset", "answer", "noise"])
def test_an_idle_connection_that_stirs_is_dropped(run: Run, what: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await asyncio.sleep(0.02)
        match what:
            case "reset":
                peer.reset()
            case "answer":
                await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")
                await peer.gone()
            case "noise":
                await peer.say(b"\r\n")
                await peer.gone()
            case _:
                pass

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            for _ in range(2):
                assert await ask(client, server) == b"ok"
                assert repr(client) == shown(0, 1)
                await asyncio.sleep(0.08)
                assert repr(client) == shown(0, 0)
            await client.aclose()

    run(main)


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_stale_connection_is_replaced_once(run: Run, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer closes just as the second request arrives: nothing of an answer was received."""
    monkeypatch.setattr(connection, "JUST_USED", 0.0)

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        if how == "reset":
            peer.reset()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            for expected in (1, 2, 3):
                assert await ask(client, server) == b"ok"
                assert len(server.peers) == expected
            await client.aclose()

    run(main)


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_connection_that_was_just_used_is_not_replaced(run: Run, how: str) -> None:
    """The peer has seen the request: asking again is another attempt, which is not for the client to make."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        if how == "reset":
            peer.reset()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            assert await ask(client, server) == b"ok"
            with pytest.raises(Fault, match="before it answered"):
                await ask(client, server)
            assert len(server.peers) == 1
            await client.aclose()

    run(main)


def test_a_fresh_connection_that_is_closed_is_not_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "JUST_USED", 0.0)

    async def handler(peer: Peer) -> None:
        await peer.request()
        if len(seen) == 1:
            await peer.say(OK)
            await peer.request()
        seen.append(peer)

    seen: list[Peer] = []

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            with pytest.raises(Fault, match="before it answered") as caught:
                await ask(client, server)
            assert caught.value.kind == "protocol"
            assert len(server.peers) == 1
            # The second connection answers once and leaves at the next request; the third leaves at once.
            assert await ask(client, server) == b"ok"
            with pytest.raises(Fault, match="before it answered"):
                await ask(client, server)
            assert len(server.peers) == 3
            assert repr(client) == shown(0, 0)
            await client.aclose()

    run(main)


def test_an_answer_that_has_begun_is_never_asked_for_again(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await peer.say(b"H")

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            assert await ask(client, server) == b"ok"
            with pytest.raises(Fault, match="in the middle"):
                await ask(client, server)
            assert len(server.peers) == 1
            await client.aclose()

    run(main)


def test_a_timeout_on_an_idle_connection_is_never_asked_again(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            assert await ask(client, server) == b"ok"
            with pytest.raises(Fault, match="first byte timeout"):
                await client.send(server.head(), b"", timeouts=structs.replace(QUICK, first_byte=0.1))
            assert len(server.peers) == 1
            await client.aclose()

    run(main)


def test_requests_wait_for_room(run: Run) -> None:
    peak = 0

    async def handler(peer: Peer) -> None:
        nonlocal peak
        while True:
            await peer.request()
            peak = max(peak, len(server_of[0].peers))
            await asyncio.sleep(0.002)
            await peer.say(OK)

    server_of: list[Server] = []

    async def main() -> None:
        async with serving(handler) as server:
            server_of.append(server)
            client = HttpClient(limits=Limits(connections=3))
            assert await asyncio.gather(*(ask(client, server) for _ in range(30))) == [b"ok"] * 30
            assert len(server.peers) == 3
            await client.aclose()

    run(main)
    assert peak == 3


def test_waiting_for_room_is_bounded_and_can_be_left(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(OK[:-1])) as server:
            client = HttpClient(limits=Limits(connections=1))
            held: Response = await client.send(server.head(), b"", timeouts=QUICK)
            with pytest.raises(Fault, match=r"no free connection within 0.1 s \(connect timeout\)") as caught:
                await client.send(server.head(), b"", timeouts=structs.replace(QUICK, connect=0.1))
            assert caught.value.kind == "timeout"
            leaver = asyncio.create_task(client.send(server.head(), b"", timeouts=QUICK))
            stayer = asyncio.create_task(client.send(server.head(), b"", timeouts=QUICK))
            await asyncio.sleep(0.02)
            leaver.cancel()
            held.close()
            assert (await stayer).status == 200
            assert leaver.cancelled()
            waiter = asyncio.create_task(client.send(server.head(), b"", timeouts=QUICK))
            await asyncio.sleep(0.02)
            await client.aclose()
            with pytest.raises(Fault, match="client is closed"):
                await waiter

    run(main)


def test_an_idle_connection_elsewhere_makes_room(run: Run) -> None:
    async def main() -> None:
        async with serving(forever) as one, serving(forever) as two:
            client = HttpClient(limits=Limits(connections=1))
            for server in (one, two, one):
                assert await ask(client, server) == b"ok"
                assert repr(client) == shown(0, 1)
            await client.aclose()

    run(main)


def test_redirects_are_not_followed(run: Run) -> None:
    async def main() -> None:
        answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        async with serving(answering(answer)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert (response.status, response.header(b"location")) == (302, b"http://127.0.0.1:1/")
            assert await response.read(10) == b""
            await client.aclose()

    run(main)


def test_silent_connections_are_kept_alive_by_the_kernel(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(OK[:-1])) as server:
            client = HttpClient()
            await client.send(server.head(), b"", timeouts=QUICK)
            [connection] = client._connections
            assert connection._transport is not None
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            await client.aclose()

    run(main)


async def told(response: Response) -> None:
    """Comes back when there is news of `response`."""
    news = asyncio.Event()
    response.news = news.set
    await news.wait()
    response.news = None


def test_nothing_is_sent_at_once_where_no_connection_idles(run: Run) -> None:
    async def main() -> None:
        async with serving(forever) as server:
            client = HttpClient()
            assert client.at_once(server.head(), b"{}", timeouts=QUICK) is None
            assert server.peers == []
            await ask(client, server)
            first = client.at_once(server.head(), b"{}", timeouts=QUICK)
            assert first is not None
            assert client.at_once(server.head(), b"{}", timeouts=QUICK) is None
            assert repr(client) == shown(1, 0)
            await told(first)
            assert (first.status, first.ended, first.at_hand()) == (200, True, b"ok")
            assert repr(client) == shown(0, 1)
            await client.aclose()
            assert client.at_once(server.head(), b"{}", timeouts=QUICK) is None

    run(main)


def test_what_was_sent_at_once_may_be_waited_for(run: Run) -> None:
    async def main() -> None:
        async with serving(forever) as server:
            client = HttpClient()
            for when in ("before", "after", "after news"):
                await ask(client, server)
                begun = client.at_once(server.head(), b"{}", timeouts=QUICK)
                assert begun is not None
                if when == "after":
                    await asyncio.sleep(0.02)
                elif when == "after news":
                    await told(begun)
                response = await client.send(server.head(), b"{}", timeouts=QUICK, begun=begun)
                assert response is begun and await response.read(9) == b"ok"
            assert len(server.peers) == 1
            await client.aclose()

    run(main)


@pytest.mark.parametrize("idle", [True, False])
@pytest.mark.parametrize("heard", [True, False], ids=["after news", "before"])
def test_what_was_sent_at_once_and_not_seen_is_sent_again_once(
    run: Run, heard: bool, idle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "JUST_USED", 0.0 if idle else 60.0)
    asked: list[bytes] = []

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        asked.append((await peer.request())[1])
        peer.reset()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            await ask(client, server)
            begun = client.at_once(server.head(), b"{}", timeouts=QUICK)
            assert begun is not None
            if heard:
                await told(begun)
                assert begun.unseen is idle and begun.status == 0
            if idle:
                response = await client.send(server.head(), b"{}", timeouts=QUICK, begun=begun)
                assert response is not begun and await response.read(9) == b"ok"
            else:
                with pytest.raises(Fault) as caught:
                    await client.send(server.head(), b"{}", timeouts=QUICK, begun=begun)
                assert caught.value.kind == "protocol"
            assert (asked, len(server.peers)) == ([b"{}"], 2 if idle else 1)
            await client.aclose()

    run(main)


def test_news_come_of_silence_too(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            await ask(client, server)
            begun = client.at_once(server.head(), b"{}", timeouts=structs.replace(QUICK, first_byte=0.05))
            assert begun is not None
            await told(begun)
            assert begun.fault is not None and begun.fault.kind == "timeout" and not begun.unseen
            with pytest.raises(Fault, match="first byte"):
                await client.send(server.head(), b"{}", timeouts=QUICK, begun=begun)
            assert len(server.peers) == 1
            await client.aclose()

    run(main)


def test_news_may_use_the_connection_again_at_once(run: Run) -> None:
    """Who hears that an answer has ended sends the next request over the very connection that brought it."""

    async def main() -> None:
        async with serving(forever) as server:
            client = HttpClient()
            await ask(client, server)
            done = asyncio.Event()
            found: list[bytes] = []

            def go_on() -> None:
                if found or begun:
                    response = begun.pop()
                    if not response.ended:
                        begun.append(response)
                        return
                    found.append(response.at_hand())
                if len(found) == 5:
                    done.set()
                    return
                response_or_none = client.at_once(server.head(), b"{}", timeouts=QUICK)
                assert response_or_none is not None
                response_or_none.news = go_on
                begun.append(response_or_none)

            begun: list[Response] = []
            go_on()
            await done.wait()
            assert (found, len(server.peers)) == ([b"ok"] * 5, 1)
            await client.aclose()

    run(main)


@pytest.mark.parametrize("when", ["before the head", "after news"])
def test_who_closes_what_was_sent_at_once_hears_nothing_more(run: Run, when: str) -> None:
    seen: list[str] = []

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        if when == "after news":
            await peer.say(OK[:-1])
        await peer.gone()
        seen.append("gone")

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            await ask(client, server)
            begun = client.at_once(server.head(), b"{}", timeouts=QUICK)
            assert begun is not None
            if when == "after news":
                await told(begun)
            else:
                await asyncio.sleep(0.02)  # the request has arrived
            begun.news = lambda: seen.append("news")
            begun.close()
            await asyncio.sleep(0.05)
            assert (seen, repr(client)) == (["gone"], shown(0, 0))
            assert not begun.unseen

    run(main)
