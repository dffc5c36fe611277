"""Workers AI: the native form of Cloudflare's models (`POST /accounts/{id}/ai/run/{model}`), as an upstream speaks it.

The model stands in the URL. Older models answer in a form of their own (`response`), newer ones with `choices`; both
stand in an envelope (`result`, `success`, `errors`) unless they are streamed.
Source: developers.cloudflare.com/workers-ai and the schemas of its models, github.com/cloudflare/ai (read 2026-11-24).

Rule 1: fields are written by the names that both kinds of model know.
Rule 2: nothing raises for content: what can't be said is a loss.
"""

from typing import TYPE_CHECKING

from uni_api.dialects.workers_ai._messages import needs_bytes
from uni_api.dialects.workers_ai._words import NAME as name
from uni_api.dialects.workers_ai.error import read_error
from uni_api.dialects.workers_ai.reply import read_reply
from uni_api.dialects.workers_ai.request import write_request
from uni_api.dialects.workers_ai.stream import reader

if TYPE_CHECKING:
    from uni_api.dialects import workers_ai
    from uni_api.dialects.faces import Back

    _back: Back = workers_ai

__all__ = ["name", "needs_bytes", "read_error", "read_reply", "reader", "write_request"]
