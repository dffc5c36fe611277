"""Answers that come whole are left in their chunks, and nothing else is taken for one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.transport.conftest import Run
from tests.transport.servers import OK, QUICK, Peer, answering, serving
from uni_api.transport import HttpClient
from uni_api.transport.chunks import Scout, joined

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = b"5\r\nhello\r\n6;x=y\r\n\n\n0\r\n \r\n0\r\n\r\n"
PLAIN = b"hello\n\n0\r\n "


def found(scout: Scout, data: bytes) -> bytes:
    """The body that `scout` finds in `data`."""
    start = scout.body_of(data)
    return data[start:] if start else b""


def framed(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_an_answer_that_came_whole_is_found() -> None:
    scout = Scout()
    for _ in range(3):
        assert found(scout, HEAD + BODY) == BODY
        assert scout.headers == {b"content-type": b"text/event-stream", b"transfer-encoding": b"chunked"}
    assert joined(BODY) == PLAIN
    scout.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD,
        (HEAD + BODY)[:-1],
        (HEAD + BODY)[1:],
        HEAD + BODY + BODY,
        HEAD + BODY + HEAD + BODY,
        HEAD + BODY.replace(b"0\r\n\r\n", b"0\r\nx-trailer: 1\r\n\r\n"),
        HEAD + b"0\r\nx: 1\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + BODY,
        HEAD.replace(b"200 OK", b"500 No") + BODY,
        HEAD.replace(b"200 OK", b"204 No") + BODY,
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + BODY,
        HEAD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + BODY,
        HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n") + BODY,
        HEAD.replace(b"\r\n\r\n", b"\r\ncontent-type: text/html\r\n\r\n") + BODY,
        HEAD.replace(b"\r\n\r\n", b"\r\ncontent-length: 5\r\n\r\n") + BODY,
        HEAD.replace(b"chunked", b"gzip, chunked") + BODY,
        HEAD.replace(b"transfer-encoding: chunked", b"content-length: %d" % len(BODY)) + BODY,
        HEAD + b"\r\n" + BODY,
        HEAD + BODY.replace(b"5\r\n", b"4\r\n"),
        HEAD + BODY.replace(b"5\r\n", b"ffffffffffffffffff\r\n"),
        HEAD + b"9\r\n\r\n0\r\n\r\n",
    ],
)
def test_anything_else_is_not(data: bytes) -> None:
    scout = Scout()
    assert found(scout, data) == b""
    assert found(scout, HEAD + BODY) == BODY  # whatever came before


def test_what_looks_like_an_end_is_none_within_a_chunk() -> None:
    body = b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"
    assert found(Scout(), HEAD + body) == body
    assert joined(body) == b"\r\n0\r\n\r\n"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_what_is_in_the_chunks_is_what_was_put_in(pieces: list[bytes]) -> None:
    body = framed(pieces)
    assert joined(body) == b"".join(pieces)
    assert found(Scout(), HEAD + body) in (body, b"")


@given(st.binary(max_size=60))
def test_nothing_is_found_that_is_not_an_answer(noise: bytes) -> None:
    body = found(Scout(), HEAD + noise + b"\r\n0\r\n\r\n")
    if body:
        joined(body)  # which raises for what is no body in chunks


@pytest.mark.parametrize("keeps", [True, False])
def test_only_who_asked_for_chunks_sees_them(run: Run, keeps: bool) -> None:
    async def main() -> None:
        async with serving(answering(HEAD + BODY, HEAD + BODY, HEAD + BODY, HEAD + b"0\r\n\r\n", OK)) as server:
            client = HttpClient()
            head = structs.replace(server.head(), keeps_chunks=keeps)
            response = await client.send(head, b"{}", timeouts=QUICK)
            assert response.framed[response.framed_from :] == (BODY if keeps else b"")
            assert (response.status, response.ended, response.header(b"content-type")) == (
                200,
                True,
                b"text/event-stream",
            )
            assert response.at_hand() == PLAIN
            assert (response.framed, response.at_hand(), await response.chunk()) == (b"", b"", b"")
            assert await (await client.send(head, b"{}", timeouts=QUICK)).read(100) == PLAIN
            taken: list[bytes] = []
            response = await client.send(head, b"{}", timeouts=QUICK)

            def take(piece: bytes) -> bool:
                taken.append(piece)
                return True

            assert await response.pour(take) is False
            assert b"".join(taken) == PLAIN
            assert await (await client.send(head, b"{}", timeouts=QUICK)).chunk() == b""
            assert await (await client.send(head, b"{}", timeouts=QUICK)).read(100) == b"ok"
            assert "0 active, 1 idle" in repr(client)
            await client.aclose()

    run(main)


def test_an_answer_that_comes_in_two_pieces_is_read_as_ever(run: Run) -> None:
    async def handler(peer: Peer) -> None:
        for at in range(1, len(HEAD + BODY)):
            await peer.request()
            await peer.say((HEAD + BODY)[:at])
            await asyncio.sleep(0.001)
            await peer.say((HEAD + BODY)[at:])

    async def main() -> None:
        async with serving(handler) as server:
            client = HttpClient()
            head = structs.replace(server.head(), keeps_chunks=True)
            for _ in range(1, len(HEAD + BODY)):
                response = await client.send(head, b"{}", timeouts=QUICK)
                assert await response.read(100) == PLAIN
            await client.aclose()

    run(main)
