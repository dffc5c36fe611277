"""The verbatim lane of the chat format: splice the request, tap the answer, leave every other byte alone."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from uni_api.canon import Finish, Reasoning, Usage
from uni_api.canon.seal import PREFIX
from uni_api.dialects.edits import NO_EDITS, Edits
from uni_api.dialects.openai_chat.error import read_error
from uni_api.dialects.openai_chat.opening import opening
from uni_api.dialects.openai_chat.tap import Said, Tap, finish_of
from uni_api.dialects.openai_chat.usage import Counters, read_counters, reckoned
from uni_api.errors import Denied, Fault

Fields = dict[str, Raw]

_SEAL = b'"' + PREFIX.encode()
_NULL = Raw(b"null")
_TRUE = Raw(b"true")
_ASK_REASONING = ("reasoning_effort", "reasoning")
_ASK_USAGE = Raw(b'{"include_usage":true}')

_MOST_OUTPUT = ("max_completion_tokens", "max_tokens")

tap = Tap

_count: msgspec.json.Decoder[int] = msgspec.json.Decoder(Annotated[int, Meta(ge=0)])
_fields = msgspec.json.Decoder(Fields)
_any = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


class Peek(Struct, frozen=True):
    """The little that routing must know of a request. `usage_shown`: the client asked for usage in its stream.

    `sealed`: the body carries blobs that this gateway packed, so that its bytes can't travel as they are.
    """

    model: str
    stream: bool
    usage_shown: bool
    sealed: bool
    fields: Fields

    @property
    def developer(self) -> bool:
        """Whether there may be messages of the role `developer`."""
        return self._say(b'"developer"')

    @property
    def opening(self) -> bytes:
        """What stays the same while the conversation grows; empty when there are no messages."""
        messages = self.fields.get("messages")
        return b"" if messages is None else opening(memoryview(messages))

    @property
    def thoughts(self) -> bool:
        """Whether there may be reasoning in the history, by the name that most hosts give it."""
        return self._say(b'"reasoning_content"')

    @property
    def most_output(self) -> int | None:
        """The most tokens that the client allows the answer, where it says a number."""
        if self.fields.keys().isdisjoint(_MOST_OUTPUT):
            return None
        for name in _MOST_OUTPUT:
            raw = self.fields.get(name)
            if raw is not None:
                try:
                    return _count.decode(raw)
                except msgspec.MsgspecError:
                    continue
        return None

    def _say(self, word: bytes) -> bool:
        messages = self.fields.get("messages")
        return messages is not None and bytes(messages).find(word) >= 0


def peek(body: bytes) -> Peek:
    """Raises Denied(400) when `body` is not a JSON object with a model name."""
    try:
        fields = _fields.decode(body)
        if not body.isascii():
            body.decode()  # values that are passed on raw are not looked at otherwise
        named = fields.get("model")
        model = _any.decode(named) if named is not None else None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Denied(400, _not_json(body, error), code="invalid_json") from error
    if not isinstance(model, str) or not model:
        raise Denied(400, "you must provide a model parameter", code="missing_required_parameter", param="model")
    sealed = body.find(_SEAL) >= 0
    if "stream" not in fields:
        return Peek(model, False, False, sealed, fields)
    stream = fields["stream"] == _TRUE or _value(fields, "stream")
    if stream is not None and not isinstance(stream, bool):
        raise Denied(400, "stream must be true or false", code="invalid_type", param="stream")
    if "stream_options" not in fields:
        return Peek(model, bool(stream), False, sealed, fields)
    options = _value(fields, "stream_options")
    shown = isinstance(options, dict) and options.get("include_usage") is True
    return Peek(model, bool(stream), shown, sealed, fields)


def splice(seen: Peek, model: str, edits: Edits) -> bytes:
    """The client's body for `model`: only the named top-level fields change, everything else stays its own bytes.

    Streams are always asked for their usage.
    """
    fields = dict(seen.fields)
    if model != seen.model:
        fields["model"] = Raw(_encode(model))
    if seen.stream and not seen.usage_shown:
        options = _value(fields, "stream_options") if "stream_options" in fields else None
        fields["stream_options"] = (
            Raw(_encode({**options, "include_usage": True})) if isinstance(options, dict) and options else _ASK_USAGE
        )
    if edits is not NO_EDITS:
        edits.apply(fields, read=_read, write=_write, null=_NULL)
    return _encode(fields)


def reasoning_edits(seen: Peek, reasoning: Reasoning | None) -> dict[str, Any]:
    """What an alias that asks for an effort adds to a request that does not ask for one itself."""
    if reasoning is None or reasoning.effort is None or not seen.fields.keys().isdisjoint(_ASK_REASONING):
        return {}
    return {"reasoning_effort": reasoning.effort}


class Glance(Struct, frozen=True):
    """What a whole answer says of itself. What its counters come to is only reckoned when somebody asks for it."""

    counted: Counters | None
    word: Any

    @property
    def usage(self) -> Usage | None:
        return reckoned(self.counted) if self.counted is not None else None

    @property
    def finish(self) -> Finish | None:
        """The first choice's finish."""
        return finish_of(self.word)

    @property
    def finished(self) -> bool:
        return self.finish is not None


