from typing import get_args

import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan
from uni_api.config.plan import Scheduling


def _key(model: str, algorithm: str | None = "lottery") -> str:
    preferences = f", preferences: {{SCHEDULING_ALGORITHM: {algorithm}}}" if algorithm else ""
    return f"{PROVIDERS}api_keys: [{{api: k, model: {model}{preferences}}}]"


@pytest.mark.parametrize("word", get_args(Scheduling))
def test_every_algorithm_may_be_written(word: Scheduling) -> None:
    found = plan(_key("[all]", word))
    assert found.warnings == ()
    assert [client.scheduling for client in found.clients.values()] == [word]


def test_the_order_of_the_rules_is_usual_and_stands_in_for_what_nobody_knows() -> None:
    [usual] = plan(PROVIDERS + CLIENTS).clients.values()
    found = plan(_key("[all]", "fastest"))
    [unknown] = found.clients.values()
    assert (usual.scheduling, unknown.scheduling) == ("fixed_priority", "fixed_priority")
    assert "fixed_priority is used" in found.warnings[0]


@pytest.mark.parametrize(
    ("written", "weight", "warning"),
    [
        ("5", 5, None),
        ("'5'", 5, None),
        ("0", 0, None),
        ("-1", None, "a weight is a whole number from 1, or 0 for a spare"),
        ("1.5", None, "a weight is a whole number from 1, or 0 for a spare"),
        ("2000000000", 1_000_000_000, "a weight is at most 1000000000"),
    ],
)
def test_weights_below_one_are_told(written: str, weight: int | None, warning: str | None) -> None:
    found = plan(_key(f"[openai/*: {written}]"))
    [client] = found.clients.values()
    assert client.rules[0].weight == weight
    assert len(found.warnings) == (warning is not None)
    assert warning is None or f"api_keys[0].model[0]: {warning}" in found.warnings[0]


@pytest.mark.parametrize("rule", ["openai/*", "openai/m", "<m>", "m", "all"])
def test_every_kind_of_rule_may_have_a_weight(rule: str) -> None:
    found = plan(_key(f"[{rule}: 3]"))
    [client] = found.clients.values()
    assert (client.rules[0].weight, found.warnings) == (3, ())


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (None, True),
        ("fixed_priority", True),
        ("round_robin", True),
        ("random", True),
        ("lowest_latency", True),
        ("least_busy", True),
        ("weighted_round_robin", False),
        ("lottery", False),
        ("smart_round_robin", False),
    ],
)
def test_weights_that_nobody_looks_at_are_told(word: str | None, told: bool) -> None:
    warnings = plan(_key("[openai/*: 3]", word)).warnings
    assert len(warnings) == told
    assert not told or f"api_keys[0].model: {word or 'fixed_priority'} does not look at weights" in warnings[0]


@pytest.mark.parametrize(
    ("channel", "overall", "seconds"),
    [("", "", 300), ("", "60", 60), ("0", "60", 0), ("5", "", 5), ("", "0", 0), ("5", "0", 5)],
)
def test_a_channel_rests_as_it_says_itself_or_as_all_do(channel: str, overall: str, seconds: float) -> None:
    found = plan(
        "providers: [{provider: p, base_url: 'https://a.b', model: [m], "
        f"preferences: {{cooldown_period: {channel}}}}}]\n{CLIENTS}preferences: {{cooldown_period: {overall}}}"
    )
    assert (found.channels[0].cooldown, found.warnings) == (seconds, ())
