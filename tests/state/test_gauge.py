"""A gauge counts as windows do, in the same ones, and goes on where one was dropped."""

import asyncio
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from uni_api.state import LocalState, Short, Taken, Want
from uni_api.state.windows import Windows

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def taken(state: LocalState, wants: tuple[Want, ...]) -> Taken | Short:
    return asyncio.run(state.take(wants))


MINUTE, DAY = Want("key", 5, 60.0), Want("key", 12, 86_400.0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.5, 7.0, 61.0, 90_000.0, -3.0])), max_size=60))
def test_taking_by_a_gauge_is_taking_from_the_windows(steps: list[tuple[bool, float]]) -> None:
    clock, other = Clock(), Windows()
    state = LocalState(clock)
    gauge = state.gauge((MINUTE, DAY))
    assert gauge is not None
    for by_gauge, pause in steps:
        clock.now += pause
        mine = gauge.take() if by_gauge else taken(state, (MINUTE, DAY))
        theirs = other.take((MINUTE, DAY), clock.now)
        assert isinstance(mine, Short) == isinstance(theirs, Short)
        if isinstance(mine, Short) and isinstance(theirs, Short):
            assert (mine.want, mine.left, mine.wait) == (theirs.want, theirs.left, theirs.wait)
        elif isinstance(mine, int) and not isinstance(theirs, Short):
            for (window, most), left, resets in zip(gauge.pairs, theirs.left, theirs.resets, strict=True):
                assert most - window.total == left
                assert abs((window.leaves - mine) / 1e6 - resets) < 1e-6
            shares = [window.total / most for window, most in gauge.pairs]
            assert shares[gauge.fullest()] == max(shares)


def test_what_is_given_back_can_be_taken_again() -> None:
    clock = Clock()
    state = LocalState(clock)
    gauge = state.gauge((MINUTE,))
    assert gauge is not None
    ticks = [gauge.take() for _ in range(5)]
    assert isinstance(gauge.take(), Short)
    assert isinstance(ticks[2], int)
    gauge.give_back(ticks[2])
    assert isinstance(gauge.take(), int)
    assert isinstance(gauge.take(), Short)


def test_a_window_that_was_dropped_is_found_anew() -> None:
    clock = Clock()
    state = LocalState(clock)
    gauge = state.gauge((MINUTE,))
    assert gauge is not None
    gauge.take()
    clock.now += 1_000
    for number in range(50):  # others come, and what is over goes
        taken(state, (Want(f"other-{number}", 9, 60.0),))
    for _ in range(3):
        gauge.take()
    assert not isinstance(taken(state, (MINUTE,)), Short)
    assert not isinstance(gauge.take(), Short)
    assert isinstance(gauge.take(), Short)
    assert isinstance(taken(state, (MINUTE,)), Short)


def test_no_gauge_where_one_window_is_wanted_twice_or_more_than_one_is_taken() -> None:
    state = LocalState(Clock())
    assert state.gauge((MINUTE, MINUTE)) is None
    assert state.gauge((Want("key", 5, 60.0, 2),)) is None


def test_a_purse_is_the_states_own_count() -> None:
    async def scene() -> None:
        state = LocalState(Clock())
        purse = state.purse("who")
        assert purse.reserve(70, 100) and await state.spent("who") == 70
        await state.spend("who", 20)
        assert purse.reserve(50, 100) and purse.spent == 140
        assert not purse.reserve(1, 100)
        purse.spend(-60)
        assert await state.spent("who") == 80
        assert repr(purse) == "<Purse 80 spent>"

    asyncio.run(scene())


def test_what_is_to_be_kept_is_told_once_until_it_is_written(tmp_path: Path) -> None:
    async def scene() -> None:
        state = LocalState(Clock(), tmp_path)
        gauge, purse = state.gauge((MINUTE, DAY)), state.purse("who")
        assert gauge is not None and purse is state.purse("who")
        gauge.take()
        gauge.take()
        assert purse.reserve(70, 100)
        purse.spend(-20)
        state.purse("nothing spent")
        await state.aclose()
        kept = json.loads((tmp_path / "state.json").read_bytes())
        assert kept["spent"] == {"who": 50} and [name for name, *_ in kept["windows"]] == ["key"]
        assert await LocalState(Clock(), tmp_path).spent("who") == 50

    asyncio.run(scene())
