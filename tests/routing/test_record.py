import pytest

from uni_api.routing.record import HOUR, MOST, Record


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_share_is_of_what_worked() -> None:
    record = Record(3, Clock())
    for _ in range(8):
        record.worked(1)
    for _ in range(3):
        record.failed(1)
    record.failed(2)
    assert record.share(0) == 1.0
    assert record.share(1) == pytest.approx(9 / 12)
    assert record.share(2) == 0.5


@pytest.mark.parametrize("hours", [1, 5, 71])
def test_what_is_older_than_72_hours_does_not_count(hours: int) -> None:
    clock = Clock()
    record = Record(2, clock)
    record.failed(0)
    record.failed(1)
    clock.now += hours * HOUR
    record.failed(0)
    assert record.share(0) == pytest.approx(1 / 3)
    clock.now += (72 - hours) * HOUR
    assert record.share(0) == 0.5
    assert record.share(1) == 1.0
    clock.now += 1000 * HOUR
    assert record.share(0) == 1.0


def test_each_hour_has_its_own_counter() -> None:
    clock = Clock()
    record = Record(1, clock)
    for _ in range(200):
        record.failed(0)
        clock.now += HOUR
    assert record.share(0) == pytest.approx(1 / 72)


def test_a_counter_that_is_full_stays_so() -> None:
    record = Record(1, Clock())
    for _ in range(MOST + 10):
        record.failed(0)
    assert record.share(0) == pytest.approx(1 / (MOST + 1))


def test_another_record_is_taken_over() -> None:
    clock = Clock()
    old, new = Record(2, clock), Record(3, clock)
    old.failed(1)
    new.take_over(2, old, 1)
    assert [new.share(place) for place in range(3)] == [1.0, 1.0, 0.5]
