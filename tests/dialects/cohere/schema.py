"""What `/v2/chat` takes: the parameters and types of Cohere's own SDK, and nothing that they do not name.

The SDK sends whatever it is given, and its types let other names through; here both are problems.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_type_hints

import pydantic
from cohere.v2.raw_client import RawV2Client

_RANGES = {
    "temperature": (0, 1),
    "p": (0.01, 0.99),
    "k": (0, 500),
    "frequency_penalty": (0, 1),
    "presence_penalty": (0, 1),
    "seed": (0, 2**64 - 1),
}
"""What the types leave open and the documentation does not (docs.cohere.com, page "Chat", read 2026-11-24)."""


@cache
def _parameters() -> dict[str, pydantic.TypeAdapter[Any]]:
    hints = get_type_hints(RawV2Client.chat)
    own = hints.keys() - {"request_options", "return"}
    return {name: pydantic.TypeAdapter(hints[name]) for name in own} | {"stream": pydantic.TypeAdapter(bool)}


def problems(body: Any) -> list[str]:
    """What is wrong with `body`, each with its place."""
    found = [f"{name} is missing" for name in ("model", "messages", "stream") if name not in body]
    for name, value in body.items():
        adapter = _parameters().get(name)
        if adapter is None:
            found.append(f"{name} is not known")
            continue
        try:
            found += _extras(adapter.validate_python(value, strict=True), name)
        except pydantic.ValidationError as error:
            found += [f"{name}: {each['loc']}: {each['msg']}" for each in error.errors()][:4]
        found += _limits(name, value)
    if "tool_choice" in body and not body.get("tools"):
        found.append("tool_choice without tools")
    if "response_format" in body and body.get("tools"):
        found.append("response_format beside tools")
    return found


def _limits(name: str, value: Any) -> Iterator[str]:
    if name == "tool_choice" and value not in ("REQUIRED", "NONE"):
        yield f"{name}: {value!r}"
    if name in _RANGES and not _RANGES[name][0] <= value <= _RANGES[name][1]:
        yield f"{name}: {value!r} is out of range"


def _extras(value: Any, path: str) -> Iterator[str]:
    """Names that the types let through without knowing them."""
    if isinstance(value, pydantic.BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name} is not known"
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _extras(each, f"{path}[{number}]")
