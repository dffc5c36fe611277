"""What the two formats of OpenAI, chat and Responses, call by the same names.

A Rest may be said again by the dialect that left it, since the same name can mean another thing elsewhere. These two
are one maker's: what is listed here means the same in both, and is not lost between them.

Source: the request types of the official Python SDK, `chat/completion_create_params.py` and
`responses/response_create_params.py` (read 2026-11-24).
"""

from collections.abc import Mapping
from typing import Any

from uni_api.canon import Rest

_FORMATS = frozenset({"openai_chat", "openai_responses"})

ALIKE = frozenset(
    {
        "metadata",
        "moderation",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
"""Fields of a request that are spelt and meant alike."""

RESPONSES_ONLY = frozenset(
    {
        "access_programs",
        "background",
        "context_management",
        "conversation",
        "include",
        "instructions",
        "max_tool_calls",
        "previous_response_id",
        "prompt",
        "truncation",
    }
)
"""Fields of a Responses request that the chat format knows nothing of: who sends one in a chat request means it so."""


def kin(rest: Rest | None) -> Mapping[str, Any]:
    """The fields of `rest`, notes on spelling included, where one of the two formats left it; else none."""
    return rest.fields if rest is not None and rest.dialect in _FORMATS else {}


def is_kin(dialect: str) -> bool:
    """Whether `dialect` is one of the two."""
    return dialect in _FORMATS