class _WholeChoice(Struct):
    finish_reason: Any = None
    error: Any = None


class _Whole(Struct):
    choices: list[_WholeChoice] | None = None
    usage: Counters | None = None
    error: Any = None


class _OddWhole(Struct):
    choices: list[_WholeChoice] | None = None
    usage: Any = None
    error: Any = None


_whole = msgspec.json.Decoder(_Whole)
_odd_whole = msgspec.json.Decoder(_OddWhole)


class _SpokenChoice(Struct):
    message: Said | None = None
    text: Any = None
    finish_reason: Any = None


class _Spoken(Struct):
    choices: list[_SpokenChoice]


_spoken = msgspec.json.Decoder(_Spoken)


def _says_nothing(body: bytes) -> bool:
    """Whether no choice has a word, or a reason to have none."""
    try:
        choices = _spoken.decode(body).choices
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False  # a shape we do not know: the client may
    return not any(
        choice.text or (choice.message and choice.message.speaks()) or choice.finish_reason not in (None, "", "stop")
        for choice in choices
    )


def glance(body: bytes, *, lenient: bool = False) -> Glance:
    """Read what the ledger needs from a whole answer. Raises Fault when it is an error or no answer at all.

    An answer without a word, for which nothing was generated, is none unless `lenient` is set.
    """
    try:
        answer = _read_whole(body)
        if not body.isascii():
            body.decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise read_error(502, body) if b'"error"' in body else _not_an_answer(body) from error
    if answer.error and not answer.choices:
        raise read_error(200, body)
    if not answer.choices:
        raise _not_an_answer(body)
    counted = answer.usage
    if not (lenient or (counted is not None and counted.completion_tokens)) and _says_nothing(body):
        raise Fault("protocol", "The upstream answered without any content.", raw=body[:4096])
    return Glance(counted, answer.choices[0].finish_reason)


def _read_whole(body: bytes) -> _Whole:
    """Most hosts count so that the counters can be read along; with others, they are mended."""
    try:
        answer = _whole.decode(body)
    except msgspec.ValidationError:
        pass
    else:
        if answer.usage is None or answer.usage.completion_tokens:
            return answer
    odd = _odd_whole.decode(body)
    return _Whole(odd.choices, read_counters(odd.usage), odd.error)


def _read(raw: Raw) -> Any:
    try:
        return _any.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Denied(400, "A field of the request body is not valid JSON.", code="invalid_json") from error


def _write(value: Any) -> Raw:
    return Raw(_encode(value))


def _value(fields: Fields, name: str) -> Any:
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return _any.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Denied(400, f"{name} is not valid JSON", code="invalid_json", param=name) from error


def _not_json(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "The request body is empty; send a JSON object."
    if isinstance(error, RecursionError):
        return "The request body is nested too deeply."
    if isinstance(error, msgspec.ValidationError):
        return "The request body must be a JSON object."
    return f"The request body is not valid JSON: {error}."


def _not_an_answer(body: bytes) -> Fault:
    what = "an empty body" if not body.strip() else "a body that is not a chat completion"
    return Fault("protocol", f"The upstream answered with {what}.", raw=body[:4096])
