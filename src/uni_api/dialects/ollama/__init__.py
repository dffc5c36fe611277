"""Ollama: its own chat format (`POST /api/chat`), as an upstream speaks it. Answers of `/api/generate` are read too.

Source: docs/api.md and docs/openapi.yaml of github.com/ollama/ollama, and docs.ollama.com/api (read 2026-11-24).

Rule 1: what one model family takes and another refuses stands in `_models` only.
Rule 2: whether to stream is always said, since the API streams unless told not to.
Rule 3: nothing raises for content: what can't be said is a loss.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.ollama._images import needs_bytes
from uni_api.dialects.ollama._words import NAME as name
from uni_api.dialects.ollama.error import read_error
from uni_api.dialects.ollama.reply import read_reply
from uni_api.dialects.ollama.request import write_request
from uni_api.dialects.ollama.stream import reader

if TYPE_CHECKING:
    from uni_api.dialects import ollama
    from uni_api.dialects.faces import Back

    _back: Back = ollama

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]
