"""Connections that no client should make: bombs, slow talkers, pipeliners, and clients that vanish at every stage."""

import json
import random
import time
from contextlib import ExitStack

from tests.fakes.wire import wait_until
from tests.hostile.clear import assert_clear
from tests.hostile.house import CLIENT_KEY, House
from tests.hostile.raw import connect, drain, read_reply, replies, request, talk

GOOD = b'{"model":"gpt","messages":[{"role":"user","content":"Hi"}]}'
WHOLE = request(GOOD, key=CLIENT_KEY)
OPEN = request(GOOD, key=CLIENT_KEY, close=False)


def assert_serves(house: House) -> None:
    (reply,) = talk(house.port, WHOLE)
    assert reply.status == 200


def test_noise_instead_of_http(house: House) -> None:
    dice = random.Random(2)
    noises = [dice.randbytes(size) for size in (1, 10, 1000, 100_000) for _ in range(5)]
    noises += [b"\r\n" * 50, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(500)]
    noises += [b"POST /v1/chat/completions HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 1000]
    for noise in noises:
        for reply in talk(house.port, noise, leave=True):
            assert_clear(reply)
    assert_serves(house)


def test_contradictory_framing(house: House) -> None:
    for line in ("Content-Length: 5", "Content-Length: -1", "Content-Length: x", "Transfer-Encoding: chunked"):
        doubled = WHOLE.replace(b"\r\n\r\n", f"\r\n{line}\r\n\r\n".encode())
        for reply in talk(house.port, doubled, leave=True):
            assert_clear(reply)
    broken = b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
    for reply in talk(house.port, broken, leave=True):
        assert_clear(reply)
    assert_serves(house)


def test_header_bombs(house: House) -> None:
    before = house.gateway.memory()
    bombs = [
        ["X-Bomb: " + "x" * 1_000_000],
        [f"X-Bomb-{number}: y" for number in range(50_000)],
        ["X" * 500_000 + ": y"],
    ]
    for bomb in bombs:
        found = talk(house.port, request(GOOD, bomb, key=CLIENT_KEY))
        for reply in found:
            assert_clear(reply, 400, 431)
    for reply in talk(house.port, b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: g\r\n\r\n"):
        assert_clear(reply, 400, 404, 414, 431)
    with connect(house.port) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\n")
        try:
            for _ in range(2000):
                wire.sendall(b"X-Endless: " + b"z" * 1000 + b"\r\n")
        except (ConnectionResetError, BrokenPipeError):
            pass
        for reply in replies(drain(wire)):
            assert_clear(reply, 400, 431)
    assert house.gateway.memory() - before < 16 * 1024 * 1024
    assert_serves(house)


def test_slow_clients_hold_up_nobody(house: House) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(house.port)) for _ in range(200)]
        for number, wire in enumerate(slow):
            wire.sendall(WHOLE[: 20 + number])
        started = time.monotonic()
        for _ in range(20):
            assert_serves(house)
        assert time.monotonic() - started < 2
        for number, wire in enumerate(slow[:20]):
            for at in range(20 + number, len(WHOLE)):
                wire.sendall(WHOLE[at : at + 1])
            assert read_reply(wire).status == 200
    assert_serves(house)


def test_pipelined_requests_are_answered_in_order(house: House) -> None:
    wrong = request(b"{", key=CLIENT_KEY, close=False)
    for pieces in ([OPEN, wrong, OPEN, wrong, WHOLE], [OPEN] * 30 + [WHOLE]):
        with connect(house.port) as wire:
            wire.sendall(b"".join(pieces))
            found = replies(drain(wire))
        assert [reply.status for reply in found] == [400 if piece == wrong else 200 for piece in pieces]


def test_clients_that_vanish_at_every_byte(house: House) -> None:
    before = house.gateway.sockets()
    for end in range(0, len(WHOLE) + 1, 5):
        with connect(house.port) as wire:
            wire.sendall(WHOLE[:end])
    assert_serves(house)
    assert wait_until(lambda: house.gateway.sockets() <= before + 4, 5), (before, house.gateway.sockets())


def test_other_paths_and_methods(house: House) -> None:
    for line, status in {
        "GET /v1/chat/completions": 405,
        "DELETE /v1/models": 405,
        "GET /": 404,
        "POST /v1/nothing": 404,
        "GET /../../etc/passwd": 404,
        "GET /%00": 404,
        "GET /v1/models": 401,
    }.items():
        found = talk(house.port, f"{line} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n".encode())
        assert_clear(found[0], status, 400)
    body = json.dumps({"model": "gpt"})
    for reply in talk(house.port, f"POST /healthz HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()):
        assert_clear(reply, 405)
    assert_serves(house)


def test_upgrade_and_expect(house: House) -> None:
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"]
    with connect(house.port) as wire:
        wire.sendall(request(GOOD, upgrade, key=CLIENT_KEY))
        reply = read_reply(wire)
        if reply.status != 200:
            assert_clear(reply)
    with connect(house.port) as wire:
        head, _, body = request(GOOD, ["Expect: 100-continue"], key=CLIENT_KEY).partition(b"\r\n\r\n")
        wire.sendall(head + b"\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(body)
        assert read_reply(wire).status == 200
