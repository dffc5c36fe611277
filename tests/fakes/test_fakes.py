"""The fakes are trusted by every other suite, so they are checked against the standard library's client."""

import http.client
import json
from contextlib import closing
from typing import Any

import pytest

from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery, Framing, Replay
from tests.fakes.upstream import Close, Hang, Reset, Script, Upstream, answer, event, stream
from tests.fakes.wire import WireServer, wait_until

TEXT = 'data: {"content": "æ漢😀"}\r\n\r\ndata: [DONE]\n\n'
RECORD: dict[str, Any] = {"status": 200, "response_body": TEXT, "stream": True, "response_headers": {}}


def post(server: WireServer, model: str, path: str = "/v1/chat/completions") -> tuple[int, str | None, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)) as wire:
        wire.request("POST", path, json.dumps({"model": model}))
        got = wire.getresponse()
        return got.status, got.getheader("content-type"), got.read()


@pytest.mark.parametrize("cut", [whole, every(1), every(7), randomly(1, 5), awkwardly])
def test_cuts_lose_nothing(cut: Cut) -> None:
    data = TEXT.encode()
    pieces = list(cut(data))
    assert b"".join(pieces) == data and all(pieces)
    assert list(cut(b"")) == []


def test_awkward_cuts_fall_inside_characters_and_line_ends() -> None:
    pieces = list(awkwardly("é\r\n\r\n".encode()))
    assert pieces == [b"\xc3", b"\xa9\r", b"\n", b"\r", b"\n"]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("cut", [whole, every(3), awkwardly])
def test_a_record_is_served_as_it_is(framing: Framing, cut: Cut) -> None:
    with Replay([RECORD], Delivery(cut, framing=framing)) as server:
        assert post(server, "rec-0") == (200, "text/event-stream", TEXT.encode())
        assert post(server, "", "/v1beta/models/rec-0:generateContent")[2] == TEXT.encode()
        assert post(server, "rec-1")[0] == 404
        assert json.loads(server.received[0].body) == {"model": "rec-0"}


def test_elements_of_a_json_array_become_events() -> None:
    record = RECORD | {"response_body": '[{"a": 1},\n{"b": 2}]', "stream_format": "json-array"}
    with Replay([record]) as server:
        assert post(server, "rec-0")[2] == b'data: {"a": 1}\r\n\r\ndata: {"b": 2}\r\n\r\n'


def test_connections_are_kept_alive() -> None:
    with Replay([RECORD]) as server, closing(http.client.HTTPConnection("127.0.0.1", server.port)) as wire:
        for _ in range(3):
            wire.request("POST", "/", '{"model": "rec-0"}')
            assert wire.getresponse().read() == TEXT.encode()
        assert len(server.connections) == 1 and server.connections[0].requests == 3


def test_scripts_are_played_in_turn() -> None:
    turns: list[Script] = [answer({"error": "no"}, 500), stream(event({"a": 1}, "x"))]
    scripts: dict[str, Script | list[Script]] = {"m": turns, "*": answer(b"any")}
    with Upstream(scripts) as server:
        assert post(server, "m")[0] == 500
        assert post(server, "m")[2] == post(server, "m")[2] == b'event: x\ndata: {"a": 1}\n\n'
        assert post(server, "else")[2] == b"any"
        assert server.asked == {"m": 3, "else": 1}
        assert server.bodies("m") == [{"model": "m"}] * 3


def test_misbehaviour_reaches_the_client() -> None:
    with Upstream({"reset": [Reset()], "close": [Close()]}) as server:
        with pytest.raises(ConnectionResetError):
            post(server, "reset")
        with pytest.raises(http.client.RemoteDisconnected):
            post(server, "close")


def test_a_leaving_peer_is_noticed() -> None:
    with Upstream({"m": [Hang()]}) as server:
        wire = http.client.HTTPConnection("127.0.0.1", server.port)
        wire.request("POST", "/", '{"model": "m"}')
        assert wait_until(lambda: server.asked.get("m") == 1, 2)
        assert server.open_connections == 1
        wire.close()
        assert wait_until(lambda: server.open_connections == 0, 1)
        assert server.connections[0].gone_at is not None
