"""A canon request as the body of generateContent and streamGenerateContent. The URL says the model and the mode."""

from typing import Any

import msgspec

from uni_api.canon import Losses, Request, Rest
from uni_api.dialects.faces import Body
from uni_api.dialects.gemini._config import safety_settings, write_generation, write_shape
from uni_api.dialects.gemini._contents import Conversation
from uni_api.dialects.gemini._models import Family, family_of
from uni_api.dialects.gemini._tools import has_tools, write_tool_choice, write_tools
from uni_api.dialects.gemini._words import NAME

_NESTED = ("generationConfig", "toolConfig")


def write_request(request: Request, losses: Losses, /) -> Body:
    """The upstream's body. What can't be said is entered in `losses`; nothing raises for content."""
    family = family_of(request.model)
    shape = write_shape(request, family, losses)
    wish = None
    if _refuses_shape(request, family):
        wish, shape = _in_words(shape), {}
        losses.add("shape", "tuning", "this model can't be held to JSON here; the wish is told in the instructions")
    conversation = Conversation(family, losses)
    conversation.write(request, wish)
    config = write_generation(request, family, losses) | shape
    body: Body = {"contents": conversation.contents}
    if conversation.system:
        body["systemInstruction"] = {"parts": conversation.system}
    if tools := write_tools(request, family, losses):
        body["tools"] = tools
    if (choice := write_tool_choice(request, losses)) is not None:
        body["toolConfig"] = {"functionCallingConfig": choice}
    if config:
        body["generationConfig"] = config
    if request.user is not None:
        losses.add("user", "hint", "has no counterpart in the target's format")
    if request.cache is not None:
        losses.add("cache", "hint", "prompt caching is implicit in the target")
    _merge(body, request.rest, losses)
    body.setdefault("safetySettings", safety_settings(family))
    return body


def _refuses_shape(request: Request, family: Family) -> bool:
    """Models before the third generation refuse JSON output beside tools, some refuse it always."""
    if request.shape is None or request.shape.kind == "text":
        return False
    return not family.json_mode or (has_tools(request) and not family.json_with_tools)


def _in_words(shape: dict[str, Any]) -> str:
    schema = shape.get("responseJsonSchema", shape.get("responseSchema"))
    wish = "When you answer, answer with a single JSON object and nothing else."
    if schema is None:
        return wish
    return f"{wish} It must fit this JSON Schema:\n{msgspec.json.encode(schema).decode()}"


def _merge(body: Body, rest: Rest | None, losses: Losses) -> None:
    """Leftovers of this dialect go back where they were; where one is an object that we write too, field by field."""
    if rest is not None and rest.dialect == NAME:
        for name in _NESTED:
            mine, theirs = body.get(name), rest.fields.get(name)
            if isinstance(mine, dict) and isinstance(theirs, dict):
                body[name] = {**theirs, **mine}
    losses.merge(body, rest, NAME)
