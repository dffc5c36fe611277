"""What a model answers."""

from typing import Literal

from msgspec import Struct

from uni_api.canon.parts import Part, Rest


class Usage(Struct, frozen=True, kw_only=True):
    """Disjoint token counters: the prompt is `input + cache_read + cache_write`; `reasoning` is a part of `output`.

    `cache_write_1h` is the part of `cache_write` kept for an hour; the audio counters are parts of `input`/`output`.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        return self.prompt + self.output


class Finish(Struct, frozen=True):
    """Why the answer ended: `raw` is the provider's word, `detail` its sentence or the stop sequence that matched."""

    reason: Literal["stop", "length", "calls", "filter", "refusal", "pause", "other"]
    raw: str | None = None
    detail: str | None = None


class Token(Struct, frozen=True, kw_only=True):
    """A sampled token with its log probability and its likeliest rivals."""

    text: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: "tuple[Token, ...]" = ()


class Choice(Struct, frozen=True, kw_only=True):
    """One of the answers to a request. `logprobs` is empty when none were given."""

    parts: tuple[Part, ...] = ()
    finish: Finish | None = None
    logprobs: tuple[Token, ...] = ()
    rest: Rest | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """One whole answer. `created` is in seconds since 1970, None when the provider did not say."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    rest: Rest | None = None
