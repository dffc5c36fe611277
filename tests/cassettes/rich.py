"""Rich chat requests of our own making: what demanding clients send, each hard to translate in its own way."""

import base64
import struct
import zlib
from typing import Any


def _png(red: int) -> str:
    """A valid one-pixel PNG as a data URL."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixel = zlib.compress(bytes((0, red, 0, 0)))
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    image = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixel) + part(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(image).decode()


_PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n").decode()
_WAV = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" + bytes(20)).decode()


def _call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _tool(name: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    function: dict[str, Any] = {"name": name, "description": f"What {name} does", **more}
    if parameters is not None:
        function["parameters"] = parameters
    return {"type": "function", "function": function}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_TREE = {
    "type": "object",
    "$defs": {
        "Node": {
            "type": "object",
            "description": "a node of the tree",
            "properties": {
                "label": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$"},
                "kind": {"enum": ["leaf-kind", "branch-kind"]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}, "maxItems": 4},
                "weight": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
            },
            "required": ["label", "kind"],
        },
        "Colour": {"type": "string", "enum": ["vermilion", "ultramarine"], "title": "Colour of the tree"},
    },
    "properties": {
        "root": {"$ref": "#/$defs/Node"},
        "colour": {"$ref": "#/$defs/Colour"},
        "version": {"const": "v-seven"},
        "either": {
            "oneOf": [{"type": "string", "description": "as text"}, {"type": "integer", "description": "as int"}]
        },
        "nullable": {"type": ["string", "null"], "default": "fallback-word"},
    },
    "required": ["root"],
}

RICH: dict[str, dict[str, Any]] = {
    "parallel calls with images in results": {
        "messages": [
            {"role": "system", "content": "Answer as a cartographer."},
            {"role": "user", "content": [{"type": "text", "text": "Compare both maps."}]},
            {
                "role": "assistant",
                "content": "I fetch both.",
                "tool_calls": [
                    _call("call_north", "fetch_map", '{"region": "north", "zoom": 2.50}'),
                    _call("call_south", "fetch_map", '{"region": "south", "nested": {"deep": ["a-leaf"]}}'),
                ],
            },
            {
                "role": "tool",
                "tool_call_id": "call_north",
                "content": [
                    {"type": "text", "text": "the northern sheet"},
                    {"type": "image_url", "image_url": {"url": _png(11)}},
                ],
            },
            {"role": "tool", "tool_call_id": "call_south", "content": '{"sheet": "southern", "scale": 1000}'},
            {"role": "user", "content": "Which is larger?"},
        ],
        "tools": [_tool("fetch_map", _object(region={"type": "string"}, zoom={"type": "number"}))],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "max_tokens": 321,
    },
    "documents and sound": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": "contract-of-sale.pdf", "file_data": _PDF}},
                    {"type": "input_audio", "input_audio": {"data": _WAV, "format": "wav"}},
                    {"type": "image_url", "image_url": {"url": _png(77), "detail": "high"}},
                    {"type": "text", "text": "Sum these up."},
                ],
            }
        ],
        "temperature": 0.25,
        "stop": ["END-OF-SUMMARY", "\n\nHuman:"],
    },
    "schemas with references": {
        "messages": [{"role": "user", "content": "Grow a tree."}],
        "tools": [
            _tool("grow", _TREE, strict=True),
            _tool("rest"),
            _tool("prune", {"type": "object", "properties": {}}),
        ],
        "tool_choice": {"type": "function", "function": {"name": "grow"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "tree_report", "schema": _TREE, "strict": True, "description": "a report"},
        },
        "seed": 1234567,
        "top_p": 0.9,
    },
    "system words in mid-talk": {
        "messages": [
            {"role": "developer", "content": "First rule: be brief."},
            {"role": "user", "content": "Hi.", "name": "margarethe"},
            {"role": "assistant", "content": "Good day."},
            {"role": "developer", "content": [{"type": "text", "text": "Second rule: be merry."}]},
            {"role": "user", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]},
            {"role": "user", "content": "Three, straight after."},
            {"role": "system", "content": "Last rule: rhyme."},
        ],
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "n": 2,
        "logit_bias": {"50256": -100},
        "user": "end-user-77",
        "metadata": {"purpose": "trial"},
    },
    "reasoning echoed without seals": {
        "messages": [
            {"role": "user", "content": "Think."},
            {"role": "assistant", "content": "Thought.", "reasoning_content": "A chain of quiet thoughts."},
            {"role": "user", "content": "Again."},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "I need the abacus.",
                "tool_calls": [_call("call_abacus", "count", "{}")],
            },
            {"role": "tool", "tool_call_id": "call_abacus", "content": "forty-two"},
        ],
        "tools": [_tool("count", _object())],
        "reasoning_effort": "high",
        "max_completion_tokens": 9000,
    },
    "cache marks": {
        "messages": [
            {
                "role": "system",
                "content": [{"type": "text", "text": "A long preamble.", "cache_control": {"type": "ephemeral"}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "A long book.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {"type": "text", "text": "What is it about?"},
                ],
            },
        ],
        "tools": [{**_tool("look_up", _object(word={"type": "string"})), "cache_control": {"type": "ephemeral"}}],
    },
    "odd but legal": {
        "messages": [
            {"role": "user", "content": ""},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "I would rather not."}]},
            {"role": "user", "content": "Please \u2028 do \U0001f600 é \u0000 it."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [_call("call_" + "x" * 60, "odd-name_1", "not json at all")],
            },
            {"role": "tool", "tool_call_id": "call_" + "x" * 60, "content": ""},
            {"role": "assistant", "content": "A half-finished"},
        ],
        "tools": [_tool("odd-name_1", {"type": "object"})],
        "tool_choice": "required",
        "logprobs": True,
        "top_logprobs": 3,
        "response_format": {"type": "json_object"},
    },
    "legacy functions": {
        "messages": [
            {"role": "user", "content": "What is the weather?"},
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "weather_of", "arguments": '{"place": "Uppsala"}'},
            },
            {"role": "function", "name": "weather_of", "content": "fog"},
        ],
        "functions": [{"name": "weather_of", "parameters": _object(place={"type": "string"})}],
        "function_call": "auto",
    },
    "custom tools": {
        "messages": [
            {"role": "user", "content": "Write a poem with the tool."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_poem", "type": "custom", "custom": {"name": "poem", "input": "roses are free-form"}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_poem", "content": "published"},
        ],
        "tools": [{"type": "custom", "custom": {"name": "poem", "description": "publishes what it is given"}}],
    },
}
