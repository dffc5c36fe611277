"""Framing: bytes <-> frames.

Rule 1: knows the rules of a framing and nothing of what is inside it: no JSON, no model, no role.
Rule 2: incremental: every split of the same bytes gives the same frames.
Rule 3: bounded: what would grow without end becomes a Fault.
"""

from uni_api.framing.eventstream import EventStreamDecoder
from uni_api.framing.ndjson import NdjsonDecoder
from uni_api.framing.sse import Frame, SseDecoder

__all__ = ["EventStreamDecoder", "Frame", "NdjsonDecoder", "SseDecoder"]
