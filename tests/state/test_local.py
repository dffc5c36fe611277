"""State in the process: what is kept over a restart, what rests, what it costs."""

import asyncio
import json
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from uni_api.state import LocalState, Short, Taken, Want

HOUR, DAY = 3_600.0, 86_400.0


class Clock:
    def __init__(self) -> None:
        self.time = 1_795_000_000.0

    def __call__(self) -> float:
        return self.time


def at_once(call: Coroutine[Any, Any, Any]) -> Any:
    """What `call` returns, provided that it waits for nothing."""
    try:
        call.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def test_no_call_waits() -> None:
    state = LocalState(Clock())
    taken = at_once(state.take([Want("a", 1, 60.0)]))
    assert isinstance(taken, Taken)
    assert isinstance(at_once(state.take([Want("a", 1, 60.0)])), Short)
    at_once(state.settle(taken, [0]))
    assert isinstance(at_once(state.take([Want("a", 1, 60.0)])), Taken)
    assert [at_once(state.turn("t")) for _ in range(3)] == [0, 1, 2]
    at_once(state.rest("r", 1.0))
    at_once(state.wake("r"))
    at_once(state.spend("s", 5))
    assert at_once(state.spent("s")) == 5
    at_once(state.aclose())
    assert not state.degraded


def test_fifty_at_once_against_ten() -> None:
    async def run() -> list[Taken | Short]:
        state = LocalState(Clock())
        return await asyncio.gather(*(state.take([Want("a", 10, 60.0)]) for _ in range(50)))

    assert sum(isinstance(each, Taken) for each in asyncio.run(run())) == 10


def test_a_rest_is_never_shortened() -> None:
    clock = Clock()
    state = LocalState(clock)
    assert state.rests("a") == 0 and not state.resting
    at_once(state.rest("a", 30))
    at_once(state.rest("a", 10))
    at_once(state.rest("a", -5))
    assert state.rests("a") == 30 and state.resting
    clock.time += 20
    assert state.rests("a") == 10
    at_once(state.rest("a", 11))
    assert state.rests("a") == 11
    clock.time += 11
    assert state.rests("a") == 0
    at_once(state.rest("a", 5))
    at_once(state.wake("a"))
    assert state.rests("a") == 0


def test_rests_that_are_over_take_no_room() -> None:
    clock = Clock()
    state = LocalState(clock)
    at_once(state.rest("long", DAY))
    for number in range(50_000):
        clock.time += 0.01
        at_once(state.rest(f"name-{number}", 1.0))
        at_once(state.rest("again", 1.0))
    assert len(state._rests) < 500 and len(state._rounds) == len(state._looked_after) < 500
    assert state.rests("long") > 0


def test_reservations_stop_at_what_there_is() -> None:
    state = LocalState(Clock())
    assert [at_once(state.reserve("a", 4, 10)) for _ in range(4)] == [True, True, True, False]
    at_once(state.spend("a", -3))
    assert at_once(state.spent("a")) == 9
    assert at_once(state.reserve("a", 4, 10))
    assert not at_once(state.reserve("none", 1, 0))


def test_long_windows_and_spendings_survive_a_restart(tmp_path: Path) -> None:
    clock = Clock()

    async def first() -> None:
        state = LocalState(clock, tmp_path)
        for _ in range(2):
            assert isinstance(await state.take([Want("a", 2, HOUR), Want("a", 5, 60.0)]), Taken)
        await state.spend("money", 7)
        await state.aclose()

    async def second() -> None:
        state = LocalState(clock, tmp_path)
        short = await state.take([Want("a", 2, HOUR), Want("a", 5, 60.0)])
        assert isinstance(short, Short) and (short.want.seconds, short.wait) == (HOUR, HOUR - 60)
        minute = await state.take([Want("a", 5, 60.0)])
        assert isinstance(minute, Taken) and minute.left == (4,)
        assert await state.spent("money") == 7
        clock.time += HOUR
        assert isinstance(await state.take([Want("a", 2, HOUR)]), Taken)
        await state.aclose()

    asyncio.run(first())
    clock.time += 60
    asyncio.run(second())


def test_nothing_is_written_for_short_windows(tmp_path: Path) -> None:
    async def run() -> None:
        state = LocalState(Clock(), tmp_path / "data")
        await state.take([Want("a", 2, 60.0)])
        await state.aclose()

    asyncio.run(run())
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": 2}',
        b'{"version": 1, "windows": [["a", 3600, [5, 1], [1, 1]]]}',
        b'{"version": 1, "windows": [["a", 3600, [1], [1, 1]]]}',
        b'{"version": 1, "windows": [["a", 3600, [1], [-1]]]}',
        b'{"version": 1, "windows": [["a", -1, [1], [1]]]}',
    ],
)
def test_a_spoilt_file_is_a_warning(tmp_path: Path, spoilt: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state.json").write_bytes(spoilt)

    async def run() -> None:
        state = LocalState(Clock(), tmp_path)
        assert isinstance(await state.take([Want("a", 1, DAY)]), Taken)
        await state.aclose()

    asyncio.run(run())
    [warning] = caplog.records
    assert warning.levelname == "WARNING" and "can't be read" in warning.getMessage()
    assert (tmp_path / "state.spoilt").read_bytes() == spoilt
    assert json.loads((tmp_path / "state.json").read_bytes())["windows"][0][0] == "a"


def test_costs_little(capsys: pytest.CaptureFixture[str]) -> None:
    """Measured and shown, not judged: a busy machine is slow."""
    state = LocalState(time.time)
    calls = 20_000

    async def run() -> dict[str, float]:
        small, big = [Want("small", 10, 60.0)], [Want("big", 999_999, 60.0)]
        found = {}
        for name, wants in (("refused", small), ("999999/min", big)):
            begin = time.perf_counter()
            for _ in range(calls):
                await state.take(wants)
            found[name] = (time.perf_counter() - begin) / calls
        begin = time.perf_counter()
        for _ in range(calls):
            state.rests("nobody")
        found["rests"] = (time.perf_counter() - begin) / calls
        return found

    costs = asyncio.run(run())
    with capsys.disabled():
        print("\nlocal state:", ", ".join(f"{name} {cost * 1e6:.2f} us" for name, cost in costs.items()), os.linesep)
    assert costs["999999/min"] < 50 * costs["rests"] + 0.001


def test_names_that_no_file_can_hold_keep_nothing_else_from_being_kept(tmp_path: Path) -> None:
    async def run() -> Taken | Short:
        state = LocalState(Clock(), tmp_path)
        await state.take([Want("\udcff\x00", 5, DAY), Want("a", 5, DAY)])
        await state.spend("\ud800", 1)
        await state.aclose()
        return await LocalState(Clock(), tmp_path).take([Want("a", 5, DAY)])

    found = asyncio.run(run())
    assert isinstance(found, Taken) and found.left == (3,)
