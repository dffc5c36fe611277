import pytest

from uni_api.config.load import loads
from uni_api.config.plan import Channel
from uni_api.config.policy import ByModel, KeyRests, Limit


def channel(preferences: str) -> Channel:
    text = f"providers:\n  - {{provider: p, base_url: 'https://a.test/v1', api: k, preferences: {preferences}}}\n"
    plan = loads(text.encode() + b"api_keys: [{api: sk-client}]\n", environ={})
    assert not plan.warnings
    return plan.channels[0]


def test_a_channel_that_says_nothing_of_its_keys() -> None:
    found = channel("{}")
    assert (found.key_scheduling, found.key_limits) == ("round_robin", None)
    assert found.key_rests == KeyRests(failure=None, rate=None, quota=21_600)


@pytest.mark.parametrize("word", ["round_robin", "random", "fixed_priority", "smart_round_robin"])
def test_every_order_of_keys(word: str) -> None:
    assert channel(f"{{api_key_schedule_algorithm: {word}}}").key_scheduling == word


def test_limits_for_all_models_or_by_model() -> None:
    assert channel("{api_key_rate_limit: '15/min,10/day'}").key_limits == ByModel(
        default=(Limit(15, 60), Limit(10, 86_400))
    )
    assert channel("{api_key_rate_limit: {flash: 2/min, default: '4/min,8000/tpr'}}").key_limits == ByModel(
        (("flash", (Limit(2, 60),)),), (Limit(4, 60), Limit(8_000))
    )


def test_rests_and_that_0_is_not_the_same_as_nothing() -> None:
    given = "{api_key_cooldown_period: 60, api_key_rate_limit_cooldown_period: 1800, api_key_quota_cooldown_period: 9}"
    assert channel(given).key_rests == KeyRests(failure=60, rate=1800, quota=9)
    given = "{api_key_cooldown_period: 0, api_key_rate_limit_cooldown_period: 0, api_key_quota_cooldown_period: 0}"
    assert channel(given).key_rests == KeyRests(failure=0, rate=0, quota=0)
