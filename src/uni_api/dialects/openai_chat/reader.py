"""A streamed chat completion as events, however its host spells the chunks."""

from collections.abc import Iterator
from typing import Any

import msgspec

from uni_api.canon import (
    Broke,
    Call,
    Cited,
    Closed,
    Event,
    Finished,
    Foreign,
    Grew,
    Metered,
    Noted,
    Opened,
    Part,
    Rest,
    Scored,
    Sealed,
    Started,
    Text,
    Thinking,
)
from uni_api.dialects.openai_chat._carry import Native, read_call_seal
from uni_api.dialects.openai_chat._drafts import Draft, Drafts
from uni_api.dialects.openai_chat._fields import NAME, Fields
from uni_api.dialects.openai_chat._media import read_image, sound
from uni_api.dialects.openai_chat._spoken import read_annotation
from uni_api.dialects.openai_chat._thoughts import NAMES, Piece, Tagged, read_block, read_thoughts
from uni_api.dialects.openai_chat.error import fault_of
from uni_api.dialects.openai_chat.reply import keep_usage, minted, read_logprobs
from uni_api.dialects.openai_chat.usage import find_usage, read_finish, read_usage
from uni_api.errors import Denied, Fault
from uni_api.framing import Frame

_decode = msgspec.json.Decoder().decode

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage", "error", "obfuscation", "p"})
"""Fields of a chunk that are read, or only pad it (`obfuscation`, `p`)."""

_WORDS = frozenset({"role", "content", "refusal"})
_PARTS = ("tool_calls", "function_call", "images")
_SPOKEN = _WORDS | {*_PARTS, "audio", "annotations"}
"""Fields of a delta that are read."""


