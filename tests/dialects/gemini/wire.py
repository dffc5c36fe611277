"""Checks a request body against the types of the vendor's own SDK, which forbid unknown fields."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec
from google.genai import types

_PARTS: Mapping[str, Any] = {
    "contents": types.Content,
    "tools": types.Tool,
    "safetySettings": types.SafetySetting,
}
_WHOLES: Mapping[str, Any] = {
    "systemInstruction": types.Content,
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
}


def check(body: dict[str, Any]) -> dict[str, Any]:
    """`body` as parsed from its bytes. Raises when the SDK's types refuse it, or the API's rules of turns."""
    parsed: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    assert parsed == body, "the body holds something that is not JSON"
    for name, value in parsed.items():
        if name in _PARTS:
            for each in value:
                _PARTS[name].model_validate_json(msgspec.json.encode(each))
        elif name in _WHOLES:
            _WHOLES[name].model_validate_json(msgspec.json.encode(value))
        else:
            assert name == "cachedContent", f"unknown field {name}"
    _check_turns(parsed["contents"])
    return parsed


def _check_turns(contents: list[dict[str, Any]]) -> None:
    assert contents and contents[0]["role"] == "user"
    for before, after in pairwise(contents):
        assert before["role"] != after["role"]
    for content in contents:
        assert content["role"] in ("user", "model")
        assert content["parts"]
        for part in content["parts"]:
            kinds = part.keys() - {"thought", "thoughtSignature", "videoMetadata", "partMetadata"}
            assert len(kinds) == 1, part
