"""The benchmark's own arithmetic, and what it says where it can't run."""

from pathlib import Path

import pytest

from bench import lanes, load, machine, relay, report
from uni_api.config.load import load as load_config
from uni_api.routing import Candidate, Router
from uni_api.secret import Secret


def test_missing_tools_are_named_with_the_way_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find", lambda tool: None if tool == "wrk" else f"/usr/bin/{tool}")
    with pytest.raises(machine.Unable, match=r"(?s)Not installed: wrk\..*apt-get install -y wrk"):
        machine.require()


def test_a_machine_that_can_not_run_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "find", lambda tool: None)
    assert relay.main(["--quick"]) == 2
    assert "Not installed: gcc, nginx, wrk." in capsys.readouterr().err


def test_results_of_wrk_are_read() -> None:
    found = load.parse("Running 4s test\nMEASURED\t1000\t4000000\t3\n")
    assert (found.answers, found.rate, found.bad) == (1000, 250.0, 3)
    with pytest.raises(machine.Unable):
        load.parse("unable to connect")


def test_figures_are_medians_and_ratios() -> None:
    rates = {("gateway", lane): [1.0, 3.0, 20.0] for lane in ("json", "sse")}
    rates |= {("nginx", lane): [6.0, 5.0, 7.0] for lane in ("json", "sse")}
    costs = {("gateway", lane): [cost] for lane, cost in (("paced", 30.0), ("slow", 20.0))}
    costs |= {("gateway", "anthropic"): [50.0], ("gateway", "gemini"): [40.0], ("nginx", "paced"): [20.0]}
    line = report.result(report.Figures(rates, costs, {"gateway": 60.0, "nginx": 5.0}, bad=1))
    assert line == (
        "RESULT json_ratio=0.500 sse_ratio=0.500 event_cost_ratio=1.500"
        " anthropic_cost=2.50 gemini_cost=2.00 memory_mib=60 bad=1"
    )


def test_every_lane_is_in_the_configuration(tmp_path: Path) -> None:
    ports = lanes.Ports(quick=1, paced=2, gateway=3, nginx_quick=4, nginx_paced=5)
    lanes.write_api_yaml(tmp_path / "api.yaml", ports)
    plan = load_config(tmp_path / "api.yaml", strict=True)
    client = plan.clients[Secret(lanes.KEY).digest]
    router = Router(plan)
    for lane in (lanes.JSON, lanes.SSE, lanes.PACED, lanes.TO_ANTHROPIC, lanes.TO_GEMINI):
        candidate = router.pool(client, lane.model).entries[0].target
        assert isinstance(candidate, Candidate)
        channel = candidate.channel
        assert channel.provider.dialect(channel.doors[0].site, candidate.model) == lane.dialect
    assert len(plan.channels) == 6
    assert len({key for channel in plan.channels for door in channel.doors for key in door.secrets}) == 11
