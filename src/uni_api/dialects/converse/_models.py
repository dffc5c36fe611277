"""What one model family takes and another refuses, as one table.

Source: docs.aws.amazon.com, Amazon Bedrock user guide, pages "Supported models and model features" (Converse), "Get
validated JSON results from models", "Prompt caching" and the pages of model parameters; Amazon Nova 2 user guide, page
"Extended thinking"; for Claude, platform.claude.com, page "Models overview" (all read 2026-11-24).
"""

from functools import lru_cache
from typing import Literal

from msgspec import Struct

from uni_api.canon import Effort

# How a model is told to think, in `additionalModelRequestFields`:
#   budget, adaptive  thinking {type, budget_tokens}, thinking {type: adaptive} and output_config.effort
#   nova              reasoningConfig {type, maxReasoningEffort}
#   effort            reasoning_effort, a word
#   nested            reasoning.effort, a word
#   config            reasoning_config, a word
#   none              it isn't: it always thinks, or never
Thinks = Literal["none", "budget", "adaptive", "nova", "effort", "nested", "config"]


class Family(Struct, frozen=True, kw_only=True):
    """`top_k` is the path of that knob in `additionalModelRequestFields`, empty where it is refused.

    `sampling`: all of temperature, topP and topK; one: temperature or topP; none: refused. `max_tokens` is the most it
    can answer, where a thinking budget must stay below it. `efforts` are its effort words. `thinks_unasked`: it must be
    told not to think. `shows`: thinking is shown unless told otherwise. `prefill`: it continues a final assistant turn.
    `schema`: it takes outputConfig.textFormat and strict tools. `forced` are the kinds of toolChoice it takes beside
    auto. `cache`: where cache points may stand; `hour`: they may last an hour. `status`: it takes toolResult.status.
    """

    top_k: tuple[str, ...] = ()
    sampling: Literal["all", "one", "none"] = "all"
    max_tokens: int = 8_192
    thinks: Thinks = "none"
    efforts: tuple[Effort, ...] = ()
    thinks_unasked: bool = False
    shows: bool = True
    prefill: bool = False
    schema: bool = False
    forced: frozenset[str] = frozenset()
    cache: Literal["none", "messages", "everywhere"] = "none"
    hour: bool = False
    status: bool = False
    system: bool = True
    tools: bool = True


_THREE: tuple[Effort, ...] = ("low", "medium", "high")
_FOUR: tuple[Effort, ...] = (*_THREE, "max")
_FIVE: tuple[Effort, ...] = (*_THREE, "xhigh", "max")
_ANY = frozenset({"any"})
_ANY_OR_ONE = frozenset({"any", "tool"})


def _claude(
    max_tokens: int,
    *,
    thinks: Thinks = "none",
    efforts: tuple[Effort, ...] = (),
    sampling: Literal["all", "one", "none"] = "all",
    schema: bool = False,
    prefill: bool = True,
    cache: Literal["none", "everywhere"] = "everywhere",
) -> Family:
    return Family(
        top_k=("top_k",) if sampling != "none" else (),
        sampling=sampling,
        max_tokens=max_tokens,
        thinks=thinks,
        efforts=efforts,
        shows=sampling != "none",
        prefill=prefill,
        schema=schema,
        forced=_ANY_OR_ONE,
        cache=cache,
        hour=schema,
        status=True,
    )


def _newest(*, forced: frozenset[str] = _ANY_OR_ONE, unasked: bool = True) -> Family:
    return Family(
        sampling="none",
        max_tokens=128_000,
        thinks="adaptive",
        efforts=_FIVE,
        thinks_unasked=unasked,
        shows=False,
        schema=True,
        forced=forced,
        cache="everywhere",
        hour=True,
        status=True,
    )


_CLAUDE_4_5 = _claude(64_000, thinks="budget", sampling="one", schema=True)
_CLAUDE_4_6 = _claude(64_000, thinks="adaptive", efforts=_FOUR, sampling="one", schema=True, prefill=False)
_NOVA = Family(
    top_k=("inferenceConfig", "topK"),
    prefill=True,
    forced=_ANY_OR_ONE,
    cache="messages",
    status=True,
    max_tokens=10_000,
)
_OPEN_WEIGHT = Family(schema=True, thinks="config", efforts=_THREE)
_TEXT_ONLY = Family(system=False, tools=False)

