"""A real redis-server for tests, on a free port of this machine, gone with its folder at the end."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from uni_api.secret import Secret

SERVER = shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/bin") or ""

needs_redis = pytest.mark.skipif(not SERVER, reason="redis-server is not installed")


class RedisServer:
    """One server. `start` and `kill` may be called again and again: it is always at the same port, and begins empty."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="uni-api-redis-"))
        self.port = free_port()
        self.socket = self._folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> Secret:
        return Secret(f"redis://127.0.0.1:{self.port}/0")

    @property
    def patient(self) -> Secret:
        """As `url`, for tests of something else than time: a busy machine must not seem to be a dead Redis."""
        return Secret(f"{self.url.reveal()}?socket_timeout=5&socket_connect_timeout=5")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [SERVER, *self._settings(), *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            if self._answers():
                return
            time.sleep(0.01)
        self.kill()
        raise AssertionError("redis-server does not start")

    def _settings(self) -> list[str]:
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket)]
        return [*place, "--dir", str(self._folder), "--save", "", "--enable-debug-command", "yes"]

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it neither answer nor hang up, as a machine that is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def say(self, *words: str, wait: bool = True) -> str:
        """One command, over a connection of its own, and what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            line.sendall(
                b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w.encode("latin-1")) for w in words)
            )
            return line.recv(65536).decode("latin-1") if wait else ""

    def _answers(self) -> bool:
        try:
            return self.say("PING").startswith(("+PONG", "-NOAUTH"))
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def silent_host() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.socket() as ear:
        ear.bind(("127.0.0.1", 0))
        ear.listen(64)
        yield int(ear.getsockname()[1])
