"""The laws that every dialect obeys, as checkers, and strategies for the canon values they are checked with.

1 identity       what is read and written again is the same JSON
2 no silent loss each leaf reaches the other side, or its path stands in the ledger
3 echo           a client that sends a reply back gives its parts back, seals included
4 stream = batch a stream says what the whole body says, however its bytes are cut

Each checker raises AssertionError with the place at fault.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from uni_api.canon import (
    Broke,
    Cache,
    Call,
    Choice,
    Citation,
    Cited,
    Closed,
    Event,
    Finish,
    Finished,
    Foreign,
    Grew,
    Losses,
    Media,
    Opened,
    Part,
    Reasoning,
    Reply,
    Request,
    Result,
    Sampling,
    Seal,
    Sealed,
    Shape,
    Started,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
    Usage,
    fold,
)
from uni_api.dialects.faces import Body, StreamReader
from uni_api.framing import SseDecoder

Read = Callable[[Body], Request]
Write = Callable[[Request, Losses], Body]

# --- law 1 ------------------------------------------------------------------------------------------------------------


def check_identity(read: Read, write: Write, body: Body, *, but: Callable[[Body], Body] | None = None) -> None:
    """`write(read(body))` is `body` and loses nothing. `but` brings spellings that may change to one form."""
    losses = Losses()
    written = write(read(json.loads(json.dumps(body))), losses)
    form = but or (lambda value: value)
    assert form(plain(written)) == form(body), difference(form(body), form(plain(written)))
    assert not losses, losses
    assert key_orders(written) == key_orders(body), "the key order of a schema changed"


def plain(value: Any) -> Any:
    """`value` as a JSON decoder would give it."""
    return json.loads(msgspec.json.encode(value))


def difference(one: Any, other: Any, path: str = "$") -> str:
    """The first place where two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *other]:
            if one.get(name, ...) != other.get(name, ...):
                return difference(one.get(name, ...), other.get(name, ...), f"{path}.{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                return difference(a, b, f"{path}[{index}]")
    return f"{path}: {one!r:.300} became {other!r:.300}"


def key_orders(value: Any) -> list[list[str]]:
    """The order of the properties of every JSON schema in `value`."""
    found: list[list[str]] = []
    for inner in _objects(value):
        properties = inner.get("properties")
        if isinstance(properties, Mapping):
            found.append(list(properties))
    return sorted(found)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _objects(inner)


# --- law 2 ------------------------------------------------------------------------------------------------------------

FIXED = frozenset({"role", "type", "mode", "model", "detail", "format", "mime", "dialect", "realm", "kind"})
"""Names of fields whose strings are words of a format: they can't be marked."""


def marked(value: Any, *, fixed: frozenset[str] = FIXED, path: str = "") -> tuple[Any, dict[str, str]]:
    """`value` (JSON) with a token of its own in every free string, and the path of each token."""
    tokens: dict[str, str] = {}

    def walk(inner: Any, where: str, name: str) -> Any:
        if isinstance(inner, Mapping):
            return {key: walk(one, f"{where}.{key}" if where else key, key) for key, one in inner.items()}
        if isinstance(inner, list | tuple):
            return [walk(one, f"{where}[{index}]", name) for index, one in enumerate(inner)]
        if isinstance(inner, str) and name not in fixed and not inner.startswith(("data:", "ua1.")):
            token = f"zq{len(tokens)}qz"
            tokens[token] = where
            return token
        return inner

    return walk(value, path, ""), tokens


def check_nothing_lost(tokens: Mapping[str, str], written: Any, losses: Losses) -> None:
    """Every token is in `written`, or its path (canon's: `turns[0].parts[1].text`) lies under one of the ledger."""
    text = msgspec.json.encode(written).decode()
    entered = [loss.path for loss in losses.items]
    for token, path in tokens.items():
        assert token in text or any(_covers(loss, path) for loss in entered), f"{path} is lost silently ({entered})"


def _covers(loss: str, path: str) -> bool:
    return path == loss or path.startswith((loss + ".", loss + "["))


def check_read_keeps(read: Read, body: Body, *, fixed: frozenset[str]) -> None:
    """A reader puts every free string of `body` somewhere into the Request."""
    marks, tokens = marked(body, fixed=fixed)
    check_nothing_lost(tokens, msgspec.to_builtins(read(marks)), Losses())


def check_write_keeps(write: Write, request: Request, *, fixed: frozenset[str] = FIXED) -> None:
    """A writer says every text of `request` or enters its path as lost."""
    turns: list[Turn] = []
    tokens: dict[str, str] = {}
    for index, turn in enumerate(request.turns):
        parts = []
        for at, part in enumerate(turn.parts):
            new, found = _marked_part(part, f"turns[{index}].parts[{at}]", len(tokens))
            tokens |= found
            parts.append(new)
        turns.append(msgspec.structs.replace(turn, parts=tuple(parts)))
    losses = Losses()
    written = write(msgspec.structs.replace(request, turns=tuple(turns)), losses)
    check_nothing_lost(tokens, written, losses)


def _marked_part(part: Part, path: str, number: int) -> tuple[Part, dict[str, str]]:
    token = f"zq{number}qz"
    match part:
        case Text() | Thinking() if part.text:
            return msgspec.structs.replace(part, text=token), {token: f"{path}.text"}
        case Call():
            arguments = token if part.custom else json.dumps({"mark": token})
            return msgspec.structs.replace(part, arguments=arguments), {token: f"{path}.arguments"}
        case Result():
            inner: list[Part] = []
            tokens: dict[str, str] = {}
            for at, one in enumerate(part.parts):
                new, found = _marked_part(one, f"{path}.parts[{at}]", number + len(tokens))
                inner.append(new)
                tokens |= found
            return msgspec.structs.replace(part, parts=tuple(inner)), tokens
        case Media(url=str()):
            return msgspec.structs.replace(part, url=f"https://example.com/{token}"), {token: f"{path}.url"}
        case _:
            return part, {}


# --- law 3 ------------------------------------------------------------------------------------------------------------


def check_echo(sent: Sequence[Part], got: Sequence[Part]) -> None:
    """The parts of an assistant turn, read from an echoed reply, are the reply's own.

    Empty text may be gone (sources of no words stay the message's own), and notes on the client's spelling be added.
    """
    wanted = [part for part in sent if not _says_nothing(part)]
    heard = [without_notes(part) for part in got if not _says_nothing(part)]
    assert heard == wanted, difference(msgspec.to_builtins(wanted), msgspec.to_builtins(heard))


def without_notes(part: Part) -> Part:
    """`part` without what its reader noted on its spelling alone."""
    rest = getattr(part, "rest", None)
    if isinstance(part, Foreign) or rest is None or not all(name.startswith(":") for name in rest.fields):
        return part
    return msgspec.structs.replace(part, rest=None)


def _says_nothing(part: Part) -> bool:
    return isinstance(part, Text | Thinking) and not (part.text or part.seal or part.rest)


# --- law 4 ------------------------------------------------------------------------------------------------------------


def events_of(reader: StreamReader, pieces: Iterable[bytes]) -> list[Event]:
    """Everything that a reader says about a stream that comes in these pieces."""
    frames = SseDecoder()
    events: list[Event] = []
    for piece in pieces:
        for frame in frames.feed(piece):
            events.extend(reader.feed(frame))
    for frame in frames.close():
        events.extend(reader.feed(frame))
    events.extend(reader.close())
    return events


def check_splits(reader: Callable[[], StreamReader], data: bytes, offsets: Iterable[int] | None = None) -> list[Event]:
    """Cutting the bytes in two at any offset changes no event. Gives the events."""
    whole = events_of(reader(), [data])
    for at in range(1, len(data)) if offsets is None else offsets:
        assert same(events_of(reader(), [data[:at], data[at:]]), whole), f"cut at {at}"
    return whole


def same(one: Sequence[Event], other: Sequence[Event]) -> bool:
    """Whether two streams say the same. Faults are compared by what they say, as exceptions have no equality."""
    return [_comparable(event) for event in one] == [_comparable(event) for event in other]


def _comparable(event: Event) -> Any:
    return (event.fault.kind, event.fault.message) if isinstance(event, Broke) else event


def check_stream_is_batch(events: Iterable[Event], reply: Reply, *, but: frozenset[str] = frozenset()) -> None:
    """A stream and a body that were recorded for the same answer say the same, up to the Reply's fields in `but`."""
    streamed = {name: inner for name, inner in msgspec.to_builtins(fold(events)).items() if name not in but}
    whole = {name: inner for name, inner in msgspec.to_builtins(reply).items() if name not in but}
    assert streamed == whole, difference(whole, streamed)


def check_grammar(events: Sequence[Event]) -> None:
    """Started first; indices from 0 in order of opening; nothing grows that is not open; one Finished a choice."""
    opened: list[int] = []
    live: set[int] = set()
    finished: list[int] = []
    for at, event in enumerate(events):
        where = f"event {at} ({type(event).__name__})"
        match event:
            case Started():
                assert at == 0, f"{where} is not the first"
            case Opened():
                assert event.index == len(opened), f"{where} opens {event.index} after {opened}"
                assert event.choice not in finished, f"{where} opens a part of a choice that is finished"
                opened.append(event.index)
                live.add(event.index)
            case Grew() | Sealed() | Cited():
                assert event.index in live, f"{where} speaks of part {event.index}, which is not open"
            case Closed():
                assert event.index in live, f"{where} closes part {event.index}, which is not open"
                live.discard(event.index)
            case Finished():
                assert event.choice not in finished, f"{where} finishes choice {event.choice} again"
                finished.append(event.choice)
            case Broke():
                assert at == len(events) - 1, f"{where} is not the last"
                return
            case _:
                pass
    assert not live, f"parts {sorted(live)} are never closed"


# --- strategies -------------------------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
"""Any text, also empty."""

names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
seals = st.builds(
    Seal, realm=st.sampled_from(["anthropic", "gemini:studio", "openai_chat:host"]), token=words.filter(bool)
)
maybe_seal = st.none() | seals
caches = st.builds(Cache, ttl=st.none() | st.sampled_from(["5m", "1h"]))
citations = st.builds(
    Citation,
    url=st.none() | st.just("https://example.com/a"),
    title=st.none() | words,
    quote=st.none() | words,
    start=st.none() | st.integers(0, 9),
    end=st.none() | st.integers(0, 9),
)
images = st.builds(Media, kind=st.just("image"), mime=st.sampled_from(["image/png", "image/webp"]), data=st.binary())
image_links = st.builds(Media, kind=st.just("image"), url=st.just("https://example.com/cat.png"))
texts = st.builds(Text, text=words.filter(bool))
objects = st.dictionaries(names, json_values, max_size=3).map(json.dumps)


def said_parts(dialect: str = "elsewhere") -> st.SearchStrategy[Part]:
    """A part of an answer, with everything that any provider adds to one. `dialect` leaves the foreign blocks."""
    return st.one_of(
        st.builds(Text, text=words, seal=maybe_seal, citations=st.lists(citations, max_size=2).map(tuple)),
        st.builds(Text, text=words.filter(bool), refusal=st.just(True)),
        st.builds(Thinking, text=words.filter(bool), seal=maybe_seal),
        st.builds(Thinking, withheld=st.just(True), seal=seals),
        st.builds(Call, id=st.just(""), name=names, arguments=objects, seal=maybe_seal),
        st.builds(
            Foreign,
            dialect=st.just(dialect),
            block=st.fixed_dictionaries({"type": names}, optional={"content": json_values}),
        ),
        images,
    )


def _numbered(parts: list[Part]) -> tuple[Part, ...]:
    """Every call gets an id of its own."""
    return tuple(
        msgspec.structs.replace(part, id=f"call_{at}") if isinstance(part, Call) else part
        for at, part in enumerate(parts)
    )


usages = st.builds(
    Usage,
    input=st.integers(0, 10**6),
    cache_read=st.integers(0, 10**6),
    cache_write=st.integers(0, 10**6),
    output=st.integers(10, 10**6),
    reasoning=st.integers(0, 10),
)
finishes = st.builds(Finish, st.sampled_from(["stop", "length", "calls", "filter", "refusal", "pause", "other"]))


def replies(dialect: str = "elsewhere", *, most_choices: int = 1) -> st.SearchStrategy[Reply]:
    """A reply with at least one choice. Of several, each is finished: a stream can't tell of one that says nothing."""
    choices = st.builds(
        Choice,
        parts=st.lists(said_parts(dialect), max_size=6).map(_numbered),
        finish=finishes if most_choices > 1 else st.none() | finishes,
    )
    return st.builds(
        Reply,
        id=st.none() | names,
        model=st.none() | names,
        created=st.none() | st.integers(1, 2**31),
        choices=st.lists(choices, min_size=1, max_size=most_choices).map(tuple),
        usage=st.none() | usages,
    )


asked_parts = st.one_of(
    st.builds(Text, text=words.filter(bool), cache=st.none() | caches),
    images,
    image_links,
    st.builds(
        Media,
        kind=st.just("document"),
        mime=st.just("application/pdf"),
        data=st.binary(),
        name=st.none() | st.just("a.pdf"),
    ),
    st.builds(Media, kind=st.just("audio"), mime=st.sampled_from(["audio/wav", "audio/mpeg"]), data=st.binary()),
)
results = st.builds(
    Result,
    call=st.just("call_0"),
    parts=st.lists(st.one_of(texts, images), max_size=3).map(tuple),
    error=st.booleans(),
    cache=st.none() | caches,
)
turns = st.one_of(
    st.builds(Turn, role=st.just("system"), parts=st.lists(texts, min_size=1, max_size=2).map(tuple)),
    st.builds(Turn, role=st.just("user"), parts=st.lists(asked_parts | results, min_size=1, max_size=4).map(tuple)),
    st.builds(Turn, role=st.just("assistant"), parts=st.lists(said_parts(), min_size=1, max_size=4).map(_numbered)),
)
schemas = st.builds(
    lambda properties: {"type": "object", "properties": properties},
    st.dictionaries(names, st.sampled_from([{"type": "string"}, {"type": "integer"}]), max_size=3),
)
tools = st.builds(
    Tool, name=names, description=st.none() | words, schema=st.none() | schemas, strict=st.none() | st.booleans()
)
requests = st.builds(
    Request,
    model=names,
    turns=st.lists(turns, min_size=1, max_size=5).map(tuple),
    tools=st.lists(tools, max_size=3, unique_by=lambda tool: tool.name).map(tuple),
    tool_choice=st.none() | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"])),
    parallel=st.none() | st.booleans(),
    max_tokens=st.none() | st.integers(1, 10**5),
    stop=st.lists(words.filter(bool), max_size=3).map(tuple),
    sampling=st.builds(Sampling, temperature=st.none() | st.floats(0, 2), seed=st.none() | st.integers(0, 10**6)),
    reasoning=st.none()
    | st.builds(
        Reasoning,
        effort=st.none() | st.sampled_from(["none", "low", "high", "max"]),
        budget=st.none() | st.sampled_from([-1, 0, 1024, 5000, 32000]),
    ),
    shape=st.none()
    | st.builds(Shape, kind=st.sampled_from(["text", "json"]))
    | st.builds(Shape, kind=st.just("schema"), name=names, schema=schemas),
    stream=st.booleans(),
    user=st.none() | names,
)
