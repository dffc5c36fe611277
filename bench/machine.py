"""The measuring side's hold on the machine: tools, pinned processes, and what a process has used."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TOOLS = ("gcc", "nginx", "wrk")
TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds in one unit of /proc/PID/stat's processor times."""

_PR_SET_PDEATHSIG = 1


class Unable(Exception):
    """The comparison can't run here; the message says what to do."""


def require(tools: Sequence[str] = TOOLS) -> None:
    """Raises Unable, with every reason at once, when this machine can't run the comparison."""
    reasons = []
    if sys.platform != "linux":
        reasons.append("It needs Linux: processor time and memory are read from /proc.")
    elif len(os.sched_getaffinity(0)) < 2:
        reasons.append("It needs two cores: one for the relay, one for the load and the mock upstream.")
    missing = [tool for tool in tools if find(tool) is None]
    if missing:
        names = " ".join(missing)
        reasons.append(f"Not installed: {', '.join(missing)}. On Debian or Ubuntu: apt-get install -y {names}")
    if reasons:
        raise Unable("\n".join(reasons))


def find(tool: str) -> str | None:
    """The path of `tool`; servers may live in sbin, which is not on everyone's PATH."""
    return shutil.which(tool) or shutil.which(tool, path="/usr/local/sbin:/usr/sbin:/sbin")


def cores() -> tuple[int, int]:
    """The core of the relays, and that of the load and the mock."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1]


@contextmanager
def running(command: Sequence[str], core: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`command` as a process on `core` until the block ends. It dies with this process, however that ends."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=pinned(core),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def pinned(core: int) -> Callable[[], None]:
    """What a new process has to do first: keep to `core`, and end when this process ends."""

    def settle() -> None:
        os.sched_setaffinity(0, {core})
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return settle


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_port(port: int, process: "subprocess.Popen[bytes]", log: Path, seconds: float = 10) -> None:
    """Wait until something listens on `port`. Raises Unable with the process's output when nothing does."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Unable(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def family(root: int) -> list[int]:
    """`root` and every process below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def processor_time(root: int) -> float:
    """Seconds of user and system time that `root` and the processes below it have used."""
    used = 0
    for process in family(root):
        if fields := _stat(process):
            used += int(fields[11]) + int(fields[12])
    return used * TICK


def memory(root: int) -> float:
    """Resident memory of `root` and the processes below it, in MiB."""
    total = 0
    for process in family(root):
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total / 1024


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces; empty when the process is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
