import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.keys import Clock, lines
from uni_api.accounts import telling
from uni_api.state import LocalState, Short, Taken, Want


def told(seconds: float) -> str:
    taken = Taken("1", 0.0, (Want("w", 5, 60),), (3,), (seconds,))
    return lines(telling.of_taken(taken, (False,)))[b"x-ratelimit-reset-requests"].decode()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0201, "21ms"),
        (1, "1s"),
        (12.34, "12.34s"),
        (59.9999, "1m0s"),
        (60, "1m0s"),
        (432.1, "7m13s"),
        (7_200, "2h0m0s"),
        (86_400 * 30, "720h0m0s"),
    ],
)
def test_periods_are_written_as_clients_know_them(seconds: float, text: str) -> None:
    assert told(seconds) == text


def test_the_limit_closest_to_its_end_is_told() -> None:
    wants = (Want("all", 1_000, 60), Want("key", 10, 86_400), Want("key/tokens", 500, 60), Want("nothing", 0, 60))
    taken = Taken("1", 0.0, wants[:3], (90, 8, 500), (10.0, 20.0, 30.0))
    headers = lines(telling.of_taken(taken, (False, False, True)))
    assert headers[b"x-ratelimit-limit-requests"] == b"1000"
    assert headers[b"x-ratelimit-remaining-requests"] == b"90"
    assert headers[b"x-ratelimit-remaining-tokens"] == b"500"


def test_a_wait_without_end_is_not_told() -> None:
    denied = telling.too_many(Short(Want("limit/x/of/m", 0, 60), math.inf, 0), tokens=False, model="m" * 1_000)
    assert denied.retry_after is None
    assert b"x-ratelimit-reset-requests" not in dict(denied.headers)
    assert len(denied.message) < 500


@given(st.lists(st.sampled_from([0.0, 0.25, 0.999999, 1.0, 7.5, 61.0, 90_000.0, -0.5, -30.0]), max_size=40))
def test_a_notice_tells_what_the_windows_are_in_whole_seconds(pauses: list[float]) -> None:
    clock = Clock()
    gauge = LocalState(clock).gauge([Want("m", 9, 60.0), Want("d", 20, 86_400.0)])
    assert gauge is not None
    notice = telling.Notice(gauge)
    for pause in pauses:
        clock.at += pause
        tick = gauge.take()
        if not isinstance(tick, int):
            continue
        window, most = gauge.pairs[gauge.fullest()]
        seconds = -((tick - window.leaves) // 1_000_000)
        assert lines(notice.of(tick)) == {
            b"x-ratelimit-limit-requests": b"%d" % most,
            b"x-ratelimit-remaining-requests": b"%d" % (most - window.total),
            b"x-ratelimit-reset-requests": told(seconds).encode(),
        }
