"""Streams that come whole, through the whole gateway: the client reads what it reads of the same stream in pieces."""

import asyncio
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import gateway as running
from tests.relay.chat import request
from tests.server.conftest import LOOPS
from tests.server.inside import Inside, inside

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(**said: Any) -> bytes:
    return b"data: " + json.dumps({"id": "c", **said}, separators=(",", ":")).encode() + b"\n\n"


def word(text: str, finish: str | None = None) -> bytes:
    delta = {"content": text} if text else {}
    return event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}])


USAGE = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000}
EVENTS = [word("Hel"), word("lo"), word("", "stop"), event(choices=[], usage=USAGE), b"data: [DONE]\n\n"]


@contextmanager
def upstream(*, whole: bool, before: float = 0.0) -> Iterator[int]:
    """The port of a host that sends each answer in one piece, or chunk by chunk."""
    chunks = [b"%x\r\n%b\r\n" % (len(each), each) for each in EVENTS]
    pieces = [HEAD, *chunks, b"0\r\n\r\n"]

    class Host(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while length := self._head():
                self.rfile.read(length)
                time.sleep(before)
                for piece in [b"".join(pieces)] if whole else pieces:
                    self.wfile.write(piece)
                    time.sleep(0 if whole else 0.005)

        def _head(self) -> int:
            length = 0
            while (line := self.rfile.readline().strip().lower()) != b"":
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            return length

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Host) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def config(port: int, **preferences: Any) -> dict[str, Any]:
    client = {"preferences": {"credits": 100, "created_at": "2026-01-01"}}
    made = running.config(running.channel("a", f"http://127.0.0.1:{port}/v1", ["m"]), **client)
    made["preferences"] = {**made.get("preferences", {}), "model_price": {"default": "1,2"}, **preferences}
    return made


def run(main: Any) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await main()

    with asyncio.Runner(loop_factory=LOOPS["uvloop"]) as runner:
        runner.run(within())


def told(body: bytes) -> list[bytes]:
    """The events of a stream, without comments."""
    return [part for part in body.split(b"\n\n") if part and not part.startswith(b":")]


def spent(on: Inside) -> int:
    ((_, amount),) = on.app._state._content().spent.items()  # type: ignore[attr-defined]
    return int(amount)


@pytest.mark.parametrize("shown", [True, False])
def test_a_stream_that_came_whole_reads_as_one_in_pieces(shown: bool) -> None:
    body = request("m", stream=True, **({"stream_options": {"include_usage": True}} if shown else {}))

    async def main() -> None:
        found = []
        for whole in (True, False):
            with upstream(whole=whole) as port:
                async with inside(config(port)) as on:
                    for number in (1, 2, 3):
                        reply = await on.ask(body)
                        assert reply.status == 200
                        assert spent(on) == number * 3 * 10**9  # a dollar for the prompt, two for the answer
                        found.append(told(reply.body))
        expected = [each.rstrip() for each in EVENTS if shown or b"usage" not in each]
        assert found == [expected] * 6

    run(main)


def test_it_takes_no_task_and_stays_in_its_chunks() -> None:
    async def main() -> None:
        with upstream(whole=True) as port:
            async with inside(config(port)) as on:
                await on.ask(request("m", stream=True))
                before = on.serving
                reply = await on.ask(request("m", stream=True))
                assert on.serving == before
            assert reply.headers["transfer-encoding"] == "chunked"
            assert b"usage" not in reply.body and reply.body.endswith(EVENTS[-1])

    run(main)


def test_it_has_no_chunks_in_a_stream_that_was_opened_before() -> None:
    async def main() -> None:
        with upstream(whole=True, before=0.3) as port:
            async with inside(config(port, keepalive_interval={"m": 0.1})) as on:
                for _ in range(2):
                    reply = await on.ask(request("m", stream=True))
                    assert reply.body.startswith(b": keepalive\n\n")
                    assert told(reply.body) == [each.rstrip() for each in EVENTS if b"usage" not in each]

    run(main)
