"""One candidate's share of the stream: its parts, its sources, its end."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from uni_api.canon import (
    Call,
    Cited,
    Closed,
    Event,
    Finish,
    Finished,
    Foreign,
    Grew,
    Noted,
    Opened,
    Part,
    Rest,
    Scored,
    Seal,
    Sealed,
    Text,
    Thinking,
    Token,
)
from uni_api.dialects.gemini._citations import read_citations
from uni_api.dialects.gemini._media import read_media
from uni_api.dialects.gemini._names import client_name
from uni_api.dialects.gemini._partial import PartialCall
from uni_api.dialects.gemini._words import FINISH_NUMBERS, FINISH_REASONS, NAME, UNDECLARED

_SAID = frozenset({"content", "finishReason", "finishMessage", "index", "logprobsResult"})
_OF_TEXT = frozenset({"text", "thought", "thoughtSignature"})


class Indices:
    """Hands out part indices, unique over all candidates of a stream."""

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        self._next += 1
        return self._next - 1


class Candidate:
    """Chunks of text grow one part until something else comes or a signature ends it.

    A signature that comes alone, with no text, is a part of its own, so that it can be sent back as it was given. It is
    held back until the next part or the end, since sources for the text before it may still follow.
    """

    def __init__(self, number: int, realm: str, indices: Indices) -> None:
        self.number = number
        self.finish: str | None = None
        self._realm = realm
        self._indices = indices
        self._detail: str | None = None
        self._open: int | None = None
        self._kind: Literal["text", "thinking"] = "text"
        self._ended = False
        self._texts: list[str] = []
        self._before = 0
        self._held: tuple[Part, Seal] | None = None
        self._partial: PartialCall | None = None
        self._calls = 0
        self._rest: dict[str, Any] = {}

    def feed(self, said: Mapping[str, Any], reply: str) -> Iterator[Event]:
        """The events of one chunk. `reply` is the id of the whole answer, of which ids for calls are made."""
        content = said.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                yield from self._part(part, reply)
        tokens = _tokens(said.get("logprobsResult"))
        if tokens:
            yield Scored(tokens, self.number)
        reason = said.get("finishReason")
        if isinstance(reason, int):
            reason = FINISH_NUMBERS.get(reason, "OTHER")
        if isinstance(reason, str) and reason:
            self.finish = reason
        message = said.get("finishMessage")
        if isinstance(message, str) and message:
            self._detail = message
        for name, value in said.items():
            if name not in _SAID:
                self._rest[name] = value

    def close(self, reply: str) -> Iterator[Event]:
        """What is left to say at the end of the answer."""
        yield from self._end_partial(reply)
        if self._open is not None and self._kind == "text":
            grounding, metadata = self._rest.get("groundingMetadata"), self._rest.get("citationMetadata")
            if grounding or metadata:
                for citation in read_citations(grounding, metadata, "".join(self._texts), self._before):
                    yield Cited(self._open, citation)
        yield from self._settle()
        if self._rest:
            yield Noted(Rest(NAME, self._rest), self.number)
        if self.finish is not None:
            reason = FINISH_REASONS.get(self.finish, "other")
            if self._calls and (reason == "stop" or self.finish == UNDECLARED):
                reason = "calls"
            yield Finished(Finish(reason, self.finish, self._detail), self.number)

    def _part(self, part: Mapping[str, Any], reply: str) -> Iterator[Event]:
        signature = part.get("thoughtSignature")
        seal = Seal(realm=self._realm, token=signature) if isinstance(signature, str) and signature else None
        call, text, blob = part.get("functionCall"), part.get("text"), part.get("inlineData")
        if isinstance(call, dict) and (call.get("name") or self._partial is not None):
            yield from self._call(call, seal, reply)
        elif isinstance(text, str) or part.keys() <= _OF_TEXT:
            yield from self._text(part, text if isinstance(text, str) else "", seal)
        elif isinstance(blob, dict) and not part.get("thought") and (media := read_media(blob)) is not None:
            yield from self._whole(msgspec.structs.replace(media, seal=seal))
        else:
            yield from self._whole(Foreign(dialect=NAME, block=part))

    def _text(self, part: Mapping[str, Any], text: str, seal: Seal | None) -> Iterator[Event]:
        kind: Literal["text", "thinking"] = "thinking" if part.get("thought") is True else "text"
        more = {name: value for name, value in part.items() if name not in _OF_TEXT}
        rest = Rest(NAME, more) if more else None
        if not text:
            if seal is not None:
                if self._held is not None:
                    yield from self._settle()
                self._held = (Text(rest=rest) if kind == "text" else Thinking(rest=rest), seal)
            return
        if self._open is None or self._kind != kind or self._ended or self._held is not None or rest:
            yield from self._settle()
            self._open, self._kind, self._ended = self._indices.take(), kind, False
            yield Opened(self._open, Text(rest=rest) if kind == "text" else Thinking(rest=rest), self.number)
        if kind == "text":
            self._texts.append(text)
        yield Grew(self._open, text)
        if seal is not None:
            self._ended = True
            yield Sealed(self._open, seal)

    def _call(self, call: Mapping[str, Any], seal: Seal | None, reply: str) -> Iterator[Event]:
        if self._partial is not None and not call.get("name"):
            self._partial.add(call)
        else:
            yield from self._end_partial(reply)
            self._partial = PartialCall(call, seal)
        if not call.get("willContinue"):
            yield from self._end_partial(reply)

    def _end_partial(self, reply: str) -> Iterator[Event]:
        """Say the call that is being gathered, if there is one."""
        partial, self._partial = self._partial, None
        if partial is None:
            return
        name = client_name(partial.name) if isinstance(partial.name, str) else ""
        arguments = msgspec.json.encode(partial.arguments).decode()
        minted = f"{reply}|{self.number}|{self._calls}|{name}|{arguments}"
        own = partial.id if isinstance(partial.id, str) and partial.id else None
        self._calls += 1
        yield from self._settle()
        index = self._indices.take()
        yield Opened(index, Call(id=own or "call_" + _digest(minted), name=name), self.number)
        if partial.seal is not None:
            yield Sealed(index, partial.seal)
        yield Grew(index, arguments)
        yield Closed(index)

    def _whole(self, part: Part) -> Iterator[Event]:
        yield from self._settle()
        index = self._indices.take()
        yield Opened(index, part, self.number)
        yield Closed(index)

    def _settle(self) -> Iterator[Event]:
        """Close what is open, then say what is held back."""
        if self._open is not None:
            yield Closed(self._open)
            self._open = None
            self._before += sum(len(text.encode("utf-8", "surrogatepass")) for text in self._texts)
            self._texts = []
        if self._held is not None:
            part, seal = self._held
            self._held = None
            index = self._indices.take()
            yield Opened(index, part, self.number)
            yield Sealed(index, seal)
            yield Closed(index)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _tokens(result: Any) -> tuple[Token, ...]:
    """Each chosen token with its rivals at the same step."""
    if not isinstance(result, dict):
        return ()
    chosen, rivals = result.get("chosenCandidates"), result.get("topCandidates")
    tokens: list[Token] = []
    for step, each in enumerate(chosen if isinstance(chosen, list) else ()):
        token = _token(each)
        if token is None:
            continue
        beside = rivals[step] if isinstance(rivals, list) and step < len(rivals) else None
        top = beside.get("candidates") if isinstance(beside, dict) else None
        known = [rival for raw in (top if isinstance(top, list) else ()) if (rival := _token(raw)) is not None]
        tokens.append(msgspec.structs.replace(token, top=tuple(known)))
    return tuple(tokens)


def _token(raw: Any) -> Token | None:
    if not isinstance(raw, dict):
        return None
    text, score = raw.get("token"), raw.get("logProbability", 0.0)
    if not isinstance(text, str) or not isinstance(score, int | float):
        return None
    return Token(text=text, logprob=float(score), bytes=tuple(text.encode("utf-8", "surrogatepass")))
