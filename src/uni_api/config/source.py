"""YAML text -> nodes that know their place. Bounded: size, depth, and how much aliases may multiply.

Built on the parser's events, not on its constructors: values keep their spelling (`api: 007` is a key, not a number),
nothing recurses, and duplicate keys are seen.
"""

import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeAlias

from msgspec import Struct

from uni_api.config import longlists
from uni_api.config.findings import Findings, Place
from uni_api.config.longlists import Shortened

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 500_000
"""Values in the whole file, each counted as often as aliases repeat it."""


class Scalar(Struct, frozen=True, eq=False):
    """A single value as written. `plain`: without quotes, so that `true` and `5` may mean more than their text."""

    place: Place
    text: str
    plain: bool


class Sequence(Struct, frozen=True, eq=False):
    place: Place
    items: list["Node"]


class Mapping(Struct, frozen=True, eq=False):
    """Keys are unique; a merged key (`<<`) stands behind the mapping's own."""

    place: Place
    entries: list[tuple[Scalar, "Node"]]


Node: TypeAlias = Scalar | Sequence | Mapping

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?\d[\d_]*\Z|0x[0-9a-fA-F]+\Z|0o[0-7]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?\Z")


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text in _NULL


def value_of(text: str) -> bool | int | float | str | None:
    """What plain text means by the core schema of YAML 1.2: `yes` and `on` are text, `true` is not."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) < 64:  # a longer run of digits is an identifier; as a number it would only cost time
        if _INT.match(text):
            digits = text.replace("_", "")
            return int(digits, 0) if digits[:2] in ("0x", "0o") else int(digits)
        if _FLOAT.match(text):
            return float(text.replace("_", ""))
    return text


def kind_of(node: Node) -> str:
    """What `node` is, in words and without its value."""
    match node:
        case Sequence():
            return "a list"
        case Mapping():
            return "a map"
        case Scalar(plain=False):
            return "text" if node.text else "empty text"
    match value_of(node.text):
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case _:
            return "text"


def read(data: bytes, findings: Findings) -> Node | None:
    """The one document in `data`, or None when a problem was found that leaves nothing to read."""
    text = _decode(data, findings)
    if text is None:
        return None
    shorter = longlists.shortened(text)
    if shorter is not None:
        builder = _build(shorter.text, shorter)
        if not builder.problems and not shorter.lists:
            return builder.root
    builder = _build(text, None)
    for place, problem in builder.problems:
        findings.problem(place, "", problem)
    return builder.root


def _build(text: str, shorter: Shortened | None) -> "_Builder":
    """A builder that has read `text`, as far as it could."""
    from ruamel.yaml import YAML  # late: 20 ms that only the reading of a file should cost
    from ruamel.yaml.error import YAMLError

    builder = _Builder(shorter)
    try:
        builder.build(YAML(typ="safe", pure=True).parse(text))
        if builder.root is None:
            builder.problem(Place(1, 1), _EMPTY)
        return builder
    except YAMLError as error:
        builder.problem(_error_place(error, text), _explain(error))
    except _Hopeless:
        pass
    builder.root = None
    return builder


def _decode(data: bytes, findings: Findings) -> str | None:
    start = Place(1, 1)
    if len(data) > MAX_BYTES:
        findings.problem(start, "", f"the file is larger than {MAX_BYTES >> 20} MiB; is it the right file?")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = Place(before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        findings.problem(place, "", "the file is not UTF-8; save it as UTF-8")
        return None
    if not text.strip():
        findings.problem(start, "", _EMPTY)
        return None
    return text


class _Hopeless(Exception):
    """A problem was reported after which reading on makes no sense."""


class _Open:
    """A collection whose end has not been seen. `size` counts its values with what aliases repeat."""

    def __init__(self, node: Sequence | Mapping, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.size = 1
        self.key: Scalar | None = None
        self.keys: set[str] = set()
        self.merges: list[Node] = []


class _Builder:
    """Builds `root` from the parser's events. What was taken out of long lists is put back on the way."""

    def __init__(self, shorter: Shortened | None) -> None:
        self.root: Node | None = None
        self.problems: list[tuple[Place, str]] = []
        self._shorter = shorter
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._nodes = 0

    def problem(self, place: Place, text: str) -> None:
        self.problems.append((place, text))

    def build(self, events: Iterator[Any]) -> None:
        from ruamel.yaml import events as kinds

        documents = 0
        for event in events:
            mark = event.start_mark
            place = Place(mark.line + 1, mark.column + 1) if self._shorter is None else self._shorter.place(mark.index)
            match event:
                case kinds.ScalarEvent():
                    plain = event.style is None and event.implicit[0]
                    self._refuse_tag(event, place)
                    self._add(Scalar(place, event.value, plain), 1, event.anchor)
                    if self._shorter is not None and mark.index in self._shorter.lists:
                        self._put_back(self._shorter, mark.index, event.value, plain)
                case kinds.AliasEvent():
                    node, size = self._resolve(event.anchor, place)
                    self._add(node, size, None)
                case kinds.SequenceStartEvent():
                    self._refuse_tag(event, place)
                    self._open(Sequence(place, []), event.anchor)
                case kinds.MappingStartEvent():
                    self._refuse_tag(event, place)
                    self._open(Mapping(place, []), event.anchor)
                case kinds.SequenceEndEvent() | kinds.MappingEndEvent():
                    self._close()
                case kinds.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._stop(place, 'more than one document ("---"); keep one')
                case _:
                    pass

    def _put_back(self, shorter: Shortened, index: int, text: str, plain: bool) -> None:
        """What was taken out behind the item that has just been added, if it is an item of a list."""
        parent = self._stack[-1] if self._stack else None
        first, *missing = shorter.lists[index]
        if parent is not None and isinstance(parent.node, Sequence) and (first.text, first.plain) == (text, plain):
            del shorter.lists[index]
            for item in missing:
                self._add(Scalar(shorter.place_of(item.start), item.text, item.plain), 1, None)

    def _refuse_tag(self, event: Any, place: Place) -> None:
        tag = event.tag
        if tag and tag != "!" and not str(tag).startswith("tag:yaml.org,2002:"):
            self._stop(place, 'a tag ("!...") means nothing here; quote the value if it begins with "!"')

    def _stop(self, place: Place, text: str) -> NoReturn:
        self.problem(place, text)
        raise _Hopeless

    def _open(self, node: Sequence | Mapping, anchor: str | None) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._stop(node.place, f"nested more than {MAX_DEPTH} levels deep")
        if anchor:
            self._anchors[anchor] = None
        self._stack.append(_Open(node, anchor))

    def _close(self) -> None:
        done = self._stack.pop()
        if isinstance(done.node, Mapping):
            self._merge(done.node, done.keys, done.merges)
        self._add(done.node, done.size, done.anchor)

    def _resolve(self, anchor: str, place: Place) -> tuple[Node, int]:
        found = self._anchors.get(anchor)
        if found is None:
            within = anchor in self._anchors
            self._stop(
                place,
                "an alias stands inside the value that it repeats"
                if within
                else 'an alias ("*...") without its anchor; quote the value if it begins with "*"',
            )
        return found

    def _add(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (node, size)
        self._nodes += 1
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.size += size
        if max(parent.size, self._nodes) > MAX_NODES:
            self._stop(node.place, f"more than {MAX_NODES} values (aliases count as often as they are used)")
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node)
        else:
            key, parent.key = parent.key, None
            if isinstance(node, Scalar) and node.plain and not node.text:
                node = Scalar(key.place, "", plain=True)  # the parser places it at whatever follows
            if key.plain and key.text == "<<":
                parent.merges.append(node)
            elif key.text in parent.keys:
                self.problem(key.place, _TWICE)
            else:
                parent.keys.add(key.text)
                parent.node.entries.append((key, node))

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self._stop(
            node.place, f"a key must be text, found {kind_of(node)}; quote the value if it begins with a bracket"
        )

    def _merge(self, into: Mapping, known: set[str], merges: list[Node]) -> None:
        sources = [each for node in merges for each in (node.items if isinstance(node, Sequence) else [node])]
        for source in sources:
            if not isinstance(source, Mapping):
                self.problem(source.place, f'"<<" merges a map, found {kind_of(source)}')
                continue
            for key, value in source.entries:
                if key.text not in known:
                    known.add(key.text)
                    into.entries.append((key, value))


