"""What one model family takes and another refuses, as one table.

Source: platform.claude.com, pages "Models overview", "Troubleshooting thinking", "Effort", "Structured outputs",
"Mid-conversation system messages", and the migration guides of Opus 5.5, Sonnet 5.5 and Haiku 5.5 (read 2026-11-24).
Sampling is what API version 2023-06-01 takes; version 2026-10-21 takes none from any model.
"""

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from uni_api.canon import Effort


class Family(Struct, frozen=True, kw_only=True):
    """`max_tokens` is the most that the family can answer, and what is asked for when the client does not say.

    `sampling`: all of temperature, top_p and top_k; one: temperature or top_p, not both; none: refused. `budget` and
    `adaptive` are the kinds of thinking it takes, `efforts` its effort words, `off` how thinking is turned off (omit:
    it is off unless asked for; never: it can't be). `shows` tells whether thinking is shown unless told otherwise.
    `prefill`: it continues a final assistant turn. `schema`: it takes output_config.format and strict tools. `forced`:
    tool_choice may force a call. `system_midway`: messages may have the role system.
    """

    max_tokens: int
    sampling: Literal["all", "one", "none"] = "all"
    budget: bool = False
    adaptive: bool = False
    efforts: tuple[Effort, ...] = ()
    off: Literal["omit", "disabled", "between_tools", "never"] = "omit"
    shows: bool = True
    prefill: bool = True
    schema: bool = False
    forced: bool = True
    system_midway: bool = False

    @property
    def thinks_unasked(self) -> bool:
        return self.off != "omit"


_THREE: tuple[Effort, ...] = ("low", "medium", "high")
_FOUR: tuple[Effort, ...] = (*_THREE, "max")
_FIVE: tuple[Effort, ...] = (*_THREE, "xhigh", "max")


def _four_six(max_tokens: int) -> Family:
    return Family(
        max_tokens=max_tokens, sampling="one", budget=True, adaptive=True, efforts=_FOUR, prefill=False, schema=True
    )


def _adaptive(
    off: Literal["omit", "disabled", "between_tools", "never"], *, forced: bool = True, midway: bool = True
) -> Family:
    return Family(
        max_tokens=128_000,
        sampling="none",
        adaptive=True,
        efforts=_FIVE,
        off=off,
        shows=False,
        prefill=False,
        schema=True,
        forced=forced,
        system_midway=midway,
    )


_FOUR_FIVE = Family(max_tokens=64_000, sampling="one", budget=True, schema=True)
_NEWEST = _adaptive("never", forced=False)

FAMILIES: dict[str, Family] = {
    "claude-2": Family(max_tokens=4_096),
    "claude-v2": Family(max_tokens=4_096),
    "claude-instant": Family(max_tokens=4_096),
    "claude-3": Family(max_tokens=4_096),
    "claude-3-5": Family(max_tokens=8_192),
    "claude-3-7": Family(max_tokens=64_000, budget=True),
    "claude-opus-4": Family(max_tokens=32_000, budget=True),
    "claude-opus-4-1": Family(max_tokens=32_000, sampling="one", budget=True, schema=True),
    "claude-sonnet-4": Family(max_tokens=64_000, budget=True),
    "claude-haiku-4-5": _FOUR_FIVE,
    "claude-sonnet-4-5": _FOUR_FIVE,
    "claude-opus-4-5": Family(max_tokens=64_000, sampling="one", budget=True, efforts=_THREE, schema=True),
    "claude-sonnet-4-6": _four_six(64_000),
    "claude-opus-4-6": _four_six(128_000),
    "claude-opus-4-7": _adaptive("omit", midway=False),
    "claude-opus-4-8": _adaptive("omit"),
    "claude-sonnet-5": _adaptive("disabled"),
    "claude-opus-5": _adaptive("disabled"),
    "claude-mythos-preview": _adaptive("never", midway=False),
    "claude-mythos-5": _adaptive("never"),
    "claude-fable-5": _adaptive("never"),
    "claude-haiku-5-5": _adaptive("disabled"),
    "claude-sonnet-5-5": _adaptive("between_tools", forced=False),
    "claude-opus-5-5": _NEWEST,
    "claude-mythos-5-1": _NEWEST,
    "claude-mythos-5-2": _NEWEST,
    "claude-fable-5-1": _NEWEST,
    "claude-fable-5-2": _NEWEST,
    # Families not yet known are taken to be like the newest: it refuses most, so that nothing sent to them is refused.
    "claude-opus": _NEWEST,
    "claude-sonnet": _NEWEST,
    "claude-haiku": _NEWEST,
    "claude-mythos": _NEWEST,
    "claude-fable": _NEWEST,
}

OTHER = Family(max_tokens=8_192, budget=True, off="omit")
"""Models of other makers behind this dialect: the first published form of it is the one they copy."""

_SIZE_LAST = re.compile(r"^claude-(\d)-(\d-)?(opus|sonnet|haiku)\b")


@lru_cache(maxsize=256)
def family_of(model: str) -> Family:
    """The family of `model`, whatever a host puts before or after its name (`anthropic/`, `us.anthropic.`, `-v1:0`)."""
    _, found, tail = model.lower().rpartition("claude-")
    if not found:
        return OTHER
    name = (found + tail).replace(".", "-")
    if (swapped := _SIZE_LAST.match(name)) and swapped[1] > "3":
        minor = swapped[2] or ""
        name = f"claude-{swapped[3]}-{swapped[1]}-{minor}".rstrip("-") + name[swapped.end() :]
    fits = [key for key in FAMILIES if name == key or (name.startswith(key) and name[len(key)] in "-@:")]
    return FAMILIES[max(fits, key=len)] if fits else OTHER
