"""Starts the real gateway as a process of its own, with a config of the test's making."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "sk-client-of-the-tests"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Gateway:
    """A running gateway. `output` holds everything it has printed, stdout and stderr together."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    key: str = KEY

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI SDK takes as its base URL."""
        return f"{self.url}/v1"

    def post(
        self, body: bytes, headers: Mapping[str, str] | None = None, path: str = "/v1/chat/completions"
    ) -> "Answer":
        """A plain POST with the client's key, on a connection of its own; the whole answer."""
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(wire):
            own = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
            wire.request("POST", path, body, own | dict(headers or {}))
            answer = wire.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def memory(self) -> int:
        """Resident memory in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise ProcessLookupError(self.process.pid)

    def sockets(self) -> int:
        """How many sockets the process holds open."""
        count = 0
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                count += os.readlink(entry).startswith("socket:")
            except FileNotFoundError:
                continue
        return count


def channel(name: str, base_url: str, models: list[Any], **more: Any) -> dict[str, Any]:
    """One entry of `providers`."""
    return {"provider": name, "base_url": base_url, "api": f"sk-upstream-{name}", "model": models, **more}


def config(*channels: Mapping[str, Any], **client: Any) -> dict[str, Any]:
    """A whole api.yaml as a value: the channels, and one client key that may use everything."""
    return {"providers": list(channels), "api_keys": [{"api": KEY, "model": ["all"], **client}]}


@contextmanager
def gateway(plan: Mapping[str, Any], env: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """Runs `uni-api serve` with `plan` as its api.yaml (JSON is YAML) until the block ends, then stops it with SIGTERM.

    Channels do not rest after failures unless `plan` says so: tests share channels. Stopping has to succeed: exit code
    0 within five seconds, and no traceback in anything that was printed.
    Raises RuntimeError with the process's output when it does not become ready within ten seconds.
    """
    with tempfile.TemporaryDirectory(prefix="uni-api-test-") as folder:
        path, log = Path(folder, "api.yaml"), Path(folder, "log")
        preferences = {"cooldown_period": 0, **plan.get("preferences", {})}
        path.write_text(json.dumps({**plan, "preferences": preferences}))
        port = _free_port()
        command = [sys.executable, "-m", "uni_api", "serve", "--config", str(path)]
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "UNI_API_CACHE": folder, **(env or {})},
            )
        running = Gateway(port, process, log)
        try:
            _await_ready(running)
            yield running
        except BaseException:
            process.kill()
            process.wait(5)
            raise
        assert _stopped(process) == 0, f"SIGTERM did not end the gateway in good order:\n{running.output()[-4000:]}"
        assert "Traceback" not in running.output(), running.output()[-8000:]


def _stopped(process: "subprocess.Popen[bytes]") -> int | None:
    """The exit code after SIGTERM; None when it took more than five seconds, which a stuck task would cause."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
        return None


def _await_ready(running: Gateway) -> None:
    limit = time.monotonic() + 10
    while time.monotonic() < limit and running.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{running.url}/healthz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"the gateway did not start:\n{running.output()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
