import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.config.plan import KeyScheduling
from uni_api.routing.orders import GROUP, Order, SmartRoundRobin, order
from uni_api.routing.places import Places
from uni_api.routing.record import Record

PICKS = 10_000


def fresh(scheduling: KeyScheduling, size: int, record: Record | None = None) -> Order:
    return order(scheduling, size, lambda: record or Record(size, lambda: 0.0), random.Random(7))


def picked(found: Order, free: Places, count: int, size: int) -> list[int]:
    return [found.place(found.pick(free, turn, len(free) == size)) for turn in range(count)]


@pytest.mark.parametrize("size", [1, 3, 7, 100, 101, 250])
def test_in_turn_is_exact_over_ten_thousand_picks(size: int) -> None:
    schedulings: tuple[KeyScheduling, ...] = ("round_robin", "smart_round_robin")
    for scheduling in schedulings:
        found = fresh(scheduling, size)
        counts = Counter(picked(found, found.everyone(), PICKS, size))
        assert set(counts) == set(range(size))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_at_random_is_even_and_in_no_order() -> None:
    found = fresh("random", 4)
    seen = picked(found, found.everyone(), PICKS, 4)
    assert all(abs(count / PICKS - 0.25) < 0.01 for count in Counter(seen).values())
    pairs = Counter(itertools.pairwise(seen))
    assert all(abs(count / PICKS - 1 / 16) < 0.01 for count in pairs.values())
    assert len(pairs) == 16


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [2, 3, 5])
def test_at_random_stays_within_a_percent_whatever_the_dice(size: int, seed: int) -> None:
    found = order("random", size, lambda: Record(size, lambda: 0.0), random.Random(seed))
    seen = picked(found, found.everyone(), PICKS, size)
    at_once = [found.pick_any(turn) for turn in range(PICKS)]
    for picks in (seen, at_once):
        assert all(abs(count / PICKS - 1 / size) < 0.002 for count in Counter(picks).values())


def test_fixed_priority_is_the_first() -> None:
    found = fresh("fixed_priority", 5)
    free = found.everyone()
    assert picked(found, free, 3, 5) == [0, 0, 0]
    free.discard(0)
    assert picked(found, free, 3, 5) == [1, 1, 1]


def test_turns_stay_even_when_some_are_passed_over() -> None:
    found = fresh("round_robin", 10)
    free = found.everyone()
    for place in (0, 1, 2, 3, 4, 7):
        free.discard(place)
    assert Counter(picked(found, free, PICKS, 10)) == dict.fromkeys((5, 6, 8, 9), PICKS // 4)


def test_two_processes_on_one_count_of_turns_share_exactly() -> None:
    one, two = fresh("round_robin", 5), fresh("round_robin", 5)
    free = one.everyone()
    few = Places(5)
    few.discard(2)
    one.pick(few, 0, False)  # one has passed over somebody
    counts = Counter((one if turn % 2 else two).pick(free, turn, True) for turn in range(PICKS))
    assert counts == dict.fromkeys(range(5), PICKS // 5)


@given(st.integers(1, 1500))
def test_a_deal_seats_everybody_once(size: int) -> None:
    found = fresh("smart_round_robin", size)
    everyone = found.everyone()
    assert len(everyone) == size
    assert [found.place(found.position(place)) for place in range(size)] == list(range(size))
    assert {found.position(place) for place in range(size)} == set(everyone)


def test_the_best_of_late_come_first_and_the_new_before_those_that_failed() -> None:
    record = Record(4, lambda: 0.0)
    found = SmartRoundRobin(4, record)
    free = found.everyone()
    assert picked(found, free, 4, 4) == [0, 1, 2, 3]
    for _ in range(9):
        record.worked(2)
    record.failed(2)
    record.failed(0)
    record.worked(1)
    assert picked(found, free, 8, 4) == [1, 3, 2, 0] * 2


def test_thousands_are_ranked_a_group_at_a_time_and_bad_ones_are_spread() -> None:
    size = 1000
    record = Record(size, lambda: 0.0)
    for place in range(500):
        record.failed(place)
    found = SmartRoundRobin(size, record)
    lap = picked(found, found.everyone(), size, size)
    assert sorted(lap) == list(range(size))
    for start in range(0, size, GROUP):
        group = lap[start : start + GROUP]
        assert all(place >= 500 for place in group[:50]) and all(place < 500 for place in group[50:])


@given(st.sampled_from(["round_robin", "random", "fixed_priority", "smart_round_robin"]), st.data())
def test_only_what_is_free_is_picked(scheduling: KeyScheduling, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    found = fresh(scheduling, size)
    free = found.everyone()
    for turn in range(data.draw(st.integers(1, 30))):
        place = data.draw(st.integers(0, size - 1))
        position = found.position(place)
        if data.draw(st.booleans()):
            free.add(position)
        elif len(free) > 1:
            free.discard(position)
        assert found.pick(free, turn, len(free) == size) in free
