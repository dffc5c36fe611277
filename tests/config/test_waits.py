import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan
from uni_api.config.plan import Plan
from uni_api.config.policy import Hedging, Waits


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


FACTS = {"endpoint": ("/v1/chat/completions",), "model": ("alias", "upstream"), "provider": ("p",), "role": ()}


def _policy(everywhere: str = "", channel: str = "") -> Plan:
    return plan(
        "providers: [{provider: p, base_url: 'https://a.b', model: [m], "
        f"preferences: {{timeout_policy: {channel}}}}}]\n{CLIENTS}preferences: {{timeout_policy: {everywhere}}}"
    )


@pytest.mark.parametrize(
    ("everywhere", "channel", "waits"),
    [
        ("", "", Waits()),
        ("{default: {idle: 5}}", "", Waits(idle=5)),
        ("{default: {idle: 5, total: 9}}", "{default: {idle: 6}}", Waits(idle=6, total=9)),
        ("{rules: [{match: {model: alias}, timeout: {idle: 7}}]}", "{default: {idle: 6}}", Waits(idle=7)),
        (
            "{rules: [{match: {model: alias}, timeout: {idle: 7}}]}",
            "{rules: [{match: {provider: p}, timeout: {idle: 8}}]}",
            Waits(idle=8),
        ),
        ("{rules: [{match: {model: ['no', 'UP*']}, timeout: {idle: 7}}]}", "", Waits(idle=7)),
        ("{rules: [{match: {model: up}, timeout: {idle: 7}}]}", "", Waits()),
        ("{rules: [{match: {stream: true}, timeout: {idle: 7}}]}", "", Waits(idle=7)),
        ("{rules: [{match: {stream: false}, timeout: {idle: 7}}]}", "", Waits()),
        ("{rules: [{match: {role: '*'}, timeout: {idle: 7}}]}", "", Waits()),
        ("{rules: [{timeout: {idle: 7}}]}", "", Waits(idle=7)),
        (
            "{rules: [{match: {model: alias, provider: p}, timeout: {idle: 1}}, {match: {provider: p}, "
            "timeout: {idle: 2, connect: 3}}]}",
            "",
            Waits(idle=1, connect=3),
        ),
        ("{default: {pool: 4}}", "", Waits(connect=4)),
    ],
)
def test_the_most_specific_rule_that_fits_is_the_strongest(everywhere: str, channel: str, waits: Waits) -> None:
    found = _policy(everywhere, channel)
    assert found.waits_for(found.channels[0], FACTS, stream=True) == waits


def test_roles_matter_only_where_a_rule_asks_for_one() -> None:
    assert not _policy("{rules: [{match: {model: a}, timeout: {idle: 7}}]}").waits_by_role
    assert _policy("", "{rules: [{match: {role: a}, timeout: {idle: 7}}]}").waits_by_role


def test_error_triggers_are_looked_for_in_every_spelling_of_json() -> None:
    found = plan(f'{PROVIDERS}{CLIENTS}preferences: {{error_triggers: ["no \\"money\\"", é]}}').error_triggers
    assert set(found) == {b'no "money"', b'no \\"money\\"', "é".encode(), b"\\u00e9"}
    assert plan(f"{PROVIDERS}{CLIENTS}preferences: {{error_triggers: one}}").error_triggers == (b"one",)
    assert plan(PROVIDERS + CLIENTS).error_triggers == ()
