"""Token counts: the API's overlapping ones to canon's disjoint ones.

Source: UsageMetadata, ai.google.dev/api/generate-content, read 2026-11-24: the prompt includes what was cached but not
what tools of the server fed back; thoughts are not among the candidates' tokens.
"""

from collections.abc import Mapping
from typing import Any

from uni_api.canon import Usage


def read_usage(raw: Any) -> Usage | None:
    """None when `raw` holds no count at all: early events of a stream name only the kind of traffic."""
    if not isinstance(raw, dict):
        return None
    prompt = _count(raw, "promptTokenCount")
    candidates = _count(raw, "candidatesTokenCount")
    thoughts = _count(raw, "thoughtsTokenCount")
    if not (prompt or candidates or thoughts):
        return None
    cached = min(_count(raw, "cachedContentTokenCount"), prompt)
    return Usage(
        input=prompt - cached + _count(raw, "toolUsePromptTokenCount"),
        cache_read=cached,
        output=candidates + thoughts,
        reasoning=thoughts,
        input_audio=_audio(raw, "promptTokensDetails"),
        output_audio=_audio(raw, "candidatesTokensDetails"),
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _audio(raw: Mapping[str, Any], name: str) -> int:
    details = raw.get(name)
    return sum(
        _count(detail, "tokenCount")
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, dict) and detail.get("modality") == "AUDIO"
    )