_EMPTY = "the file is empty; write at least providers and api_keys"
_TWICE = "this key stands twice in one map; keep one of them"

_MENDS = (
    ("'\\t'", "a tab can't indent; use spaces"),
    ("'@'", 'a value can\'t begin with "@"; put it in quotes'),
    ("'`'", 'a value can\'t begin with "`"; put it in quotes'),
    ("'%'", 'a value can\'t begin with "%"; put it in quotes'),
    ("expected alphabetic or numeric", 'a value that begins with "*" or "&" must stand in quotes'),
    ("undefined tag handle", 'a value that begins with "!" must stand in quotes'),
    ("mapping values are not allowed", 'unexpected ":"; check the indentation, or put the value in quotes'),
    ("unexpected end of stream", "a quotation mark is never closed"),
    ("unknown escape character", 'a bad "\\" escape in double quotes; use single quotes'),
    ("expected <block end>", "this line does not fit the lines above it; check the indentation"),
    ("expected ',' or", "a bracket is never closed, or a comma is missing"),
    ("could not find expected ':'", 'a ":" is missing after the key'),
)


def _explain(error: Any) -> str:
    """The parser's complaint in plain words. It may quote the file, so nothing of it is passed on but what we know."""
    problem = str(getattr(error, "problem", None) or "")
    for sign, mend in _MENDS:
        if sign in problem:
            return f"not valid YAML: {mend}"
    if not problem:
        return "not valid YAML: a control character; remove it"
    return "not valid YAML: " + re.sub(r"'[^']{2,}'", "'...'", problem)


def _error_place(error: Any, text: str) -> Place:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return Place(mark.line + 1, mark.column + 1)
    position = getattr(error, "position", None)
    if isinstance(position, int):
        before = text[:position]
        return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
    return Place(1, 1)
