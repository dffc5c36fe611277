"""What a client asks for."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from uni_api.canon.parts import Cache, Foreign, Part, Rest

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Turn(Struct, frozen=True, kw_only=True):
    """One speaker's ordered parts. Tool results are parts of a user turn; system turns stay where the client put them.

    `name` is the participant's name, where the client gave one.
    """

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]
    name: str | None = None
    rest: Rest | None = None


class Tool(Struct, frozen=True, kw_only=True):
    """A function the model may call. `schema` is the JSON Schema of its arguments, as the client wrote it, or None."""

    name: str
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    custom: bool = False
    cache: Cache | None = None
    rest: Rest | None = None


class ToolChoice(Struct, frozen=True, kw_only=True):
    """`named` calls one of `names` (usually one); `auto` or `required` with names restricts the choice to them."""

    mode: Literal["auto", "none", "required", "named"]
    names: tuple[str, ...] = ()


class Sampling(Struct, frozen=True, kw_only=True):
    """How tokens are drawn. None: the client did not say."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Reasoning(Struct, frozen=True, kw_only=True):
    """How much to think, as given: an effort word, a budget in tokens (0 off, -1 the model decides), or a switch.

    `adaptive`: the model decides how much. `show`: whether the client wants to see the thinking (None: not said).
    Writers convert; readers never do.
    """

    effort: Effort | None = None
    budget: int | None = None
    enabled: bool | None = None
    adaptive: bool | None = None
    show: bool | None = None


class Shape(Struct, frozen=True, kw_only=True):
    """The form of the answer: free text, any JSON object, or JSON that fits `schema`."""

    kind: Literal["text", "json", "schema"]
    name: str | None = None
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One whole request. `usage_in_stream`: the client wants token usage in the stream. `user`: the end user's id.

    `modalities` are the kinds of output wanted (text, image, audio), empty when not said.
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool | Foreign, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    reasoning: Reasoning | None = None
    shape: Shape | None = None
    modalities: tuple[str, ...] = ()
    cache: Cache | None = None
    user: str | None = None
    stream: bool = False
    usage_in_stream: bool = False
    rest: Rest | None = None
