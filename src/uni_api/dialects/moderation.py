"""Moderation in OpenAI's format, which others have taken over: texts go in, what they are flagged for comes out.

Source: https://platform.openai.com/docs/api-reference/moderations, the types of the official Python SDK
(`moderation_create_params.py`, `moderation.py`), and recorded exchanges (read 2026-11-24).
"""

from typing import Any

import msgspec
from msgspec import Struct

from uni_api.errors import Fault

MODELS = ("omni-moderation-latest", "text-moderation-latest")
"""The models that are asked, the better one first."""

LONGEST = 20_000
"""Characters of one input. A longer text is cut, so that the model's window of 32,768 tokens holds each piece."""
OVERLAP = 200
"""Characters that two pieces share, so that nothing hides in the cut."""


class Flags(Struct, frozen=True):
    """What a model makes of a text: the categories that it is flagged for, where the model names any."""

    flagged: bool
    categories: tuple[str, ...] = ()


class _Result(Struct):
    flagged: bool
    categories: dict[str, Any] | None = None


class _Answer(Struct):
    results: list[_Result]


_answer = msgspec.json.Decoder(_Answer)


def write_request(model: str, text: str) -> dict[str, Any]:
    """The body that asks `model` about `text`."""
    if len(text) <= LONGEST:
        return {"model": model, "input": text}
    starts = range(0, len(text) - OVERLAP, LONGEST - OVERLAP)
    return {"model": model, "input": [text[start : start + LONGEST] for start in starts]}


def read_reply(body: bytes) -> Flags:
    """What the answer says of all inputs together. Raises Fault when it says nothing."""
    try:
        results = _answer.decode(body).results
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Fault("protocol", "The upstream answered with something that is no moderation.") from error
    if not results:
        raise Fault("protocol", "The upstream answered with a moderation of nothing.")
    found = {name: None for each in results for name, is_so in (each.categories or {}).items() if is_so is True}
    return Flags(any(each.flagged for each in results), tuple(found))
