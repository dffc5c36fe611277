"""Several processes at one address: they share the work, come back, and end together."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import gateway as running
from tests.fakes.upstream import END, Hang, Step, Upstream, Wait, piece, stream_head
from tests.gateway import KEY, Gateway
from tests.relay.chat import DONE, delta, request, says
from tests.server.test_run import open_stream, run_cli, status_of
from tests.state.redis_server import RedisServer, needs_redis
from uni_api.server.workers import PAUSE, STEADY, TRIES, Patience

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")

TWO = {"UNI_API_WORKERS": "2"}
HANGING: list[Step] = [stream_head(), piece(delta({"content": "one"})), Hang()]
SLOW: list[Step] = [
    stream_head(),
    piece(delta({"content": "one"})),
    Wait(0.6),
    piece(delta({"content": "two"}, finish="stop")),
    piece(DONE),
    END,
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream({"m": says("x"), "slow": SLOW, "hanging": HANGING, "counted": [Wait(0.2), *says("x")]}) as fake:
        yield fake


@contextmanager
def two_workers(upstream: Upstream, **env: str) -> Iterator[Gateway]:
    """A gateway with two workers, both of which serve. At the end none of its processes is left."""
    config = running.config(running.channel("a", f"{upstream.url}/v1", ["m", "slow", "hanging"]))
    with running.gateway(config, {**TWO, **env}) as gateway:
        until(lambda: "2 workers" in gateway.output())
        seen = set(workers_of(gateway))
        yield gateway
        seen |= set(workers_of(gateway))
    assert not any(map(alive, seen))


def workers_of(gateway: Gateway) -> list[int]:
    return children(gateway.process.pid)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(met: Callable[[], bool], seconds: float = 5.0) -> None:
    limit = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < limit, "it did not come to that"
        time.sleep(0.01)


def who_answers(gateway: Gateway) -> str:
    """What tells the process that serves a new connection: the beginning of the ids that it gives."""
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    with closing(wire):
        wire.request("GET", "/healthz")
        return str(wire.getresponse().headers["x-request-id"]).partition("-")[0]


def test_both_serve_and_give_ids_of_their_own(upstream: Upstream) -> None:
    with two_workers(upstream) as gateway:
        pids = workers_of(gateway)
        assert len(pids) == 2
        os.kill(pids[0], signal.SIGSTOP)
        try:
            second = {who_answers(gateway) for _ in range(5)}
        finally:
            os.kill(pids[0], signal.SIGCONT)
        os.kill(pids[1], signal.SIGSTOP)
        try:
            first = {who_answers(gateway) for _ in range(5)}
        finally:
            os.kill(pids[1], signal.SIGCONT)
        assert (len(first), len(second), len(first | second)) == (1, 1, 2)
        assert "Each worker counts for itself: limits, credits," in gateway.output()


def test_connections_that_come_together_are_shared(upstream: Upstream) -> None:
    with two_workers(upstream) as gateway, ExitStack() as stack:
        wires = [stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 5)) for _ in range(60)]
        for wire in wires:
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        found = Counter(wire.recv(4096).partition(b"x-request-id: ")[2][:12] for wire in wires)
    assert len(found) == 2
    assert min(found.values()) >= 15


def test_one_worker_is_the_process_itself(upstream: Upstream) -> None:
    config = running.config(running.channel("a", f"{upstream.url}/v1", ["m"]))
    with running.gateway(config, {"UNI_API_WORKERS": "1"}) as gateway:
        assert gateway.post(request("m")).status == 200
        assert workers_of(gateway) == []


def test_what_one_of_them_counted_is_kept(upstream: Upstream, tmp_path: Path) -> None:
    channel = running.channel("a", f"{upstream.url}/v1", ["m"])
    plan = running.config(channel, preferences={"rate_limit": "40/day"})
    with running.gateway(plan, {**TWO, "UNI_API_DATA": str(tmp_path)}) as gateway:
        until(lambda: "2 workers" in gateway.output())
        assert [gateway.post(request("m")).status for _ in range(20)] == [200] * 20
    ((_, seconds, times, _),) = json.loads((tmp_path / "state.json").read_bytes())["windows"]
    assert seconds == 86_400
    assert 1 <= len(times) <= 20


@needs_redis
def test_they_share_a_limit_through_redis(upstream: Upstream) -> None:
    async def one(session: aiohttp.ClientSession, gateway: Gateway) -> int:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        url = f"{gateway.base_url}/chat/completions"
        async with session.post(url, data=request("counted"), headers=headers) as got:
            return got.status

    async def main(gateway: Gateway) -> list[int]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, gateway) for _ in range(50)))

    with RedisServer() as server:
        channel = running.channel("a", f"{upstream.url}/v1", ["counted"])
        plan: dict[str, Any] = running.config(channel, preferences={"rate_limit": "10/min"})
        plan["preferences"] = {"state": server.patient.reveal()}
        with running.gateway(plan, TWO) as gateway:
            until(lambda: "2 workers" in gateway.output())
            assert sorted(asyncio.run(main(gateway))) == [200] * 10 + [429] * 40
            assert "The workers share limits, credits, cooldowns and turns." in gateway.output()


def test_a_killed_worker_loses_what_it_served_only_and_comes_back(upstream: Upstream) -> None:
    with two_workers(upstream) as gateway:
        pids = workers_of(gateway)
        os.kill(pids[0], signal.SIGSTOP)  # so that the other one takes the stream
        with open_stream(gateway, "slow") as answer:
            os.kill(pids[0], signal.SIGKILL)
            assert gateway.post(request("m")).status == 200
            assert answer.read().endswith(DONE)
        until(lambda: len(workers_of(gateway)) == 2)
        assert pids[0] not in workers_of(gateway)
        assert f"worker {pids[0]} ended unexpectedly: SIGKILL" in gateway.output()
        assert f"uni_api.server[{gateway.process.pid}]" in gateway.output()
        assert gateway.post(request("m")).status == 200


def test_sigterm_drains_all_and_exits_with_0(upstream: Upstream) -> None:
    with two_workers(upstream) as gateway, open_stream(gateway, "slow") as answer:
        pids = workers_of(gateway)
        for pid in (gateway.process.pid, *pids, *pids):  # as systemd does: each gets it, and that is not twice
            os.kill(pid, signal.SIGTERM)
        until(lambda: sum(map(alive, pids)) == 1)
        assert status_of(gateway, "/readyz") == 503
        assert answer.read().endswith(DONE)
        assert gateway.process.wait(3) == 0


@pytest.mark.parametrize(("drain", "signals"), [("0.2", 1), ("30", 2)])
def test_a_drain_ends_by_its_bound_or_a_second_signal(upstream: Upstream, drain: str, signals: int) -> None:
    with two_workers(upstream, UNI_API_DRAIN=drain) as gateway, open_stream(gateway, "hanging") as answer:
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(answer.read()))
        reader.start()
        for _ in range(signals):
            gateway.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        assert gateway.process.wait(5) == 0
        reader.join(5)
    assert b'"error"' in got[0]


def test_a_worker_that_hangs_is_killed(upstream: Upstream, tmp_path: Path) -> None:
    config = running.config(running.channel("a", f"{upstream.url}/v1", ["m"]))
    process, port = started(config, tmp_path)
    try:
        until(lambda: len(children(process.pid)) == 2 and answers(port))
        pids = children(process.pid)
        os.kill(pids[0], signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 1
        assert not any(map(alive, pids))
    finally:
        process.kill()
        process.wait()


def test_workers_end_with_a_parent_that_is_killed(upstream: Upstream, tmp_path: Path) -> None:
    config = running.config(running.channel("a", f"{upstream.url}/v1", ["hanging"]))
    process, port = started(config, tmp_path)
    pids: list[int] = []
    try:
        until(lambda: len(children(process.pid)) == 2 and answers(port))
        pids = children(process.pid)
        with open_stream(Gateway(port, process, Path()), "hanging"):
            process.kill()
            process.wait()
            until(lambda: sum(map(alive, pids)) == 1)
            until(lambda: not answers(port))
            with socket.socket() as next_one:
                next_one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                next_one.bind(("127.0.0.1", port))
        until(lambda: not any(map(alive, pids)))
    finally:
        for pid in pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def started(config: dict[str, Any], folder: Path) -> "tuple[subprocess.Popen[bytes], int]":
    (folder / "api.yaml").write_text(json.dumps(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", "--workers", "2", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "uni_api", *words]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL), port


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(json.dumps(running.config(running.channel("a", "http://127.0.0.1:1/v1", ["m"]))))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        got = run_cli("serve", "--workers", "2", "--host", "127.0.0.1", "--port", port, cwd=tmp_path)
    assert got.returncode == 1
    assert got.stderr.splitlines() == [
        f"Can't listen on 127.0.0.1:{port}: Address already in use. Choose another with --host and --port."
    ]


def test_a_bad_configuration_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("providers:\n  - base_url: 3\napi_keys: []\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        got = run_cli("serve", "--workers", "2", "--host", "127.0.0.1", "--port", port, cwd=tmp_path)
    assert got.returncode == 2
    assert "Can't listen" not in got.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_redis_url_that_the_package_refuses(workers: str, tmp_path: Path) -> None:
    plan = running.config(running.channel("a", "http://127.0.0.1:1/v1", ["m"]))
    plan["preferences"] = {"state": "redis://127.0.0.1:6379/0?socket_timeout=never"}
    (tmp_path / "api.yaml").write_text(json.dumps(plan))
    got = run_cli("serve", "--workers", workers, "--host", "127.0.0.1", "--port", "0", cwd=tmp_path)
    assert got.returncode == 2
    assert [line.partition(":")[0] for line in got.stderr.splitlines()] == ["preferences.state"]


FAILING = """
import logging, socket, sys
from uni_api.server import workers
logging.basicConfig()
workers.PAUSE = 0.001
with socket.create_server(("127.0.0.1", 0)) as listener:
    workers.split(2, listener, drain=1, started=lambda: None)
sys.exit(7)
"""


def test_workers_that_fail_again_and_again_are_given_up(tmp_path: Path) -> None:
    got = subprocess.run(
        [sys.executable, "-c", FAILING], capture_output=True, text=True, timeout=20, cwd=tmp_path, check=False
    )
    assert got.returncode == 1
    lines = got.stderr.splitlines()
    assert len(lines) == TRIES + 1
    assert "ended unexpectedly: exit code 7" in lines[0]
    assert "giving up" in lines[-1]


def test_patience_wears_out() -> None:
    patience = Patience()
    assert [patience.after(0.0) for _ in range(TRIES)] == [PAUSE * 2**turn for turn in range(TRIES - 1)] + [None]


def test_patience_comes_back_with_a_worker_that_lasted() -> None:
    patience = Patience()
    assert [patience.after(lived) for lived in (0.0, 0.0, STEADY, 0.0)] == [PAUSE, 2 * PAUSE, PAUSE, PAUSE]
