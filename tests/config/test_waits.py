import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan
from uni_api.config.policy import Hedging


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("", None),
        ("{}", None),
        ("{enabled: false, after: 1}", None),
        ("{enabled: true}", Hedging(after=5.0, most=2, share=0.1)),
        ("{enabled: true, after: 2.5, max_inflight_attempts: 9, max_extra: 3}", Hedging(after=2.5, most=4, share=0.03)),
        ("{enabled: true, max_extra: 0}", Hedging(share=0.0)),
    ],
)
def test_hedging_is_off_unless_it_is_asked_for(written: str, found: Hedging | None) -> None:
    assert plan(f"{PROVIDERS}{CLIENTS}preferences: {{hedging: {written}}}").hedging == found


@pytest.mark.parametrize(
    ("channel", "everywhere", "seconds"),
    [
        ("", "", None),
        ("", "99999", None),
        ("", "25", 25),
        ("15", "25", 15),
        ("99999", "25", None),
        ("{other: 15}", "25", 25),
        ("{m: 15, default: 99999}", "25", 15),
        ("{up: 7}", "25", 7),
    ],
)
def test_signs_of_life_are_looked_up_like_timeouts(channel: str, everywhere: str, seconds: float | None) -> None:
    found = plan(
        "providers: [{provider: p, base_url: 'https://a.b', model: [upper: m], "
        f"preferences: {{keepalive_interval: {channel}}}}}]\n"
        f"{CLIENTS}preferences: {{keepalive_interval: {everywhere}}}"
    )
    assert found.keepalive_for(found.channels[0], "m", "upper") == seconds
    assert found.keeps_alive == bool(channel or everywhere)
