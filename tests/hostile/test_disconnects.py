"""A client that leaves frees the upstream connection within a second, whatever the moment."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.fakes.answers import CHAT, GENERATED, MESSAGE
from tests.fakes.upstream import Hang, Repeat, Script, Send, Upstream, Wait, answer, event, piece, stream_head
from tests.fakes.wire import head, wait_until
from tests.gateway import KEY, channel, gateway
from tests.hostile.house import ENGINES, House
from tests.hostile.raw import connect, read_reply, request

SOON = 1.0

_CHUNK = {"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
_DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
_START = {
    "type": "message_start",
    "message": {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": {}},
}
_BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
_PART = {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "word "}]}}]}

_BEGINNINGS = {
    "gpt": b"",
    "claude": event(_START, "message_start") + event(_BLOCK, "content_block_start"),
    "gemini": b"",
}
_WORDS = {"gpt": event(_CHUNK), "claude": event(_DELTA, "content_block_delta"), "gemini": event(_PART)}
_WHOLE = {"gpt": CHAT, "claude": MESSAGE, "gemini": GENERATED}


def _chunked(data: bytes) -> bytes:
    return piece(data).data


def _script(engine: str, moment: str) -> Script:
    first = [Send(_chunked(_BEGINNINGS[engine]))] if _BEGINNINGS[engine] else []
    match moment:
        case "awaiting headers" | "non-streaming, awaiting headers":
            return [Hang()]
        case "before the first event":
            return [stream_head(), piece(b": wait\n\n"), Hang()]
        case "mid-stream":
            return [stream_head(), *first, Repeat(_chunked(_WORDS[engine]), 0.05)]
        case "mid-stream, upstream silent":
            return [stream_head(), *first, piece(_WORDS[engine]), Hang()]
        case "mid-stream, client not reading":
            return [stream_head(), *first, Repeat(_chunked(_WORDS[engine] * 200), 0.0001)]
        case "non-streaming, half the body":
            fields = (("Content-Type", "application/json"), ("Content-Length", "1000"))
            return [Send(head(200, fields) + b'{"id": "'), Hang()]
        case _:
            raise ValueError(moment)


MOMENTS = (
    "awaiting headers",
    "before the first event",
    "mid-stream",
    "mid-stream, upstream silent",
    "mid-stream, client not reading",
    "non-streaming, awaiting headers",
    "non-streaming, half the body",
)


def _name(engine: str, moment: str) -> str:
    return f"{engine}-{MOMENTS.index(moment)}"


@pytest.fixture(scope="module")
def stage() -> Iterator[House]:
    scripts = {_name(engine, moment): _script(engine, moment) for engine in ENGINES for moment in MOMENTS}
    scripts |= {"gpt-slow-no": [Wait(0.3), *answer({"error": {"message": "no"}}, 500)], "gpt-good": CHAT}
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(scripts))
        full = stack.enter_context(_full_listener())
        channels = [
            channel(engine, upstream.url + path, [_name(engine, moment) for moment in MOMENTS], engine=engine)
            for engine, path in ENGINES.items()
        ]
        channels += [
            channel("no", upstream.url + ENGINES["gpt"], [{"gpt-slow-no": "between"}], engine="gpt"),
            channel("hang", upstream.url + ENGINES["gpt"], [{_name("gpt", MOMENTS[0]): "between"}], engine="gpt"),
            channel("full", f"http://127.0.0.1:{full.getsockname()[1]}/v1", ["unreachable"], engine="gpt"),
        ]
        plan = {
            "providers": channels,
            "api_keys": [{"api": KEY, "model": ["all"]}],
            "preferences": {"model_timeout": 30},
        }
        yield House(stack.enter_context(gateway(plan)), upstream)


def _full_listener() -> socket.socket:
    """A port whose queue is full, so that connecting to it hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        _FILLERS.append(filler)
    return listener


_FILLERS: list[socket.socket] = []


@pytest.fixture(scope="module", autouse=True)
def _close_fillers() -> Iterator[None]:
    yield
    while _FILLERS:
        _FILLERS.pop().close()


def _orderly(wire: socket.socket) -> None:
    wire.close()


def _abruptly(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    wire.close()


Leave = Callable[[socket.socket], None]

leaving = pytest.mark.parametrize("leave", [_orderly, _abruptly])


def _ask(model: str, stream: bool) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": stream}
    return request(json.dumps(body).encode(), close=False)


@leaving
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_upstream_connection_is_freed(stage: House, engine: str, moment: str, leave: Leave) -> None:
    model = _name(engine, moment)
    asked = stage.upstream.asked.get(model, 0)
    wire = connect(stage.port)
    wire.sendall(_ask(model, "non-streaming" not in moment))
    assert wait_until(lambda: stage.upstream.asked.get(model, 0) > asked, 2)
    if moment in ("mid-stream", "mid-stream, upstream silent"):
        assert b"word" in _until(wire, b"word")
    else:
        time.sleep(0.5 if "not reading" in moment else 0.1)
    connection = stage.upstream.connections[stage.upstream.received[-1].connection]
    assert connection.open
    left = time.monotonic()
    leave(wire)
    assert wait_until(lambda: not connection.open, SOON), f"still open {time.monotonic() - left:.1f} s later"


def _until(wire: socket.socket, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        got = wire.recv(4096)
        assert got, seen
        seen += got
    return seen


@leaving
def test_before_connect(stage: House, leave: Leave) -> None:
    time.sleep(0.1)
    before = stage.gateway.sockets()
    wire = connect(stage.port)
    wire.sendall(_ask("unreachable", True))
    assert wait_until(lambda: stage.gateway.sockets() >= before + 2, 2)
    leave(wire)
    assert wait_until(lambda: stage.gateway.sockets() <= before, SOON)


@leaving
@pytest.mark.parametrize("after", [0.2, 0.28, 0.3, 0.31, 0.32, 0.4])
def test_between_attempts(stage: House, after: float, leave: Leave) -> None:
    wire = connect(stage.port)
    wire.sendall(_ask("between", True))
    time.sleep(after)
    leave(wire)
    hanging = _name("gpt", MOMENTS[0])

    def freed() -> bool:
        asked = [one for one in stage.upstream.received if hanging.encode() in one.body]
        return all(not stage.upstream.connections[one.connection].open for one in asked)

    time.sleep(0.4)
    assert wait_until(freed, SOON)


def test_the_gateway_still_serves(stage: House) -> None:
    """And holds no more connections than before: what was freed is gone."""
    assert wait_until(lambda: stage.upstream.open_connections <= 4, SOON)
    with connect(stage.port) as wire:
        wire.sendall(_ask("nobody", False))
        assert read_reply(wire).status == 404
