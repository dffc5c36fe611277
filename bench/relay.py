"""Compares the relay with nginx `proxy_pass`, side by side on one core: `python -m bench.relay`.

README.md beside this file tells what is measured, how, and what the figures do not say.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from bench import lanes, load, machine, report
from bench.lanes import JSON, PACED, SSE, TO_ANTHROPIC, TO_GEMINI, Lane, Ports

RELAYS = ("gateway", "nginx")
STREAM_EVENTS = 50
PACED_EVENTS = 100
INTERVAL_US = 10_000
CONNECTIONS = 32
FAST_STREAMS = 200
SLOW_STREAMS = 50
WARM_UP = 2
SLOW = Lane("slow", PACED.model, stream=True, paced=True)
"""The verbatim lane at the pace of the translated ones, which they are compared with."""


class Scene(Struct, frozen=True):
    """Everything that runs: both mocks, nginx, the gateway."""

    ports: Ports
    processes: dict[str, int]
    folder: Path
    load_core: int

    def rate(self, relay: str, lane: Lane, seconds: int) -> load.Run:
        port = self.ports.of(relay, lane)
        return load.run(lane, port, self.folder, core=self.load_core, connections=CONNECTIONS, seconds=seconds)

    def cost(self, relay: str, lane: Lane, streams: int, seconds: int) -> tuple[float, int]:
        """Microseconds of the relay's processor time for each event that the mock sent, and how many went wrong."""
        taken: list[float] = []

        def measure() -> None:
            time.sleep(WARM_UP)
            before = machine.processor_time(self.processes[relay]), load.count_events(self.ports.paced)
            time.sleep(seconds)
            after = machine.processor_time(self.processes[relay]), load.count_events(self.ports.paced)
            taken.append((after[0] - before[0]) * 1e6 / max(1, after[1] - before[1]))

        port = self.ports.of(relay, lane)
        total = WARM_UP + seconds + 1
        run = load.run(
            lane, port, self.folder, core=self.load_core, connections=streams, seconds=total, meanwhile=measure
        )
        return taken[0], run.bad


def main(words: list[str] | None = None) -> int:
    options = _options().parse_args(words)
    if options.quick:
        options.rounds, options.seconds = 1, 2
    try:
        machine.require()
        with tempfile.TemporaryDirectory(prefix="uni-api-bench-") as folder, _scene(Path(folder)) as (scene, started):
            figures = _measure(scene, options.rounds, options.seconds)
            figures.first_answer = started
    except machine.Unable as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(report.table(figures, events=STREAM_EVENTS, pace=FAST_STREAMS * 1_000_000 // INTERVAL_US))
    print(report.result(figures))
    return 1 if figures.bad else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description="Compares the relay with nginx.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which medians are taken (default 3)")
    parser.add_argument("--seconds", type=int, default=4, help="seconds of load a measurement (default 4)")
    parser.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    return parser


@contextmanager
def _scene(folder: Path) -> Iterator[tuple[Scene, float]]:
    """Everything started, and the seconds from the gateway's start to its first proxied answer."""
    relay_core, load_core = machine.cores()
    mock = _compiled(folder)
    ports = Ports(**{name: machine.free_port() for name in Ports.__struct_fields__})
    lanes.write_api_yaml(folder / "api.yaml", ports)
    lanes.write_nginx_conf(folder / "nginx.conf", ports)
    serve = [sys.executable, "-m", "uni_api", "serve", "--config", str(folder / "api.yaml"), "--host", "127.0.0.1"]
    commands: dict[str, tuple[list[object], int, int]] = {
        "quick": ([mock, str(ports.quick), str(STREAM_EVENTS), "0"], load_core, ports.quick),
        "paced": ([mock, str(ports.paced), str(PACED_EVENTS), str(INTERVAL_US)], load_core, ports.paced),
        "nginx": ([machine.find("nginx"), "-e", "stderr", "-c", f"{folder}/nginx.conf"], relay_core, ports.nginx_paced),
        "gateway": ([*serve, "--port", str(ports.gateway)], relay_core, ports.gateway),
    }
    with ExitStack() as stack:
        processes = {}
        for name, (command, core, port) in commands.items():
            began = time.monotonic()
            log = folder / f"{name}.log"
            process = stack.enter_context(machine.running([str(word) for word in command], core, log))
            machine.await_port(port, process, log)
            processes[name] = process.pid
        load.fault_of(JSON, ports.gateway, 0)
        started = time.monotonic() - began
        _look(ports)
        yield Scene(ports, processes, folder, load_core), started


def _compiled(folder: Path) -> str:
    source = Path(__file__).with_name("mock_upstream.c")
    program = str(folder / "mock_upstream")
    done = subprocess.run(["gcc", "-O2", "-o", program, str(source)], capture_output=True, text=True)
    if done.returncode:
        raise machine.Unable(f"{source.name} does not compile:\n{done.stderr}")
    return program


def _look(ports: Ports) -> None:
    """One whole answer of every lane through every relay that has it. Raises Unable when one is not right."""
    for lane in (JSON, SSE, PACED, TO_ANTHROPIC, TO_GEMINI):
        events = PACED_EVENTS if lane.paced else STREAM_EVENTS
        for relay in RELAYS if lane.dialect == "openai_chat" else ("gateway",):
            if fault := load.fault_of(lane, ports.of(relay, lane), events):
                raise machine.Unable(f"{relay} answers '{lane.name}' wrongly: {fault}")


def _measure(scene: Scene, rounds: int, seconds: int) -> report.Figures:
    figures = report.Figures({}, {}, {})
    for relay in RELAYS:
        scene.rate(relay, JSON, WARM_UP)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for lane in (JSON, SSE):
            for relay in RELAYS:
                run = scene.rate(relay, lane, seconds)
                figures.rates.setdefault((relay, lane.name), []).append(run.rate)
                figures.bad += run.bad if relay == "gateway" else 0
        for relay, lane, streams in (
            ("gateway", PACED, FAST_STREAMS),
            ("nginx", PACED, FAST_STREAMS),
            ("gateway", SLOW, SLOW_STREAMS),
            ("gateway", TO_ANTHROPIC, SLOW_STREAMS),
            ("gateway", TO_GEMINI, SLOW_STREAMS),
        ):
            cost, bad = scene.cost(relay, lane, streams, seconds)
            figures.costs.setdefault((relay, lane.name), []).append(cost)
            figures.bad += bad if relay == "gateway" else 0
    figures.memory = {relay: machine.memory(scene.processes[relay]) for relay in RELAYS}
    _look(scene.ports)
    return figures


if __name__ == "__main__":
    sys.exit(main())
