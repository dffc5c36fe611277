"""Where conversations are kept. From the file to the Plan."""

from typing import Literal, cast

from uni_api.config import schema
from uni_api.config.policy import Affinity


def rule(section: schema.Affinity | None) -> Affinity | None:
    """None: nothing is remembered."""
    if section is None:
        return None
    usual = Affinity()
    return Affinity(
        seconds=section.seconds or usual.seconds, by=cast(Literal["prefix", "session"], section.by or usual.by)
    )
