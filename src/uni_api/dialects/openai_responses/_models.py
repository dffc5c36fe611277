"""What one model family takes and another refuses.

Source: developers.openai.com, page "Reasoning models"; recorded answers of api.openai.com and api.x.ai (2026-11-24).
A model that does not reason answers `reasoning` and `include: ["reasoning.encrypted_content"]` with status 400.
"""

import re
from functools import lru_cache

from msgspec import Struct

from uni_api.canon import Effort


class Family(Struct, frozen=True, kw_only=True):
    """`reasons`: whether the model thinks; None where its name does not tell. `least`: the effort that is nearest to no
    thinking at all. `scores`: whether it tells log probabilities."""

    reasons: bool | None = None
    least: Effort = "low"
    scores: bool = True


UNKNOWN = Family()

_TABLE: tuple[tuple[str, Family], ...] = (
    (r"gpt-5(?:\.\d+)?-chat", Family(reasons=False)),
    (r"gpt-5(?:-codex|-pro)", Family(reasons=True, scores=False)),
    (r"gpt-5(?!\.)", Family(reasons=True, least="minimal", scores=False)),
    (r"gpt-5\.\d+-pro", Family(reasons=True, least="medium")),
    (r"gpt-(?:5\.|[6-9])", Family(reasons=True, least="none")),
    (r"o[1-9](?:-|\Z)|codex-", Family(reasons=True, scores=False)),
    (r"gpt-oss", Family(reasons=True)),
    (r"computer-use", Family(reasons=True)),
    (r"gpt-[34]|chatgpt-", Family(reasons=False)),
    (r"grok-.*non-reasoning", Family(reasons=False)),
    (r"grok-(?:3-mini|4)", Family(reasons=True)),
)
"""Beginnings of model names, the first that fits is taken."""


@lru_cache(maxsize=256)
def family_of(model: str) -> Family:
    """The family of `model`, whatever a host puts before its name (`openai/`, `ft:`)."""
    name = model.lower().rpartition("/")[2].removeprefix("ft:")
    return next((family for pattern, family in _TABLE if re.match(pattern, name)), UNKNOWN)