class _Voice:
    """One choice as it grows. `index` is the part that text goes on in, `kind` what that part is.

    tagged: what reads the head of the content, as long as it may hold thinking in tags.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.index = -1
        self.kind = ""
        self.said = 0
        self.drafts = Drafts()
        self.tagged: Tagged | None = Tagged()
        self.sound: dict[str, Any] = {}
        self.rest: dict[str, Any] = {}
        self.finished = False


class ChatReader:
    """Reads the frames of one stream from a host of `realm`. Never raises: what it can't read is a Broke event."""

    def __init__(self, realm: str) -> None:
        self._blobs = Native(realm)
        self._voices: dict[int, _Voice] = {}
        self._count = 0
        self._id: str | None = None
        self._started = False
        self._done = False
        self._broken = False
        self._rest: dict[str, Any] = {}

    def feed(self, frame: Frame) -> list[Event]:
        if self._broken or self._done:
            return []
        if frame.data == b"[DONE]":
            self._done = True
            return []
        if not frame.data.strip():
            return []
        try:
            chunk = _decode(frame.data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return [self._break(Fault("protocol", "The upstream sent an event that is not JSON.", raw=frame.data))]
        if not isinstance(chunk, dict):
            return [self._break(Fault("protocol", "The upstream sent an event that is no object.", raw=frame.data))]
        events: list[Event] = []
        try:
            events.extend(self._chunk(chunk))
        except Denied as error:
            events.append(self._break(Fault("protocol", f"The upstream sent a malformed chunk: {error.message}.")))
        except Fault as fault:
            events.append(self._break(fault))
        return events

    def close(self) -> list[Event]:
        if self._broken:
            return []
        unfinished = [voice for voice in self._voices.values() if not voice.finished]
        if not self._done and (unfinished or not self._voices):
            return [self._break(Fault("protocol", "The upstream's stream broke off before its end."))]
        events = [event for voice in unfinished for event in self._end(voice)]
        if self._rest:
            events.append(Noted(Rest(NAME, self._rest)))
        return events

    def _break(self, fault: Fault) -> Event:
        self._broken = True
        return Broke(fault)

    def _chunk(self, chunk: dict[str, Any]) -> Iterator[Event]:
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            choices = []
        if choices and not self._started:
            yield self._start(chunk)
        for at, choice in enumerate(choices):
            yield from self._choice(choice, at)
        if (usage := read_usage(chunk)) is not None:
            if not self._started:
                yield self._start(chunk)
            left = {"usage": find_usage(chunk)}
            keep_usage(left)
            self._rest |= left
            yield Metered(usage)
        for name in chunk.keys() - _KNOWN:
            if chunk[name] is not None:
                self._rest[name] = chunk[name]
        self._check_error(chunk)

    def _check_error(self, chunk: dict[str, Any]) -> None:
        """An error beside or in place of the choices, under the name that the host gives it."""
        if error := chunk.get("error"):
            raise fault_of(200, {"error": error})
        groq = chunk.get("x_groq")
        if isinstance(groq, dict) and (error := groq.get("error")):
            raise fault_of(200, {"error": error})
        if chunk.get("object") == "error":
            raise fault_of(200, chunk)

    def _start(self, chunk: dict[str, Any]) -> Started:
        self._started = True
        id, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        self._id = str(id) if id else None
        return Started(
            id=self._id,
            model=model if isinstance(model, str) else None,
            created=int(created) if isinstance(created, int | float) else None,
        )

    def _choice(self, choice: Any, at: int) -> Iterator[Event]:
        if not isinstance(choice, dict):
            raise Denied(400, f"choices[{at}] must be an object")
        number = choice.get("index")
        number = number if isinstance(number, int) else at
        voice = self._voices.get(number)
        if voice is None:
            voice = self._voices[number] = _Voice(number)
        if voice.finished:
            return
        delta = choice.get("delta")
        if delta is None and not voice.said:
            # Some hosts send one chunk in the form of a whole answer.
            delta = choice.get("message")
        if isinstance(delta, dict):
            yield from self._delta(voice, delta)
        if choice.get("logprobs") is not None:
            tokens = read_logprobs(Fields(choice, f"choices[{at}]"))
            if tokens:
                yield Scored(tokens, number)
        if error := choice.get("error"):
            raise fault_of(200, {"error": error})
        word = choice.get("finish_reason")
        if isinstance(word, str) and word:
            yield from self._end(voice)
            yield Finished(read_finish(word), number)

    def _delta(self, voice: _Voice, delta: dict[str, Any]) -> Iterator[Event]:
        if not NAMES.isdisjoint(delta):
            delta = dict(delta)
            if thoughts := read_thoughts(delta, self._blobs):
                yield from self._untag(voice)
                yield from self._think(voice, thoughts)
        content = delta.get("content")
        if content:
            yield from self._content(voice, content)
        if refusal := delta.get("refusal"):
            yield from self._untag(voice)
            yield from self._grow(voice, "refusal", _text(refusal, "refusal"))
        if not delta.keys() <= _WORDS:
            yield from self._others(voice, delta)

    def _others(self, voice: _Voice, delta: dict[str, Any]) -> Iterator[Event]:
        """Everything but words."""
        if any(delta.get(name) for name in _PARTS):
            yield from self._untag(voice)
        if calls := delta.get("tool_calls"):
            yield from self._calls(voice, calls)
        if call := delta.get("function_call"):
            yield from self._legacy_call(voice, call)
        if images := delta.get("images"):
            for at, image in enumerate(_items(images, "images")):
                yield from self._whole(voice, read_image(image, f"images[{at}]"))
        if isinstance(piece := delta.get("audio"), dict):
            _append(voice.sound, piece)
        if notes := delta.get("annotations"):
            yield from self._cite(voice, _items(notes, "annotations"))
        for name in delta.keys() - _SPOKEN:
            if delta[name] is not None:
                voice.rest[name] = delta[name]

    def _content(self, voice: _Voice, content: Any) -> Iterator[Event]:
        tagged = voice.tagged
        if isinstance(content, str):
            if tagged is None:
                yield from self._grow(voice, "text", content)
                return
            yield from self._pieces(voice, tagged.feed(content))
            if tagged.over:
                voice.tagged = None
            return
        yield from self._untag(voice)
        for block in _items(content, "content"):
            match block:
                case {"type": "text", "text": str(text)} | str(text):
                    yield from self._grow(voice, "text", text)
                case dict() if (thoughts := read_block(block, self._blobs)) is not None:
                    yield from self._think(voice, thoughts)
                case dict():
                    yield from self._whole(voice, Foreign(dialect=NAME, block=block))
                case _:
                    raise Denied(400, "content must be a string or an array of parts")

    def _untag(self, voice: _Voice) -> Iterator[Event]:
        """Something else begins: what was kept back of the content's head comes before it."""
        tagged, voice.tagged = voice.tagged, None
        if tagged is not None:
            yield from self._pieces(voice, tagged.close())

    def _pieces(self, voice: _Voice, pieces: list[Piece]) -> Iterator[Event]:
        for is_thinking, text in pieces:
            yield from self._grow(voice, "thinking" if is_thinking else "text", text)

    def _grow(self, voice: _Voice, kind: str, text: str) -> Iterator[Event]:
        """More text of `kind`: in the part that is open if it is of this kind, else in a new one."""
        if not text:
            return
        if voice.kind != kind:
            part: Part = Thinking() if kind == "thinking" else Text(refusal=kind == "refusal")
            yield from self._open(voice, part, kind)
        yield Grew(voice.index, text)

    def _open(self, voice: _Voice, part: Part, kind: str) -> Iterator[Event]:
        yield from self._shut(voice)
        voice.index = self._count
        voice.kind = kind
        voice.said += 1
        self._count += 1
        yield Opened(voice.index, part, voice.number)

    def _shut(self, voice: _Voice) -> Iterator[Event]:
        """Close the part that text goes on in."""
        if voice.kind:
            voice.kind = ""
            yield Closed(voice.index)

    def _whole(self, voice: _Voice, part: Part) -> Iterator[Event]:
        yield from self._open(voice, part, "whole")
        yield from self._shut(voice)

    def _think(self, voice: _Voice, thoughts: list[Thinking]) -> Iterator[Event]:
        """Reasoning: words, and the blob that belongs to the words before it."""
        for thought in thoughts:
            kind = "summary" if thought.summary else "thinking"
            if thought.text:
                if voice.kind != kind:
                    yield from self._open(voice, msgspec.structs.replace(thought, text="", seal=None), kind)
                yield Grew(voice.index, thought.text)
            if thought.seal is None:
                continue
            if thought.withheld or voice.kind != kind:
                yield from self._whole(voice, msgspec.structs.replace(thought, text=""))
            else:
                yield Sealed(voice.index, thought.seal)
                yield from self._shut(voice)

    def _calls(self, voice: _Voice, entries: Any) -> Iterator[Event]:
        for at, entry in enumerate(_items(entries, "tool_calls")):
            fields = Fields(entry, f"tool_calls[{at}]")
            inner = fields.object("function") or fields.object("custom") or {}
            draft = voice.drafts.of(fields.left, inner)
            draft.custom = draft.custom or fields.left.get("type") == "custom"
            arguments = inner.get("arguments", inner.get("input"))
            if arguments is not None and not isinstance(arguments, str):
                arguments = msgspec.json.encode(arguments).decode()
            yield from self._call(voice, draft, inner.get("name"), arguments)
            if (seal := read_call_seal(fields, self._blobs)) is not None and draft.index >= 0:
                yield Sealed(draft.index, seal)

    def _call(self, voice: _Voice, draft: Draft, name: Any, arguments: str | None) -> Iterator[Event]:
        if isinstance(name, str) and name and draft.index < 0:
            draft.name = name
            yield from self._open_call(voice, draft)
        if arguments:
            if draft.index < 0:
                draft.waiting.append(arguments)
            else:
                yield Grew(draft.index, arguments)

    def _open_call(self, voice: _Voice, draft: Draft) -> Iterator[Event]:
        yield from self._shut(voice)
        draft.index = self._count
        self._count += 1
        voice.said += 1
        rest = Rest(NAME, {":legacy": True}) if draft.legacy else None
        call = Call(id=draft.id, name=draft.name, custom=draft.custom, rest=rest)
        yield Opened(draft.index, minted(call, self._id, voice.number, voice.said - 1), voice.number)
        for piece in draft.waiting:
            yield Grew(draft.index, piece)
        draft.waiting.clear()

    def _legacy_call(self, voice: _Voice, call: Any) -> Iterator[Event]:
        fields = Fields(call, "function_call")
        yield from self._call(voice, voice.drafts.legacy(), fields.text("name"), fields.text("arguments"))

    def _cite(self, voice: _Voice, entries: list[Any]) -> Iterator[Event]:
        for entry in entries:
            citation = read_annotation(entry)
            if citation is not None and voice.kind == "text":
                yield Cited(voice.index, citation)
            else:
                voice.rest.setdefault("annotations", []).append(entry)

    def _end(self, voice: _Voice) -> Iterator[Event]:
        """Close every part of a choice and tell what is left of it."""
        voice.finished = True
        yield from self._untag(voice)
        yield from self._shut(voice)
        for draft in voice.drafts.all:
            if draft.index < 0:
                yield from self._open_call(voice, draft)
            yield Closed(draft.index)
        if voice.sound:
            yield from self._whole(voice, sound({"data": "", **voice.sound}))
        if voice.rest:
            yield Noted(Rest(NAME, {"message": voice.rest}), voice.number)

    def __repr__(self) -> str:
        state = "broken" if self._broken else "done" if self._done else "open"
        return f"<ChatReader {state}, {len(self._voices)} choices, {self._count} parts>"


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Denied(400, f"{name} must be a string")
    return value


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise Denied(400, f"{name} must be an array")
    return value


def _append(whole: dict[str, Any], piece: dict[str, Any]) -> None:
    """Sound comes in pieces: data and transcript grow, everything else is said once."""
    for name, value in piece.items():
        old = whole.get(name)
        grows = name in ("data", "transcript") and isinstance(old, str) and isinstance(value, str)
        whole[name] = old + value if grows and isinstance(old, str) else value
