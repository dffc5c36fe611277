import pytest

from uni_api.relay.retry_after import asked

NOW = 1_795_521_600.0  # 2026-11-24T12:00:00Z


def waits(status: int = 429, /, **headers: str) -> float | None:
    found = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return asked(status, found.get, NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("20", 20),
        ("0", 0),
        (" 1.5 ", 1.5),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("2s", 2),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("1e5", None),
        ("Tue, 99 Nov 2026 12:00:30 GMT", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert waits(retry_after=value) == seconds
    assert waits(503, retry_after=value) == seconds


def test_milliseconds_are_more_exact() -> None:
    assert waits(retry_after_ms="1250", retry_after="2") == 1.25
    assert waits(retry_after_ms="no", retry_after="2") == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("120ms", 0.12),
        ("1h2m3.5s", 3723.5),
        ("2m59.56s", 179.56),
        ("1d", 86_400),
        ("45", 45),
        (str(int(NOW) + 90), 90),
        (str((int(NOW) + 90) * 1000), 90),
        (str(int(NOW) - 90), 0),
        ("s", None),
        ("1 s", None),
        ("1s!", None),
        ("9" * 39 + "d", 1e9),
    ],
)
def test_a_reset_is_a_span_or_a_time(value: str, seconds: float | None) -> None:
    assert waits(x_ratelimit_reset=value) == (pytest.approx(seconds) if seconds is not None else None)


def test_the_reset_of_the_limit_that_was_hit_counts() -> None:
    both = {"x_ratelimit_reset_requests": "1s", "x_ratelimit_reset_tokens": "6m0s"}
    assert waits(x_ratelimit_remaining_requests="0", x_ratelimit_remaining_tokens="900", **both) == 1
    assert waits(x_ratelimit_remaining_requests="59", x_ratelimit_remaining_tokens="0", **both) == 360
    assert waits(x_ratelimit_remaining_requests="0", x_ratelimit_remaining_tokens="0", **both) == 360
    assert waits(**both) == 1
    assert waits(retry_after="3", **both) == 3


def test_resets_in_other_answers_mean_nothing() -> None:
    assert waits(500, x_ratelimit_reset_requests="1s") is None
    assert waits() is None
