"""The keys of a channel: their order, their limits, their rests. From the file to the Plan."""

from typing import cast

from uni_api.config.plan import KeyScheduling
from uni_api.config.policy import ByModel, KeyRests, Limits
from uni_api.config.schema import ProviderPreferences


def scheduling(preferences: ProviderPreferences) -> KeyScheduling:
    return cast(KeyScheduling, preferences.api_key_schedule_algorithm or "round_robin")


def limits(preferences: ProviderPreferences) -> ByModel[Limits] | None:
    """What each key may be used for, by the upstream's name for the model."""
    table = preferences.api_key_rate_limit
    return ByModel(table.entries, table.default) if table is not None else None


def rests(preferences: ProviderPreferences) -> KeyRests:
    quota = preferences.api_key_quota_cooldown_period
    return KeyRests(
        failure=preferences.api_key_cooldown_period,
        rate=preferences.api_key_rate_limit_cooldown_period,
        quota=KeyRests().quota if quota is None else quota,
    )