FAMILIES: dict[str, Family] = {
    "anthropic.claude-v2": _claude(4_096, cache="none"),
    "anthropic.claude-instant": _claude(4_096, cache="none"),
    "anthropic.claude-3": _claude(4_096, cache="none"),
    "anthropic.claude-3-5": _claude(8_192),
    "anthropic.claude-3-7": _claude(64_000, thinks="budget"),
    "anthropic.claude-sonnet-4": _claude(64_000, thinks="budget"),
    "anthropic.claude-opus-4": _claude(32_000, thinks="budget"),
    "anthropic.claude-opus-4-1": _claude(32_000, thinks="budget", sampling="one"),
    "anthropic.claude-haiku-4-5": _CLAUDE_4_5,
    "anthropic.claude-sonnet-4-5": _CLAUDE_4_5,
    "anthropic.claude-opus-4-5": _CLAUDE_4_5,
    "anthropic.claude-sonnet-4-6": _CLAUDE_4_6,
    "anthropic.claude-opus-4-6": _CLAUDE_4_6,
    "anthropic.claude-opus-4-7": _newest(unasked=False),
    "anthropic.claude-opus-4-8": _newest(unasked=False),
    "anthropic.claude-sonnet-5": _newest(),
    "anthropic.claude-opus-5": _newest(),
    # Families not yet known are taken to be like the newest: it refuses most, so that nothing sent to them is refused.
    "anthropic": _newest(forced=frozenset()),
    "amazon.nova": _NOVA,
    "amazon.nova-2": Family(
        top_k=("inferenceConfig", "topK"),
        thinks="nova",
        efforts=_THREE,
        max_tokens=65_000,
        prefill=True,
        forced=_ANY_OR_ONE,
        cache="messages",
        status=True,
    ),
    "amazon.titan-text": _TEXT_ONLY,
    "ai21.j2": _TEXT_ONLY,
    "ai21.jamba": Family(),
    "cohere.command-text": _TEXT_ONLY,
    "cohere.command-light-text": _TEXT_ONLY,
    "cohere.command-r": Family(top_k=("k",)),
    "cohere.command-r-plus": Family(top_k=("k",)),
    "deepseek": _OPEN_WEIGHT,
    "deepseek.r1": Family(tools=False),
    "google.gemma": Family(schema=True),
    "meta": Family(),
    "minimax": Family(schema=True),
    "mistral": Family(schema=True, forced=_ANY),
    "mistral.mistral-7b-instruct": Family(top_k=("top_k",), system=False, tools=False),
    "mistral.mixtral-8x7b-instruct": Family(top_k=("top_k",), system=False, tools=False),
    "mistral.mistral-small-2402": Family(),
    "mistral.mistral-large-2402": Family(forced=_ANY),
    "mistral.mistral-large-2407": Family(forced=_ANY),
    "mistral.pixtral-large-2502": Family(forced=_ANY),
    "moonshot": _OPEN_WEIGHT,
    "moonshotai": _OPEN_WEIGHT,
    "nvidia": Family(schema=True),
    "openai": Family(sampling="none", schema=True, thinks="nested", efforts=("none", *_FIVE), thinks_unasked=True),
    "openai.gpt-oss": Family(schema=True, thinks="effort", efforts=_THREE, thinks_unasked=True),
    "qwen": _OPEN_WEIGHT,
    "writer": Family(),
    "zai": _OPEN_WEIGHT,
}

OTHER = Family()
"""Models whose maker the id does not tell, such as an application's inference profile."""


@lru_cache(maxsize=256)
def family_of(model: str) -> Family:
    """The family of a model id or ARN, with or without a region (`us.`, `global.`) before the maker's name."""
    name = "." + model.lower().rpartition("/")[2]
    fits = [key for key in FAMILIES if _holds(name, "." + key)]
    return FAMILIES[max(fits, key=len)] if fits else OTHER


def _holds(name: str, key: str) -> bool:
    at = name.find(key)
    return at >= 0 and name[at + len(key) :][:1] in ("", "-", ".", ":", "@")
