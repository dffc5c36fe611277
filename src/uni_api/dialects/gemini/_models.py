"""What the families of models take: one table, first match wins.

Sources, read 2026-11-24: ai.google.dev/gemini-api/docs/thinking (budgets, levels), .../thought-signatures (who refuses
calls without one), .../function-calling (media in results), .../structured-output (JSON Schema, JSON beside tools),
.../generate-content/whats-new-gemini-3.6 (fixed sampling, no prefill), github.com/google-gemini/cookbook/issues/1290
(penalties).
A model that no row knows is taken for a current one, but no thinking setting is sent that nobody asked for.
"""

import re
from typing import Final, Literal

from msgspec import Struct

Level = Literal["minimal", "low", "medium", "high"]

_ALL_LEVELS: Final[tuple[Level, ...]] = ("minimal", "low", "medium", "high")


class Family(Struct, frozen=True, kw_only=True):
    """`thinking` names the knob: a token budget within `floor`..`ceiling`, or one of `levels`, or none at all.

    `can_stop`: thinking can be switched off. `shows`: thoughts are asked for unless the client declines.
    `needs_signatures`: a call of the current turn without a thought signature is refused.
    `json_schema`: takes JSON Schema as such. `json_mode`: can be held to JSON. `json_with_tools`: even beside tools.
    `instructions`: takes a systemInstruction. `result_media`: media may be part of a function response.
    `filters_off`: takes the threshold OFF. `penalties`, `candidates` (several of them), `sampling` (temperature, top-p
    and top-k): heeds them. `prefill`: goes on with an answer that the client began.
    """

    thinking: Literal["budget", "level", "none"] = "none"
    floor: int = 0
    ceiling: int = 24576
    can_stop: bool = True
    levels: tuple[Level, ...] = _ALL_LEVELS
    shows: bool = False
    needs_signatures: bool = False
    json_schema: bool = True
    json_mode: bool = True
    json_with_tools: bool = False
    instructions: bool = True
    result_media: bool = False
    filters_off: bool = True
    penalties: bool = True
    candidates: bool = True
    sampling: bool = True
    prefill: bool = True


def _second(*, floor: int, ceiling: int = 24576, can_stop: bool = True, shows: bool = True) -> Family:
    return Family(thinking="budget", floor=floor, ceiling=ceiling, can_stop=can_stop, shows=shows, penalties=False)


def _third(*levels: Level, newest: bool = False) -> Family:
    return Family(
        thinking="level",
        can_stop=False,
        levels=levels,
        shows=True,
        needs_signatures=True,
        json_with_tools=True,
        result_media=True,
        penalties=False,
        candidates=False,
        sampling=not newest,
        prefill=not newest,
    )


_FIRST: Final = Family(json_schema=False, filters_off=False)
_GEMMA: Final = Family(json_schema=False, filters_off=False, json_mode=False, instructions=False)
_SPECIAL: Final = Family(json_mode=False, instructions=False)
_UNKNOWN: Final = Family(thinking="level", json_with_tools=True)

_FAMILIES: Final[tuple[tuple[re.Pattern[str], Family], ...]] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"-tts\b|native-audio|embedding|\baqa\b|\bimagen|\bveo|\blyria", _SPECIAL),
        (r"gemini-[12](\.\d+)?-.*image", _SPECIAL),
        (r"gemini-(3|[4-9]).*image", Family(thinking="level", can_stop=False, shows=True, json_with_tools=True)),
        (r"gemma-[123]", _GEMMA),
        (r"gemini-1\.|gemini-pro(-vision)?$|gemma|learnlm", _FIRST),
        (r"gemini-2\.0", Family()),
        (r"gemini-2\.5-flash-lite", _second(floor=512, shows=False)),
        (r"gemini-2\.5-(pro|computer)", _second(floor=128, ceiling=32768, can_stop=False)),
        (r"gemini-2\.5|robotics-er", _second(floor=1)),
        # 3.6 Flash and 3.5 Flash-Lite changed the rules for all that came after them; from 3.7 on, Flash (not
        # Flash-Lite) refuses the level minimal.
        (r"gemini-3\.5-flash-lite|gemini-3\.6-flash", _third(*_ALL_LEVELS, newest=True)),
        (r"gemini-(3\.[6-9]|[4-9]).*flash-lite|gemini-flash-lite-latest", _third(*_ALL_LEVELS, newest=True)),
        (r"gemini-3(\.[0-5])?-flash", _third(*_ALL_LEVELS)),
        (r"gemini-3-pro", _third("low", "high")),
        (r"gemini-3(\.[0-5])?-|gemini-pro-latest", _third("low", "medium", "high")),
        (r"gemini-[3-9]|gemini-flash-latest", _third("low", "medium", "high", newest=True)),
    )
)


def family_of(model: str) -> Family:
    """The facts about `model`, which may bear a path (`models/gemini-2.5-pro`)."""
    name = model.lower()
    for pattern, family in _FAMILIES:
        if pattern.search(name):
            return family
    return _UNKNOWN
