"""What client keys may use up, and what it costs: from the file to the Plan."""

from uni_api.config.policy import Allowance, ByModel, PriceList
from uni_api.config.schema import ClientPreferences, Preferences

NANOS = 1_000_000_000
"""Billionths in a dollar."""


def of(preferences: ClientPreferences, overall: Preferences) -> Allowance | None:
    """None: the key may use as much as it likes."""
    table = preferences.rate_limit or preferences.old_rate_limit
    dollars = preferences.credits
    unlimited = dollars is None or dollars < 0
    if table is None and unlimited and not overall.rate_limit:
        return None
    return Allowance(
        limits=ByModel(table.entries, table.default) if table is not None else None,
        overall=overall.rate_limit or (),
        credits=None if dollars is None or dollars < 0 else round(dollars * NANOS),
        since=preferences.created_at or "",
    )


def prices(overall: Preferences) -> PriceList:
    table = overall.model_price
    return PriceList(table.entries, table.default) if table is not None else PriceList()
