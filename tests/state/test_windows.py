"""Windows against a model that forgets nothing and adds up everything, every time."""

import math
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uni_api.state import Short, Taken, Want
from uni_api.state.windows import EXACT, TICKS, Window, Windows, ticks

START = 1_795_000_000.0
NAMES = ("a", "b")


class Naive:
    """Everything that was ever taken, as a list."""

    def __init__(self) -> None:
        self.log: list[tuple[int, str, float, list[int]]] = []

    def used(self, want: Want, at: int) -> int:
        return sum(
            amount[0]
            for time, name, seconds, amount in self.log
            if name == want.name and seconds == want.seconds and time > at - ticks(want.seconds)
        )

    def fits(self, wants: list[Want], at: int) -> bool:
        asked: dict[tuple[str, float], int] = {}
        for want in wants:
            key = (want.name, want.seconds)
            asked[key] = asked.get(key, 0) + want.amount
            if self.used(want, at) + asked[key] > want.most:
                return False
        return True

    def take(self, wants: list[Want], at: int) -> list[list[int]]:
        held = [[want.amount] for want in wants]
        self.log += [(at, want.name, want.seconds, cell) for want, cell in zip(wants, held, strict=True)]
        return held


wants = st.builds(
    Want,
    name=st.sampled_from(NAMES),
    most=st.integers(0, 6),
    seconds=st.sampled_from([1.0, 2.5, 10.0]),
    amount=st.integers(1, 4),
)
steps = st.one_of(
    st.tuples(st.just("take"), st.lists(wants, min_size=1, max_size=3)),
    st.tuples(st.just("pass"), st.integers(0, 3_000_000)),
    st.tuples(st.just("settle"), st.integers(0, 8)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=60))
def test_windows_are_as_exact_as_a_list_of_everything(script: list[tuple[str, object]]) -> None:
    windows, naive, now = Windows(), Naive(), ticks(START)
    open_takings: list[tuple[Taken, list[list[int]]]] = []
    for verb, value in script:
        match verb, value:
            case "pass", int(gone):
                now += gone
            case "take", list(asked):
                found = windows.take(asked, now / TICKS)
                assert isinstance(found, Taken) == naive.fits(asked, now)
                if isinstance(found, Taken):
                    open_takings.append((found, naive.take(asked, now)))
                    for want, left in zip(asked, found.left, strict=True):
                        assert left == max(0, want.most - naive.used(want, now))
                else:
                    _check_wait(found, asked, naive, now)
            case "settle", int(amount) if open_takings:
                taken, held = open_takings.pop(0)
                windows.settle(taken, [amount] * len(held), now / TICKS)
                for cell in held:
                    cell[0] = amount


def _check_wait(short: Short, asked: list[Want], naive: Naive, now: int) -> None:
    """After the wait all of it could be had, and one tick sooner it could not."""
    if math.isinf(short.wait):
        return
    then = now + ticks(short.wait)
    assert naive.fits(asked, then) or any(want.most < want.amount for want in asked)
    assert not naive.fits(asked, then - 1)


def test_the_wait_is_exact() -> None:
    windows = Windows()
    assert isinstance(windows.take([Want("a", 5, 60.0, 3)], START), Taken)
    assert isinstance(windows.take([Want("a", 5, 60.0, 2)], START + 10), Taken)
    assert windows.take([Want("a", 5, 60.0, 1)], START + 20) == Short(Want("a", 5, 60.0, 1), 40.0, 0)
    assert windows.take([Want("a", 5, 60.0, 4)], START + 20) == Short(Want("a", 5, 60.0, 4), 50.0, 0)
    assert isinstance(windows.take([Want("a", 5, 60.0, 1)], START + 60), Taken)


def test_more_than_there_ever_is_can_never_be_had() -> None:
    assert Windows().take([Want("a", 5, 60.0, 6)], START) == Short(Want("a", 5, 60.0, 6), math.inf, 5)


def test_of_several_wants_the_longest_wait_is_told_and_nothing_is_taken() -> None:
    windows = Windows()
    day, minute = Want("a", 1, 86_400.0), Want("a", 1, 60.0)
    windows.take([minute, day], START)
    short = windows.take([minute, day, Want("other", 3, 1.0)], START + 1)
    assert isinstance(short, Short) and (short.want, short.wait) == (day, 86_399.0)
    taken = windows.take([Want("other", 3, 1.0)], START + 1)
    assert isinstance(taken, Taken) and taken.left == (2,)


