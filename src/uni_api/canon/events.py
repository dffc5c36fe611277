"""An answer as it grows: the events of a stream, and `fold`, which makes a Reply of them.

Grammar: Started first; every part is Opened, then Grew, Sealed and Cited any number of times, then Closed; part indices
are unique over the whole stream, from 0 in order of opening; one Finished a choice; Metered is a snapshot, the last one
wins; Broke ends the stream.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from uni_api.canon.parts import Call, Citation, Foreign, Media, Part, Rest, Result, Text, Thinking
from uni_api.canon.reply import Choice, Finish, Reply, Token, Usage
from uni_api.canon.seal import Seal
from uni_api.errors import Fault


class Started(Struct, frozen=True, kw_only=True):
    id: str | None = None
    model: str | None = None
    created: int | None = None


class Opened(Struct, frozen=True):
    """A part begins: its kind, id and name are known, its text grows later. Media and Foreign parts open whole."""

    index: int
    part: Part
    choice: int = 0


class Grew(Struct, frozen=True):
    """More text, thinking text or call arguments for part `index`."""

    index: int
    text: str


class Sealed(Struct, frozen=True):
    index: int
    seal: Seal


class Cited(Struct, frozen=True):
    index: int
    citation: Citation


class Closed(Struct, frozen=True):
    index: int


class Scored(Struct, frozen=True):
    """Log probabilities of tokens just sent."""

    tokens: tuple[Token, ...]
    choice: int = 0


class Metered(Struct, frozen=True):
    usage: Usage


class Finished(Struct, frozen=True):
    finish: Finish
    choice: int = 0


class Noted(Struct, frozen=True):
    """What one dialect said about the whole reply (or one choice) that canon has no word for."""

    rest: Rest
    choice: int | None = None


class Broke(Struct, frozen=True):
    """The stream failed after it had begun."""

    fault: Fault


Event = Started | Opened | Grew | Sealed | Cited | Closed | Scored | Metered | Finished | Noted | Broke


class _ChoiceDraft:
    def __init__(self) -> None:
        self.indices: list[int] = []
        self.finish: Finish | None = None
        self.logprobs: list[Token] = []
        self.rest: Rest | None = None

    def take(self, event: Scored | Finished | Noted) -> None:
        match event:
            case Scored():
                self.logprobs.extend(event.tokens)
            case Finished():
                self.finish = event.finish
            case Noted():
                self.rest = _joined(self.rest, event.rest)


class _PartDrafts:
    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._texts: dict[int, list[str]] = {}

    def take(self, event: Opened | Grew | Sealed | Cited) -> None:
        match event:
            case Opened():
                self._parts[event.index] = event.part
                self._texts[event.index] = []
            case Grew():
                self._texts[event.index].append(event.text)
            case Sealed():
                self._parts[event.index] = _with_seal(self._parts[event.index], event.seal)
            case Cited():
                self._parts[event.index] = _with_citation(self._parts[event.index], event.citation)

    def whole(self, index: int) -> Part:
        return _grown(self._parts[index], "".join(self._texts[index]))


def fold(events: Iterable[Event]) -> Reply:
    """The Reply that a whole stream says. Raises the Fault of a Broke event."""
    started = Started()
    parts = _PartDrafts()
    choices: defaultdict[int, _ChoiceDraft] = defaultdict(_ChoiceDraft)
    choices[0] = _ChoiceDraft()
    usage: Usage | None = None
    rest: Rest | None = None
    for event in events:
        match event:
            case Started():
                started = event
            case Opened() | Grew() | Sealed() | Cited():
                parts.take(event)
                if isinstance(event, Opened):
                    choices[event.choice].indices.append(event.index)
            case Metered():
                usage = event.usage
            case Noted(choice=None):
                rest = _joined(rest, event.rest)
            case Scored() | Finished() | Noted():
                choices[event.choice or 0].take(event)
            case Broke():
                raise event.fault
            case Closed():
                pass
    return Reply(
        id=started.id,
        model=started.model,
        created=started.created,
        choices=tuple(
            Choice(
                parts=tuple(parts.whole(index) for index in draft.indices),
                finish=draft.finish,
                logprobs=tuple(draft.logprobs),
                rest=draft.rest,
            )
            for _, draft in sorted(choices.items())
        ),
        usage=usage,
        rest=rest,
    )


def unfold(reply: Reply) -> Iterator[Event]:
    """The shortest stream that says `reply`: `fold(unfold(reply)) == reply`."""
    yield Started(id=reply.id, model=reply.model, created=reply.created)
    index = 0
    for number, choice in enumerate(reply.choices):
        for part in choice.parts:
            yield Opened(index, _emptied(part), number)
            if text := _text_of(part):
                yield Grew(index, text)
            yield Closed(index)
            index += 1
        if choice.logprobs:
            yield Scored(choice.logprobs, number)
        if choice.rest is not None:
            yield Noted(choice.rest, number)
        if choice.finish is not None:
            yield Finished(choice.finish, number)
    if reply.rest is not None:
        yield Noted(reply.rest)
    if reply.usage is not None:
        yield Metered(reply.usage)


def _joined(old: Rest | None, new: Rest) -> Rest:
    return new if old is None else Rest(new.dialect, {**old.fields, **new.fields}, old.hints | new.hints)


def _with_seal(part: Part, seal: Seal) -> Part:
    match part:
        case Text() | Thinking() | Call() | Media():
            return msgspec.structs.replace(part, seal=seal)
        case Result() | Foreign():
            raise TypeError(f"a {type(part).__name__} bears no seal")


def _with_citation(part: Part, citation: Citation) -> Part:
    if not isinstance(part, Text):
        raise TypeError(f"a {type(part).__name__} bears no citation")
    return msgspec.structs.replace(part, citations=(*part.citations, citation))


def _grown(part: Part, text: str) -> Part:
    match part:
        case Text() | Thinking():
            return msgspec.structs.replace(part, text=part.text + text) if text else part
        case Call():
            return msgspec.structs.replace(part, arguments=part.arguments + text) if text else part
        case Media() | Result() | Foreign():
            return part


def _text_of(part: Part) -> str:
    match part:
        case Text() | Thinking():
            return part.text
        case Call():
            return part.arguments
        case Media() | Result() | Foreign():
            return ""


def _emptied(part: Part) -> Part:
    match part:
        case Text() | Thinking():
            return msgspec.structs.replace(part, text="")
        case Call():
            return msgspec.structs.replace(part, arguments="")
        case Media() | Result() | Foreign():
            return part
