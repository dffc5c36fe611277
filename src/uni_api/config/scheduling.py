"""In which order channels are tried, and how long they rest. From the file to the Plan."""

from typing import cast

from uni_api.config.findings import Findings
from uni_api.config.plan import Scheduling
from uni_api.config.schema import ClientEntry, ClientPreferences, Preferences, ProviderPreferences

USUAL_COOLDOWN = 300.0

_WEIGHING: frozenset[Scheduling] = frozenset(("weighted_round_robin", "lottery", "smart_round_robin"))


def algorithm(entry: ClientEntry, findings: Findings) -> Scheduling:
    """The algorithm of a client key. Weights that it does not look at are reported."""
    preferences = entry.preferences or ClientPreferences.empty(entry.path)
    found = cast(Scheduling, preferences.scheduling or "fixed_priority")
    if found not in _WEIGHING and any(rule.weight is not None for rule in entry.model or ()):
        findings.warning(
            entry.at("model"),
            f"{entry.path}.model",
            f"{found} does not look at weights; for these to count, write SCHEDULING_ALGORITHM: weighted_round_robin "
            "under the key's preferences",
        )
    return found


def cooldown(channel: ProviderPreferences, overall: Preferences) -> float:
    """Seconds for which the channel rests after a failure."""
    for found in (channel.cooldown_period, overall.cooldown_period):
        if found is not None:
            return found
    return USUAL_COOLDOWN
