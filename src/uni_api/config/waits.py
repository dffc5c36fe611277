"""How long to wait, and what to do meanwhile: from the file to the Plan."""

from uni_api.config import schema
from uni_api.config.policy import Hedging

MOST_AT_ONCE = 4


def hedging(section: schema.Hedging | None) -> Hedging | None:
    """None: nobody is asked twice."""
    if section is None or not section.enabled:
        return None
    usual = Hedging()
    return Hedging(
        after=section.after or usual.after,
        most=min(section.max_inflight_attempts or usual.most, MOST_AT_ONCE),
        share=usual.share if section.max_extra is None else section.max_extra / 100,
    )