def test_settling_gives_back_or_takes_more() -> None:
    windows = Windows()
    want = Want("tokens", 100, 60.0, 40)
    one, two = windows.take([want], START), windows.take([want], START + 1)
    assert isinstance(one, Taken) and isinstance(two, Taken)
    windows.settle(one, [0], START + 2)
    windows.settle(two, [130], START + 2)
    short = windows.take([Want("tokens", 100, 60.0, 1)], START + 3)
    assert isinstance(short, Short) and (short.left, short.wait) == (0, 58.0)
    late = windows.take([want], START + 61)
    assert isinstance(late, Taken)
    windows.settle(two, [500], START + 62)  # over by then
    after = windows.take([Want("tokens", 100, 60.0, 60)], START + 62)
    assert isinstance(after, Taken) and after.left == (0,)


def test_big_limits_are_coarse_but_never_too_generous() -> None:
    windows, naive = Windows(), Naive()
    want = Want("a", 3 * EXACT, 60.0)
    at, passed = ticks(START), 0
    for number in range(8 * EXACT):
        at += 13_000
        if isinstance(windows.take([want], at / TICKS), Taken):
            if number % 32 == 0:
                assert naive.fits([want], at)
                naive.log = [each for each in naive.log if each[0] > at - ticks(60)]
            naive.take([want], at)
            passed += 1
    assert passed >= 3 * EXACT + 2 * EXACT  # 106 s: a minute's worth, and most of what came free
    [(_, _, times, amounts)] = windows.entries(0)
    assert len(times) <= 2 * EXACT + 1 and sum(amounts) <= 3 * EXACT


def test_a_clock_that_is_set_back_neither_opens_nor_closes_a_window() -> None:
    windows = Windows()
    want = Want("a", 2, 60.0)
    windows.take([want], START)
    windows.take([want], START)
    assert isinstance(windows.take([want], START - 86_400), Short)
    assert isinstance(windows.take([want], START - 86_400 + 60), Taken)


def test_names_with_nothing_in_them_disappear() -> None:
    windows = Windows()
    for number in range(100_000):
        windows.take([Want(f"name-{number}", 10, 1.0)], START + number / 1000)
    assert len(windows) < 4_000
    for number in range(4_000):
        windows.take([Want("one", 10, 1.0)], START + 1_000 + number)
    assert len(windows) == 1


def test_refused_names_take_no_room() -> None:
    windows = Windows()
    for number in range(10_000):
        assert isinstance(windows.take([Want(f"name-{number}", 0, 86_400.0)], START), Short)
    assert len(windows) < 10


@pytest.mark.parametrize("letter", ["x", "\x00", "\udcff", "{"])
def test_memory_is_bounded_with_hostile_names(letter: str) -> None:
    windows = Windows()
    tracemalloc.start()
    for number in range(2_000):
        windows.take([Want(letter * 20_000 + str(number), 10, 60.0)], START)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(windows) == 2_000
    assert used < 2_000 * 1_500


@given(st.lists(st.tuples(st.sampled_from(["add", "pass", "back", "change"]), st.integers(0, 40_000)), max_size=60))
def test_what_a_window_has_at_hand_is_what_its_times_say(steps: list[tuple[str, int]]) -> None:
    """When its first entry leaves, and which takings share the last one: those of one grain."""
    window, now, grain = Window(60 * TICKS), ticks(START), 60 * TICKS // EXACT
    window.fill([now - 2 * EXACT + each for each in range(EXACT)], [1] * EXACT)
    for verb, by in steps:
        if verb == "change" and window.times:
            window.change(-1, window.times[-1])
        else:
            now += {"pass": 1_000 * by, "back": -by}.get(verb, by)
            window.pass_to(now)
            many, last = len(window.times), window.times[-1] if window.times else None
            shares = last == now or (many >= EXACT and last is not None and last // grain == now // grain)
            window.total += 1
            window.add(1, now)
            assert len(window.times) == many + (not shares) and window.times[-1] == now
        assert window.total == sum(window.amounts)
        assert window.leaves == (window.times[0] + window.span if window.times else 0)
