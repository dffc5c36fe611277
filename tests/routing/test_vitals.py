import pytest

from uni_api.routing.vitals import COUNTED, FADING, FAILED, UNKNOWN, Vitals


def test_a_slower_answer_counts_at_once_and_faster_ones_by_and_by() -> None:
    vitals = Vitals()
    vitals.answered(1.0, now=0)
    vitals.answered(4.0, now=1)
    assert vitals.latency == 4.0
    vitals.answered(1.0, now=1 + FADING / 10)
    assert vitals.latency == pytest.approx(4.0 - 3.0 * 0.0952, abs=0.01)
    for turn in range(200):
        vitals.answered(1.0, now=10 + turn * FADING / 10)
    assert vitals.latency == pytest.approx(1.0)


def test_what_is_busy_costs_more() -> None:
    vitals = Vitals()
    vitals.answered(2.0, now=0)
    assert vitals.cost(0) == 2.0
    vitals.busy = 3
    assert vitals.cost(0) == 8.0


def test_what_is_not_known_is_tried_out_but_not_by_everybody_at_once() -> None:
    vitals = Vitals()
    assert vitals.cost(0) == 0
    vitals.busy = 2
    assert vitals.cost(0) == 2 * UNKNOWN


def test_what_was_measured_long_ago_counts_for_less() -> None:
    vitals = Vitals()
    vitals.answered(8.0, now=0)
    assert vitals.cost(FADING) == pytest.approx(8.0 / 2.718, rel=0.01)
    assert vitals.cost(100 * FADING) < 0.001
    assert vitals.latency == 8.0


def test_failing_fast_is_not_being_fast() -> None:
    vitals = Vitals()
    vitals.answered(0.1, now=0)
    vitals.failed(now=1)
    assert vitals.latency == FAILED


def test_silence_is_a_lower_bound() -> None:
    vitals = Vitals()
    vitals.answered(2.0, now=0)
    vitals.silent(1.0, now=1)
    assert vitals.latency == 2.0
    vitals.silent(30.0, now=2)
    assert vitals.latency == 30.0


def test_a_clock_that_is_set_back_breaks_nothing() -> None:
    vitals = Vitals()
    vitals.answered(2.0, now=1e9)
    vitals.worked(now=1e9)
    assert vitals.cost(0) == 2.0
    assert vitals.reliability(0) == 1.0


def test_reliability_is_the_share_of_successes_and_is_forgotten() -> None:
    vitals = Vitals()
    assert vitals.reliability(0) == 1.0
    for _ in range(9):
        vitals.worked(0)
    for _ in range(10):
        vitals.failed(0)
    assert vitals.reliability(0) == pytest.approx(0.5)
    assert vitals.reliability(20 * COUNTED) == pytest.approx(1.0)
    assert repr(Vitals()) == "<Vitals 0 in flight, ?, 0.0 good, 0.0 bad>"
