"""The process: starting, refusing to start, draining."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import gateway as running
from tests.fakes.upstream import END, Hang, Step, Upstream, Wait, piece, stream_head
from tests.fakes.wire import wait_until
from tests.gateway import KEY, Answer, Gateway
from tests.relay.chat import DONE, delta, request, says, streams

SLOW: list[Step] = [
    stream_head(),
    piece(delta({"content": "one"})),
    Wait(1.0),
    piece(delta({"content": "two"}, finish="stop")),
    piece(DONE),
    END,
]

SILENCE: list[Step] = [Hang()]


def run_cli(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "uni_api", *words], capture_output=True, text=True, timeout=20, cwd=cwd, check=False
    )


@contextmanager
def open_stream(gateway: Gateway, model: str) -> Iterator[http.client.HTTPResponse]:
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    with closing(wire):
        wire.request("POST", "/v1/chat/completions", request(model, stream=True), {"x-api-key": KEY})
        with wire.getresponse() as answer:
            yield answer


def status_of(gateway: Gateway, path: str) -> int:
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    wire.request("GET", path)
    status = wire.getresponse().status
    wire.close()
    return status


def test_sigterm_drains_open_streams_then_exits_with_0() -> None:
    with Upstream({"m": SLOW}) as upstream:
        channel = running.channel("a", f"{upstream.url}/v1", ["m"])
        with running.gateway(running.config(channel)) as gateway, open_stream(gateway, "m") as answer:
            gateway.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert status_of(gateway, "/readyz") == 503
            assert status_of(gateway, "/healthz") == 200
            body = answer.read()
            assert body.endswith(DONE)
            assert gateway.process.wait(5) == 0


def test_the_drain_is_bounded_and_a_cut_stream_says_so() -> None:
    steps: list[Step] = [stream_head(), piece(delta({"content": "one"})), Hang()]
    with Upstream({"m": steps}) as upstream:
        channel = running.channel("a", f"{upstream.url}/v1", ["m"])
        drain = {"UNI_API_DRAIN": "0.5"}
        with running.gateway(running.config(channel), drain) as gateway, open_stream(gateway, "m") as answer:
            got: list[bytes] = []
            reader = threading.Thread(target=lambda: got.append(answer.read()))
            reader.start()
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(10) == 0
            reader.join(5)
    assert b'"error"' in got[0]
    assert b"[DONE]" not in got[0]


@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_without_an_answer_is_told_of_the_end(stream: bool) -> None:
    """Also where nothing but the upstream's connection knows of the request: there is no task that could be stopped."""
    good = streams("good") if stream else says("good")
    with Upstream({"m": [good, SILENCE]}) as upstream:
        channel = running.channel("a", f"{upstream.url}/v1", ["m"])
        with running.gateway(running.config(channel), {"UNI_API_DRAIN": "0"}) as gateway:
            assert gateway.post(request("m", stream=stream)).status == 200
            got: list[Answer] = []
            asking = threading.Thread(target=lambda: got.append(gateway.post(request("m", stream=stream))))
            asking.start()
            assert wait_until(lambda: upstream.asked["m"] == 2, 5)
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(5) == 0
            asking.join(5)
        assert wait_until(lambda: upstream.open_connections == 0, 1)
    assert (got[0].status, got[0].json()["error"]["code"]) == (503, "shutting_down")


def test_an_idle_gateway_exits_at_once(tmp_path: Path) -> None:
    with Upstream({"m": says("x")}) as upstream:
        config = running.config(running.channel("a", f"{upstream.url}/v1", ["m"]))
        with running.gateway(config) as gateway:
            assert gateway.post(request("m")).status == 200
            started = time.monotonic()
            gateway.process.send_signal(signal.SIGINT)
            assert gateway.process.wait(5) == 0
            assert time.monotonic() - started < 2


def test_wrong_config_exits_2_before_the_port_opens(tmp_path: Path) -> None:
    path = tmp_path / "api.yaml"
    path.write_text("providers:\n  - base_url: 3\n    modle: [m]\napi_keys: []\n")
    got = run_cli("serve", "--config", str(path), "--port", "1", cwd=tmp_path)
    assert got.returncode == 2
    assert "Traceback" not in got.stderr
    assert "api.yaml:2" in got.stderr
    assert 'api.yaml:3:5: providers[0]: unknown key "modle"; did you mean "model"?' in got.stderr


def test_a_missing_config_says_what_to_do(tmp_path: Path) -> None:
    got = run_cli("serve", cwd=tmp_path)
    assert got.returncode == 2
    assert "api.yaml" in got.stderr
    assert "--config" in got.stderr


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(json.dumps(running.config(running.channel("a", "http://127.0.0.1:1/v1", ["m"]))))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        got = run_cli("serve", "--host", "127.0.0.1", "--port", port, cwd=tmp_path)
    assert got.returncode == 1
    assert f"127.0.0.1:{port}" in got.stderr
    assert "Traceback" not in got.stderr


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"], ["--version"], ["demo", "--help"]])
def test_the_command_line_explains_itself(words: list[str], tmp_path: Path) -> None:
    got = run_cli(*words, cwd=tmp_path)
    assert got.returncode == 0
    assert "uni-api" in got.stdout or "Usage" in got.stdout


def test_first_answer_comes_soon_after_exec(tmp_path: Path) -> None:
    """The promise is 0.6 s; a busy machine gets twice that here, the best of three counts."""
    (tmp_path / "api.yaml").write_text(json.dumps(running.config(running.channel("a", "http://127.0.0.1:1/v1", ["m"]))))
    best = min(_time_to_health(tmp_path) for _ in range(3))
    assert best < 1.2


def _time_to_health(folder: Path) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "uni_api", "serve", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env=os.environ,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.monotonic() - started < 10:
            try:
                wire = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                wire.request("GET", "/healthz")
                if wire.getresponse().status == 200:
                    return time.monotonic() - started
            except OSError:
                time.sleep(0.005)
            finally:
                wire.close()
        raise AssertionError("the gateway did not answer")
    finally:
        process.kill()
        process.wait()
