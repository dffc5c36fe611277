"""Loads a relay with wrk, and looks closely at single answers."""

import http.client
import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from bench.lanes import KEY, Lane
from bench.machine import Unable, find, pinned

CHAT = "/v1/chat/completions"

_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
wrk.body = [[%s]]
done = function(summary)
  local e = summary.errors
  print("MEASURED", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout)
end
"""


class Run(Struct, frozen=True):
    """What a run of wrk saw. `bad`: connections that failed, and answers that are not 2xx."""

    answers: int
    seconds: float
    bad: int

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def run(
    lane: Lane,
    port: int,
    folder: Path,
    *,
    core: int,
    connections: int,
    seconds: int,
    meanwhile: Callable[[], None] = lambda: None,
) -> Run:
    """Load `port` from `core` for `seconds`, and do `meanwhile` at the same time."""
    script = folder / f"{lane.name}.lua"
    script.write_text(_SCRIPT % (KEY, lane.body()))
    command = [find("wrk") or "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    process = subprocess.Popen(
        [*command, f"http://127.0.0.1:{port}{CHAT}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=pinned(core),
    )
    try:
        meanwhile()
        output, _ = process.communicate()
    finally:
        process.kill()
        process.wait()
    return parse(output)


def parse(output: str) -> Run:
    """The result in wrk's output. Raises Unable when there is none."""
    for line in output.splitlines():
        if line.startswith("MEASURED"):
            _, answers, microseconds, bad = line.split()
            return Run(int(answers), int(microseconds) / 1e6, int(bad))
    raise Unable(f"wrk gave no result:\n{output}")


def fault_of(lane: Lane, port: int, events: int) -> str | None:
    """What is wrong with one answer to `lane`, looked at whole; None when it is as the mock meant it."""
    status, body = _ask(lane, port)
    if status != 200:
        return f"status {status}: {body[:300]!r}"
    try:
        said = _streamed(body) if lane.stream else json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        return f"{type(error).__name__} in {body[:300]!r}"
    if lane.stream and not said.startswith(" relay" * events):
        return f"{said.count(' relay')} of {events} events arrived"
    if lane.stream and not body.endswith(b"data: [DONE]\n\n"):
        return f"the stream ends with {body[-80:]!r}"
    return None if said else "an empty answer"


def count_events(port: int) -> int:
    """How many content events the mock at `port` has sent so far."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as wire:
        wire.request("GET", "/events")
        return int(wire.getresponse().read())


def _ask(lane: Lane, port: int) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as wire:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        wire.request("POST", CHAT, lane.body(), headers)
        answer = wire.getresponse()
        return answer.status, answer.read()


def _streamed(body: bytes) -> str:
    text = ""
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            event: dict[str, Any] = json.loads(line[6:])
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
    return text
