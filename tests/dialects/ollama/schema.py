"""What `/api/chat` takes, as a JSON schema.

Source: docs/openapi.yaml and `ChatRequest` in api/types.go of github.com/ollama/ollama (read 2026-11-24). The server
passes over names that it does not know; here they are refused, so that every name sent is one that is meant.
"""

from typing import Any, Final

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_NUMBER: Final = {"type": "number"}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_CALL: Final = _object(
    {
        "id": _TEXT,
        "type": {"const": "function"},
        "function": _object({"name": {"type": "string", "minLength": 1}, "arguments": {"type": "object"}}, "name"),
    },
    "function",
)

_MESSAGE: Final = _object(
    {
        "role": {"enum": ["system", "user", "assistant", "tool"]},
        "content": _TEXT,
        "thinking": _TEXT,
        "images": {"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z0-9+/]+={0,2}$"}},
        "tool_calls": {"type": "array", "items": _CALL},
        "tool_name": _TEXT,
        "tool_call_id": _TEXT,
    },
    "role",
    "content",
)

_TOOL: Final = _object(
    {
        "type": {"const": "function"},
        "function": _object(
            {"name": _TEXT, "description": _TEXT, "parameters": {"type": "object"}}, "name", "parameters"
        ),
    },
    "type",
    "function",
)

_OPTIONS: Final = _object(
    {
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "top_k": _WHOLE,
        "min_p": _NUMBER,
        "seed": _WHOLE,
        "num_predict": _WHOLE,
        "num_ctx": _WHOLE,
        "frequency_penalty": _NUMBER,
        "presence_penalty": _NUMBER,
        "repeat_penalty": _NUMBER,
        "stop": {"type": "array", "items": _TEXT},
    }
)

CHAT: Final = _object(
    {
        "model": _TEXT,
        "messages": {"type": "array", "items": _MESSAGE},
        "tools": {"type": "array", "items": _TOOL},
        "format": {"oneOf": [{"const": "json"}, {"type": "object"}]},
        "options": _OPTIONS,
        "stream": {"type": "boolean"},
        "think": {"oneOf": [{"type": "boolean"}, {"enum": ["high", "medium", "low"]}]},
        "keep_alive": {"type": ["string", "number"]},
        "logprobs": {"type": "boolean"},
        "top_logprobs": {"type": "integer", "minimum": 0, "maximum": 20},
    },
    "model",
    "messages",
    "stream",
)

_VALIDATOR: Final = Draft202012Validator(CHAT)


def problems(body: Any) -> list[str]:
    """What the schema says against `body`, each with its place."""
    return [f"{error.json_path}: {error.message:.200}" for error in _VALIDATOR.iter_errors(body)]
