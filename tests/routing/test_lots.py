import random
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from uni_api.routing.lots import PARTS, Lots


@given(st.lists(st.floats(0.001, 1e9), min_size=1, max_size=20), st.integers())
def test_every_place_comes_once(shares: list[float], seed: int) -> None:
    lots = Lots(random.Random(seed))
    for _ in range(5):
        assert sorted(lots.order(shares)) == list(range(len(shares)))


def test_the_first_goes_by_its_share_and_is_kept_close_to_it() -> None:
    lots = Lots(random.Random(7))
    seen = Counter(lots.order([5, 3, 2])[0] for _ in range(40 * PARTS))
    for place, share in enumerate([0.5, 0.3, 0.2]):
        assert abs(seen[place] / seen.total() - share) < 0.002


def test_the_next_go_by_their_share_of_what_is_left() -> None:
    lots = Lots(random.Random(8))
    seconds = Counter(order[1] for _ in range(20_000) if (order := lots.order([5, 3, 2]))[0] == 0)
    assert abs(seconds[1] / seconds.total() - 0.6) < 0.02


def test_draws_are_not_a_cycle() -> None:
    lots = Lots(random.Random(9))
    drawn = [lots.order([1, 1])[0] for _ in range(2 * PARTS)]
    assert drawn[:PARTS] != drawn[PARTS:]
    followed = Counter(pairwise(drawn))
    assert min(followed.values()) > PARTS / 4
