import time
from collections import Counter
from itertools import pairwise
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.routing.weights import MOST_STEPS, rota


def turns(weights: tuple[int, ...], count: int, start: int = 0) -> list[int]:
    found = rota(weights)
    return [found.place(turn) for turn in range(start, start + count)]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((5, 1, 1), "aabacaa"),
        ((1, 1, 1), "abc"),
        ((2, 1), "aba"),
        ((10, 20), "bab"),
        ((1, 2, 3), "cbacbc"),
        ((7,), "a"),
    ],
)
def test_short_cycles_are_smooth(weights: tuple[int, ...], expected: str) -> None:
    assert "".join("abc"[place] for place in turns(weights, len(expected))) == expected


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8).map(tuple), st.integers(0, 10**9))
def test_any_cycle_has_each_place_as_often_as_it_weighs(weights: tuple[int, ...], start: int) -> None:
    common = gcd(*weights)
    total = sum(weights) // common
    assert Counter(turns(weights, total, start)) == {
        place: weight // common for place, weight in enumerate(weights) if weight
    }


@given(st.lists(st.integers(3_000, 9_000), min_size=3, max_size=5).map(tuple))
def test_a_cycle_that_is_not_written_out_is_as_exact_and_spread_evenly(weights: tuple[int, ...]) -> None:
    found = rota(weights)
    if found.cycle:
        assert found.total * len(weights) <= MOST_STEPS
        return
    seen = turns(weights, found.total)
    assert Counter(seen) == {place: weight // gcd(*weights) for place, weight in enumerate(weights)}
    for place, weight in enumerate(weights):
        visits = [turn for turn, visited in enumerate(seen) if visited == place]
        longest = max(later - sooner for sooner, later in pairwise(visits))
        assert longest <= 4 * sum(weights) / weight


def test_huge_weights_cost_no_more_than_small_ones() -> None:
    weights = (10**9, 10**9 - 1, 3)
    began = time.process_time()
    seen = Counter(turns(weights, 10_000))
    assert time.process_time() - began < 1
    assert not rota(weights).cycle
    assert abs(seen[0] - 5_000) <= 1 and abs(seen[1] - 5_000) <= 1
