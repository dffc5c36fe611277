"""The dialect's fixed words: its name, why an answer ends, which filters there are.

Source: ai.google.dev/api/generate-content (FinishReason, BlockedReason, HarmCategory), read 2026-11-24.
"""

from typing import Final, Literal

NAME: Final = "gemini"

RAW_FIELD: Final = "input"
"""The argument that carries a tool call's text where that text is no JSON object (free-text tools, broken JSON)."""

RESULT_FIELD: Final = "result"
ERROR_FIELD: Final = "error"
"""The field of a functionResponse that carries what the tool said. The API wants an object; the text stays as it is."""

SKIP_SIGNATURE: Final = "skip_thought_signature_validator"
"""Stands in for a missing thought signature. Source: ai.google.dev/gemini-api/docs/thought-signatures, FAQ."""

HARM_CATEGORIES: Final = (
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
)
"""The categories that can be adjusted. HARM_CATEGORY_CIVIC_INTEGRITY is deprecated: its filter is gone."""

Reason = Literal["stop", "length", "calls", "filter", "refusal", "pause", "other"]

UNDECLARED: Final = "UNEXPECTED_TOOL_CALL"
"""A call of a tool that was not offered. Where the answer holds the call, the client may tell the model so."""

FINISH_REASONS: Final[dict[str, Reason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "LANGUAGE": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
    "ESCALATION": "filter",
    "MODEL_ARMOR": "filter",
    "PUP_LIMITED_DISABLED": "filter",
    # The model wanted a tool and failed at it: neither a call nor an answer.
    "MALFORMED_FUNCTION_CALL": "other",
    UNDECLARED: "other",
    "TOO_MANY_TOOL_CALLS": "other",
    "MISSING_THOUGHT_SIGNATURE": "other",
    "MALFORMED_RESPONSE": "other",
    "NO_IMAGE": "other",
    "IMAGE_OTHER": "other",
    "OTHER": "other",
    "FINISH_REASON_UNSPECIFIED": "other",
}

FINISH_NUMBERS: Final[dict[int, str]] = {
    0: "FINISH_REASON_UNSPECIFIED",
    1: "STOP",
    2: "MAX_TOKENS",
    3: "SAFETY",
    4: "RECITATION",
    5: "OTHER",
    6: "LANGUAGE",
    7: "BLOCKLIST",
    8: "PROHIBITED_CONTENT",
    9: "SPII",
    10: "MALFORMED_FUNCTION_CALL",
    11: "IMAGE_SAFETY",
}
"""Relays that print enums as numbers: google.ai.generativelanguage.v1beta.Candidate.FinishReason."""
