"""Whether a request body is one that a provider's own request types accept, unknown fields refused."""

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import typing_extensions
from anthropic.types.beta import message_create_params
from google.genai import types as gemini
from pydantic import ValidationError

_MARKS = {Required, NotRequired, Annotated, typing_extensions.Required, typing_extensions.NotRequired}


def anthropic_problems(body: Any) -> list[str]:
    """What Anthropic's request types say against `body`.

    The types of late 2026 have dropped the three sampling fields, which older models still take over the wire.
    """
    shape = (
        message_create_params.MessageCreateParamsStreaming
        if body.get("stream")
        else message_create_params.MessageCreateParamsNonStreaming
    )
    sampling = {"temperature": float, "top_p": float, "top_k": int}
    known = {name: value for name, value in body.items() if name not in sampling}
    found = _problems(known, shape, "body")
    for name in body.keys() & sampling.keys():
        found += _plain(body[name], sampling[name], f"body.{name}")
    return found


_GEMINI: Mapping[str, Any] = {
    "contents": [gemini.Content],
    "systemInstruction": gemini.Content,
    "tools": [gemini.Tool],
    "toolConfig": gemini.ToolConfig,
    "safetySettings": [gemini.SafetySetting],
    "generationConfig": gemini.GenerationConfig,
    "cachedContent": str,
    "labels": dict,
    "serviceTier": str,
}


def gemini_problems(body: Any) -> list[str]:
    """What Google's request types say against `body`; on the wire the names are in camelCase."""
    found = [] if body.get("contents") else ["contents: missing or empty"]
    for name, value in body.items():
        model = _GEMINI.get(name)
        if model is None:
            found.append(f"{name}: unknown")
        elif isinstance(model, list):
            if not isinstance(value, list):
                found.append(f"{name}: not a list")
                continue
            for at, one in enumerate(value):
                found += _gemini_part(model[0], one, f"{name}[{at}]")
        elif model in (str, dict):
            found += [] if isinstance(value, model) else [f"{name}: not a {model.__name__}"]
        else:
            found += _gemini_part(model, value, name)
    return found


def _gemini_part(model: Any, value: Any, path: str) -> list[str]:
    try:
        model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        return [f"{path}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return [f"{path}: {name} is not in camelCase" for name in _snake_names(value)]


def _snake_names(value: Any) -> list[str]:
    """Names with underscores outside of what the client names itself (arguments, results, schemas)."""
    if isinstance(value, list):
        return [name for one in value for name in _snake_names(one)]
    if not isinstance(value, dict):
        return []
    own = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
    found = [name for name in value if "_" in name]
    for name, inner in value.items():
        if name not in own:
            found += _snake_names(inner)
    return found


def _problems(value: Any, hint: Any, path: str) -> list[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in _MARKS:
        return _problems(value, arguments[0], path)
    if origin in (Union, types.UnionType):
        return _union(value, arguments, path)
    if origin is Literal:
        return [] if value in arguments else [f"{path}: {value!r} is none of {arguments}"]
    if typing_extensions.is_typeddict(hint):
        return _mapping(value, hint, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            return [f"{path}: not an object"]
        return [one for key, inner in value.items() for one in _problems(inner, arguments[1], f"{path}.{key}")]
    if (isinstance(origin, type) and issubclass(origin, Iterable)) or _is_sequence(hint):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [one for at, inner in enumerate(value) for one in _problems(inner, arguments[0], f"{path}[{at}]")]
    return _plain(value, hint, path)


def _is_sequence(hint: Any) -> bool:
    return "SequenceNotStr" in str(hint) or get_origin(hint) is Sequence


def _plain(value: Any, hint: Any, path: str) -> list[str]:
    if hint in (Any, object):
        return []
    if hint in (None, type(None)):
        return [] if value is None else [f"{path}: not null"]
    if hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif isinstance(hint, type):
        fits = isinstance(value, hint)
    else:
        raise TypeError(f"{path}: the checker does not know {hint!r}")
    return [] if fits else [f"{path}: {value!r} is no {getattr(hint, '__name__', hint)}"]


def _union(value: Any, arguments: tuple[Any, ...], path: str) -> list[str]:
    closest: list[str] | None = None
    for one in arguments:
        found = _problems(value, one, path)
        if not found:
            return []
        if closest is None or _rank(found) < _rank(closest):
            closest = found
    return closest or [f"{path}: fits nothing"]


def _rank(problems: list[str]) -> tuple[int, int]:
    """Alternatives whose `type` does not fit are further away than those with any other fault."""
    return sum(".type: " in one and "is none of" in one for one in problems), len(problems)


def _mapping(value: Any, shape: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r:.60} is not an object"]
    hints = get_type_hints(shape, include_extras=True)
    found = [f"{path}.{name}: missing" for name in shape.__required_keys__ if name not in value]
    for name, inner in value.items():
        found += _problems(inner, hints[name], f"{path}.{name}") if name in hints else [f"{path}.{name}: unknown"]
    return found
