from hypothesis import given
from hypothesis import strategies as st

from uni_api.routing.places import BITS, SPARE, Away, Places

SIZES = st.sampled_from([1, 2, 63, BITS - 1, BITS, BITS + 1, 2 * BITS, 5000])


@given(SIZES, st.data())
def test_places_are_a_set_of_numbers(size: int, data: st.DataObject) -> None:
    numbers = st.integers(0, size - 1)
    found, model = Places(size), set(range(size))
    for place in data.draw(st.lists(numbers, max_size=30)):
        assert found.discard(place) == (place in model)
        model.discard(place)
    if data.draw(st.booleans()):
        for place in range(size):
            if place % 7:
                found.discard(place)
                model.discard(place)
    for place in data.draw(st.lists(numbers, max_size=30)):
        found.add(place)
        model.add(place)
    ordered = sorted(model)
    assert list(found) == ordered
    assert len(found) == len(model)
    start = data.draw(numbers)
    assert (start in found) == (start in model)
    assert found.after(start) == next((place for place in ordered if place >= start), None)
    assert found.after(size) is None
    for rank in data.draw(st.lists(st.integers(0, len(model) - 1), max_size=5)) if model else ():
        assert found.nth(rank) == ordered[rank]


@given(st.lists(st.tuples(st.sampled_from(["put", "drop", "back"]), st.integers(0, 9), st.integers(1, 50))))
def test_away_is_a_table_of_times(steps: list[tuple[str, int, int]]) -> None:
    found, model = Away(), dict[int, float]()
    for what, place, time in steps:
        match what:
            case "put":
                found.put(place, time)
                model[place] = max(time, model.get(place, 0))
            case "drop":
                found.drop(place)
                model.pop(place, None)
            case _:
                back = found.back(time)
                assert (back is None) == (min(model.values(), default=99) > time)
                if back is not None:
                    assert model.pop(back) <= time
        assert set(found) == set(model)
        assert found.get(place) == model.get(place)
        assert found.first() == min(((until, who) for who, until in model.items()), default=None)
        odd = [(until, who) for who, until in model.items() if who % 2]
        assert found.first_but(lambda who: who % 2 == 0) == min(odd, default=None)


def test_what_goes_away_again_and_again_leaves_little_behind() -> None:
    found = Away()
    for turn in range(10_000):
        found.drop(turn % 3)
        found.put(turn % 3, 1e6 - turn)
    assert len(found._heap) <= 2 * len(found) + SPARE
    assert found.first() == (1e6 - 9_999, 0)
