"""What a reader of a response is promised, whatever the upstream does."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import pytest
from msgspec import structs

from tests.transport.conftest import Run
from tests.transport.servers import QUICK, Peer, answering, serving
from uni_api.errors import Fault
from uni_api.transport import HttpClient

LINE = b"HTTP/1.1 200 OK\r\n"
HELLO = LINE + b"content-length: 5\r\n\r\nhello"
HALF = LINE + b"content-length: 10\r\n\r\nhello"
PLAIN = b"data: word\n\n" * 1000


def coded(coding: bytes, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return LINE + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n%b" % (coding, size, body)


def idle(client: HttpClient) -> bool:
    """Whether the one connection is kept for the next exchange."""
    return "0 active, 1 idle" in repr(client)


def none_left(client: HttpClient) -> bool:
    return "0 active, 0 idle" in repr(client)


def test_the_first_of_equal_headers_is_the_one(run: Run) -> None:
    answer = LINE + b"X-Two: a\r\nx-two: b\r\nX-Empty:\r\ncontent-length: 0\r\n\r\n"

    async def main() -> None:
        async with serving(answering(answer)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert (response.status, response.header(b"x-two")) == (200, b"a")
            assert (response.header(b"x-empty"), response.header(b"x-none")) == (b"", None)
            await client.aclose()

    run(main)


def test_the_end_stays_the_end(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(HELLO)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.read(5) == b"hello"
            assert [await response.chunk() for _ in range(3)] == [b"", b"", b""]
            assert (await response.read(5), response.ended) == (b"", True)
            assert idle(client)
            await client.aclose()

    run(main)


def test_a_failure_stays_a_failure_and_comes_after_what_had_arrived(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(HALF, close=True)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.chunk() == b"hello"
            for _ in range(2):
                with pytest.raises(Fault) as caught:
                    await response.chunk()
                assert caught.value.kind == "protocol"
            assert not response.ended
            assert none_left(client)
            await client.aclose()

    run(main)


@pytest.mark.parametrize(("limit", "fits"), [(5, True), (4, False)])
def test_a_limit_is_exact_and_ends_the_exchange(run: Run, limit: int, fits: bool) -> None:
    async def main() -> None:
        async with serving(answering(HELLO)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            if fits:
                assert await response.read(limit) == b"hello"
            else:
                with pytest.raises(Fault, match=f"larger than {limit} bytes") as caught:
                    await response.read(limit)
                assert caught.value.kind == "protocol"
            assert idle(client)
            await client.aclose()

    run(main)


def test_a_body_past_the_limit_is_not_waited_for(run: Run) -> None:
    seen: list[str] = []

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE + b"\r\n" + bytes(100_000))
        await peer.gone()
        seen.append("gone")

    async def main() -> None:
        async with serving(endless) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            with pytest.raises(Fault, match="larger than 1000 bytes"):
                await response.read(1000)
            await happens(lambda: seen == ["gone"])
            assert none_left(client)
            await client.aclose()

    run(main)


async def happens(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen within a second")


@pytest.mark.parametrize("when", ["before the end", "after the end"])
def test_closing_keeps_the_connection_only_where_the_answer_had_ended(run: Run, when: str) -> None:
    async def main() -> None:
        async with serving(answering(HALF if when == "before the end" else HELLO, HELLO)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            await happens(lambda: "5 bytes unread" in repr(response))
            response.close()
            response.close()
            if when == "before the end":
                assert none_left(client)
                with pytest.raises(Fault, match="closed before its end") as caught:
                    await response.chunk()
                assert caught.value.kind == "cancelled"
            else:
                assert idle(client)
                assert await response.chunk() == b""
            await client.aclose()

    run(main)


def test_whoever_stops_waiting_closes_the_connection(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(HALF)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.chunk() == b"hello"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await response.chunk()
            assert none_left(client)
            await client.aclose()

    run(main)


def test_silence_is_a_timeout(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(HALF)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=structs.replace(QUICK, idle=0.05))
            with pytest.raises(Fault) as caught:
                await response.read(100)
            assert caught.value.kind == "timeout"
            assert none_left(client)
            await client.aclose()

    run(main)


BARE = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": (b"gzip", gzip.compress(PLAIN)),
    "x-gzip": (b"X-GZIP", gzip.compress(PLAIN)),
    "two members": (b"gzip", gzip.compress(PLAIN[:500]) + gzip.compress(PLAIN[500:])),
    "zlib": (b"deflate", zlib.compress(PLAIN)),
    "bare deflate": (b"deflate", BARE.compress(PLAIN) + BARE.flush()),
}


@pytest.mark.parametrize("name", CODED)
def test_content_encodings_are_undone(run: Run, name: str) -> None:
    async def main() -> None:
        async with serving(answering(coded(*CODED[name]), coded(*CODED[name]))) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.read(len(PLAIN)) == PLAIN
            response = await client.send(server.head(), b"", timeouts=QUICK)
            pieces = []
            while piece := await response.chunk():
                pieces.append(piece)
            assert b"".join(pieces) == PLAIN
            assert idle(client)
            await client.aclose()

    run(main)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (coded(b"gzip", b"no gzip at all"), "damaged"),
        (coded(b"gzip", gzip.compress(PLAIN)[:-4]), "cut short"),
        (coded(b"gzip", gzip.compress(PLAIN)[:40]), "cut short"),
        (coded(b"br", b"x"), "not asked for"),
        (coded(b"gzip, gzip", gzip.compress(gzip.compress(PLAIN))), "not asked for"),
    ],
    ids=["noise", "cut at the end", "cut", "unknown", "twice"],
)
def test_damaged_encodings_are_faults(run: Run, answer: bytes, message: str) -> None:
    async def main() -> None:
        async with serving(answering(answer)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            with pytest.raises(Fault, match=message) as caught:
                await response.read(1_000_000)
            assert caught.value.kind == "protocol"
            await client.aclose()

    run(main)


def test_a_bomb_comes_in_bounded_pieces(run: Run) -> None:
    bomb = coded(b"gzip", gzip.compress(bytes(20_000_000)))

    async def main() -> None:
        async with serving(answering(bomb)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            sizes = []
            while piece := await response.chunk():
                sizes.append(len(piece))
            assert sum(sizes) == 20_000_000
            assert max(sizes) <= 1_000_000
            await client.aclose()

    run(main)


def test_what_is_shown_of_a_response_holds_no_secret(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(LINE + b"set-cookie: secret\r\ncontent-length: 5\r\n\r\nhello")) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            await happens(lambda: response.ended)
            assert repr(response) == "<Response 200 [ended, 5 bytes unread]>"
            response.close()
            await client.aclose()

    run(main)


def poured(pieces: list[bytes], enough: int) -> Callable[[bytes], bool]:
    """A sink that has enough once it holds so many bytes."""

    def sink(piece: bytes) -> bool:
        pieces.append(piece)
        return sum(map(len, pieces)) < enough

    return sink


def test_what_is_poured_comes_as_it_arrives_and_the_rest_can_be_read(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE + b"transfer-encoding: chunked\r\n\r\n")
        for piece in (b"one", b"two", b"three", b"four"):
            await peer.say(b"%x\r\n%b\r\n" % (len(piece), piece))
            await asyncio.sleep(0.02)
        await peer.say(b"0\r\n\r\n")
        await peer.request()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            pieces: list[bytes] = []
            assert await response.pour(poured(pieces, 6))
            assert pieces == [b"one", b"two"]
            assert await response.chunk() == b"three"
            assert not await response.pour(poured(pieces, 100))
            assert pieces == [b"one", b"two", b"four"]
            assert (response.ended, await response.chunk()) == (True, b"")
            assert idle(client)
            await client.aclose()

    run(main)


@pytest.mark.parametrize("how", ["cut", "refused", "left"])
def test_a_pour_that_fails_closes_the_connection(run: Run, how: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(LINE + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        if how == "cut":
            return
        await peer.say(b"3\r\ntwo\r\n")
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            pieces: list[bytes] = []

            def sink(piece: bytes) -> bool:
                pieces.append(piece)
                if how == "refused" and b"two" in piece:
                    raise Fault("protocol", "not like that")
                return True

            if how == "left":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await response.pour(sink)
            else:
                with pytest.raises(Fault, match="not like that" if how == "refused" else "closed the connection"):
                    await response.pour(sink)
            response.close()
            assert b"".join(pieces).startswith(b"one")
            assert none_left(client)
            await client.aclose()

    run(main)


def test_what_is_compressed_is_poured_plain(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(coded(b"gzip", gzip.compress(PLAIN)))) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert response.at_hand() == b""
            pieces: list[bytes] = []
            assert not await response.pour(poured(pieces, 10 * len(PLAIN)))
            assert b"".join(pieces) == PLAIN
            await client.aclose()

    run(main)


def test_codings_in_several_headers_are_all_undone_or_refused(run: Run) -> None:
    zipped = gzip.compress(PLAIN)
    twice = LINE + b"Content-Encoding: identity\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(zipped)
    hidden = LINE + b"Transfer-Encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"

    async def main() -> None:
        async with serving(answering(twice + zipped)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.read(1_000_000) == PLAIN
            await client.aclose()
        async with serving(answering(hidden)) as server:
            client = HttpClient()
            with pytest.raises(Fault, match="transfer-encoding is unknown"):
                await (await client.send(server.head(), b"", timeouts=QUICK)).read(10)
            await client.aclose()

    run(main)


def test_it_shows_whether_a_reader_would_have_to_wait(run: Run) -> None:
    steps = asyncio.Queue[bytes]()

    async def handler(peer: Peer) -> None:
        await peer.request()
        while piece := await steps.get():
            await peer.say(piece)
        await peer.gone()

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            head = LINE + b"content-length: 100010\r\n\r\n"
            await steps.put(head)
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert not response.shows(whole=False) and not response.shows(whole=True)
            await steps.put(b"hello")
            await happens(lambda: response.shows(whole=False))
            assert not response.shows(whole=True)
            await steps.put(bytes(100_000))
            await happens(lambda: response.shows(whole=True))
            assert not response.ended  # the rest waits until this is read
            taken = len(response.at_hand())
            assert not response.shows(whole=False)
            await steps.put(b"world")
            await happens(lambda: response.shows(whole=False))
            taken += len(await response.read(200_000))
            assert taken == 100_010 and response.shows(whole=True)
            await client.aclose()

    run(main)


def test_a_failure_shows(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(HALF, close=True)) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            await happens(lambda: response.fault is not None)
            assert response.shows(whole=True) and response.shows(whole=False)
            assert not response.unseen  # it was seen: there is a head
            await response.head()
            await client.aclose()

    run(main)


def test_what_is_packed_is_not_at_hand(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(coded(b"gzip", gzip.compress(PLAIN)))) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            await happens(lambda: response.ended)
            assert response.at_hand() == b"" and response.shows(whole=True)
            assert await response.read(len(PLAIN)) == PLAIN
            await client.aclose()

    run(main)


def test_responses_share_nothing(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(HELLO)) as one, serving(answering(HALF)) as two:
            client = HttpClient()
            first = await client.send(one.head(), b"", timeouts=QUICK)
            second = await client.send(two.head(), b"", timeouts=QUICK)
            assert first.unread is not second.unread
            second.close()
            assert await first.read(9) == b"hello"
            await client.aclose()

    run(main)
