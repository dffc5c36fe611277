"""Law 2 for the writer: every string of a canon request is said, or its place is in the ledger."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec
import pytest

from uni_api.canon import (
    Cache,
    Call,
    Citation,
    FileRef,
    Foreign,
    Losses,
    Media,
    Request,
    Rest,
    Result,
    Sampling,
    Seal,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from uni_api.dialects.anthropic import write_request

ALIEN = Rest("elsewhere", {"odd": "x", "list": ["x"]}, frozenset())
WEB = Citation(
    quote="x",
    title="x",
    url="x",
    rest=Rest("anthropic", {"type": "web_search_result_location", "encrypted_index": "x"}),
)
NATIVE = Rest("anthropic", {"novel": {"deep": "x"}})
SEAL = Seal(realm="r", token="x", id="x")
SCHEMA = {
    "type": "object",
    "title": "x",
    "properties": {
        "a": {"type": "string", "description": "x", "pattern": "x", "default": "x", "enum": ["x", "x"]},
        "b": {"oneOf": [{"const": "x"}, {"type": "string", "format": "x"}], "examples": ["x"]},
        "c": {"type": "array", "items": {"$ref": "#/$defs/d"}},
    },
    "$defs": {"d": {"type": "object", "properties": {"e": {"type": "string", "contentEncoding": "x"}}}},
    "patternProperties": {"^x": {"description": "x"}},
}
MEDIA = (
    Media(kind="image", url="https://x", name="x", detail="x", seal=SEAL, cache=Cache(ttl="x"), rest=ALIEN),
    Media(kind="document", url="https://x", mime="x", name="x", rest=NATIVE),
    Media(kind="document", data=b"x", name="x"),
    Media(kind="document", file=FileRef(realm="r", id="x")),
    Media(kind="audio", data=b"x", name="x"),
    Media(kind="video", url="x", name="x"),
    Media(kind="image", url="x"),
)
FOREIGN = (
    Foreign(dialect="elsewhere", block={"x": "x"}),
    Foreign(dialect="anthropic", block={"type": "text", "text": "x"}),
)
EVERYTHING = Request(
    model="m",
    turns=(
        Turn(role="system", name="x", parts=(Text(text="x", cache=Cache(ttl="x")), *MEDIA, *FOREIGN), rest=ALIEN),
        Turn(role="assistant", parts=(Text(text="x"), Call(id="one", name="x", arguments="x", rest=NATIVE))),
        Turn(
            role="user",
            name="x",
            rest=ALIEN,
            parts=(
                Text(text="x", citations=(Citation(url="x", title="x", quote="x"),), seal=SEAL, rest=ALIEN),
                *MEDIA,
                Result(
                    call="one", parts=(Text(text="x", rest=ALIEN), *MEDIA, *FOREIGN, Thinking(text="x")), rest=ALIEN
                ),
                Result(call="x", name="x", parts=(Text(text="x"), *MEDIA), rest=ALIEN),
                Call(id="x", name="x", arguments="x"),
                Thinking(text="x"),
                *FOREIGN,
            ),
        ),
        Turn(role="system", parts=(Text(text="x"),)),
        Turn(
            role="assistant",
            rest=NATIVE,
            parts=(
                Thinking(text="x", seal=SEAL, rest=NATIVE),
                Thinking(text="x", seal=SEAL, withheld=True),
                Thinking(text="x", rest=ALIEN),
                Text(text="x", refusal=True, citations=(WEB,)),
                Call(id="x", name="x", arguments='{"k": "x", "l": ["x"]}', cache=Cache(ttl="x"), seal=SEAL, rest=ALIEN),
                Call(id="x", name="x", arguments='"x"'),
                Call(id="x", name="x", arguments="x", custom=True),
                Result(call="x", parts=(Text(text="x"),)),
                *MEDIA,
            ),
        ),
    ),
    tools=(
        Tool(name="x", description="x", schema=SCHEMA, cache=Cache(ttl="x"), rest=ALIEN),
        Tool(name="x", description="x", schema=SCHEMA | {"patternProperties": {}}, strict=True, rest=NATIVE),
        Tool(name="x", description="x", schema={"anyOf": [SCHEMA, {"type": "object", "description": "x"}]}),
        Tool(name="x", schema={"type": "string", "description": "x"}),
        Tool(name="x", description="x", custom=True, rest=ALIEN),
        *FOREIGN,
    ),
    tool_choice=ToolChoice(mode="required", names=("x", "x")),
    stop=("x", " "),
    sampling=Sampling(logit_bias={"1": 1.0}),
    shape=Shape(kind="schema", name="x", description="x", schema=SCHEMA),
    modalities=("x",),
    cache=Cache(ttl="x"),
    user="x",
    rest=NATIVE,
)
MODELS = ("claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-8", "claude-opus-5-5", "deepseek-chat")


class _Marker:
    """Gives every `x` in a request a number of its own and remembers where it stands."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self._numbers = count(1000)

    def mark(self, value: Any, path: str) -> Any:
        match value:
            case str():
                return self._token(value, path)
            case bytes():
                return self._token(value.decode(), path).encode()
            case msgspec.Struct():
                fields = {
                    name: self.mark(getattr(value, name), f"{path}.{name}" if path else name)
                    for name in value.__struct_fields__
                    if name not in ("dialect", "realm", "kind", "mode", "role", "model", "hints", "call", "mime")
                }
                return msgspec.structs.replace(value, **fields)
            case tuple() | list():
                return type(value)(self.mark(one, f"{path}[{index}]") for index, one in enumerate(value))
            case Mapping():
                return {name: self.mark(inner, f"{path}.{name}") for name, inner in value.items()}
            case _:
                return value

    def _token(self, text: str, path: str) -> str:
        pieces = text.split("x")
        if len(pieces) == 1 or text == "text" or text.startswith("^"):
            return text
        out = pieces[0]
        for piece in pieces[1:]:
            token = f"x{next(self._numbers)}x"
            self.places[token] = path
            out += token + piece
        return out


def _covers(loss: str, place: str) -> bool:
    """Whether the loss at `loss` is about `place`. Leftovers are entered under their bearer's path."""
    place = place.replace(".rest.fields.", ".").removeprefix("rest.fields.")
    return place == loss or (place.startswith(loss) and place[len(loss)] in ".[")


@pytest.mark.parametrize("model", MODELS)
def test_every_string_is_said_or_entered_as_lost(model: str) -> None:
    marker = _Marker()
    request = msgspec.structs.replace(marker.mark(EVERYTHING, ""), model=model)
    assert len(marker.places) > 100
    losses = Losses()
    body = json.dumps(write_request(request, losses))
    lost = [loss.path for loss in losses.items if "moved" not in loss.why]
    silent = {
        token: place
        for token, place in marker.places.items()
        if token not in body and not any(_covers(loss, place) for loss in lost)
    }
    assert silent == {}


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_said_twice_and_the_request_is_not_touched(model: str) -> None:
    request = msgspec.structs.replace(EVERYTHING, model=model)
    before = msgspec.json.encode(request)
    first, second = write_request(request, Losses()), write_request(request, Losses())
    assert json.dumps(first) == json.dumps(second)
    assert msgspec.json.encode(request) == before
