"""What a value in api.yaml can be. A kind knows how to say what it wants and how to read it.

Reading reports every problem at its place and then raises `Unusable`; whoever reads a collection goes on with the next
value, so that all problems are told at once. Values with a format of their own are in `values`.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from uni_api.config import source
from uni_api.config.findings import quoted, suggestion
from uni_api.config.reader import Reader, Unusable
from uni_api.config.source import Node, Scalar
from uni_api.secret import Secret

T = TypeVar("T")

PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")


class Kind(Generic[T]):
    """A kind of value. `says` completes "expected ..."."""

    def __init__(self, says: str, read: Callable[[Node, str, Reader], T]) -> None:
        self.says = says
        self.read = read


class PerModel(Struct, Generic[T], frozen=True):
    """One value for all models, or one per model name (`entries`, in file order) with a `default`."""

    entries: tuple[tuple[str, T], ...] = ()
    default: T | None = None


def text(says: str = "text") -> Kind[str]:
    return Kind(says, lambda node, path, reader: reader.words(node, path, says))


def secret(says: str) -> Kind[Secret]:
    """Text that is never shown. A literal `\\n` is a line break, as in keys copied out of a JSON file."""

    def read(node: Node, path: str, reader: Reader) -> Secret:
        found = reader.words(node, path, says)
        reader.findings.hide(found)
        return Secret(found.replace("\\n", "\n"))

    return Kind(says, read)


def token(says: str) -> Kind[Secret]:
    """A secret that must travel in a header: printable ASCII without spaces."""

    def read(node: Node, path: str, reader: Reader) -> Secret:
        found = reader.words(node, path, says)
        reader.findings.hide(found)
        if not PRINTABLE.match(found):
            reader.refuse(node, path, "a key must be printable ASCII without spaces; was it copied whole and alone?")
        return Secret(found)

    return Kind(says, read)


def _read_flag(node: Node, path: str, reader: Reader) -> bool:
    if isinstance(node, Scalar):
        value = source.value_of(reader.expand(node, path).strip())
        if isinstance(value, bool):
            return value
    reader.mismatch(node, path, "true or false")


flag: Kind[bool] = Kind("true or false", _read_flag)


def number(says: str, *, least: float = 0, above: float | None = None) -> Kind[float]:
    def read(node: Node, path: str, reader: Reader) -> float:
        value = source.value_of(reader.expand(node, path).strip()) if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            reader.mismatch(node, path, says)
        if not math.isfinite(value) or value < least or (above is not None and value <= above):
            bound = f"greater than {above:g}" if above is not None else f"of at least {least:g}"
            reader.refuse(node, path, f"expected {says}, a number {bound}")
        return value

    return Kind(says, read)


def whole(says: str, *, least: int = 0) -> Kind[int]:
    plain = number(says, least=least)

    def read(node: Node, path: str, reader: Reader) -> int:
        value = plain.read(node, path, reader)
        if value != int(value):
            reader.refuse(node, path, f"expected {says}, without a fraction")
        return int(value)

    return Kind(says, read)


def choice(*words: str) -> Kind[str]:
    """One of `words`. Another word is a warning and reads as the first, so that an old file starts."""
    says = "one of " + ", ".join(words)

    def read(node: Node, path: str, reader: Reader) -> str:
        found = reader.words(node, path, says)
        if found in words:
            return found
        hint = suggestion(found, words)
        reader.findings.unknown(node.place, path, f"{quoted(found)} is not {says}; {words[0]} is used{hint}")
        return words[0]

    return Kind(says, read)


def listed(item: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list; a single value is a list of one."""
    says = f"{item.says}, or a list"

    def read(node: Node, path: str, reader: Reader) -> tuple[T, ...]:
        if not isinstance(node, source.Sequence):
            return (item.read(node, path, reader),)
        return tuple(_readable(item, node.items, path, reader))

    return Kind(says, read)


def _readable(item: Kind[T], nodes: list[Node], path: str, reader: Reader) -> list[T]:
    found = []
    for index, node in enumerate(nodes):
        try:
            found.append(item.read(node, f"{path}[{index}]", reader))
        except Unusable:
            continue
    return found


def items(item: Kind[T], says: str) -> Kind[tuple[T, ...]]:
    """A list and nothing else."""

    def read(node: Node, path: str, reader: Reader) -> tuple[T, ...]:
        if not isinstance(node, source.Sequence):
            reader.mismatch(node, path, says)
        return tuple(_readable(item, node.items, path, reader))

    return Kind(says, read)


def mapped(item: Kind[T], says: str) -> Kind[tuple[tuple[str, T], ...]]:
    """A map from names to values, in file order."""

    def read(node: Node, path: str, reader: Reader) -> tuple[tuple[str, T], ...]:
        if not isinstance(node, source.Mapping):
            reader.mismatch(node, path, says)
        found = []
        for key, value in node.entries:
            try:
                name = reader.words(key, path, "a name")
                found.append((name, item.read(value, f"{path}.{shown(name)}", reader)))
            except Unusable:
                continue
        return tuple(found)

    return Kind(says, read)


def per_model(item: Kind[T]) -> Kind[PerModel[T]]:
    """One value, or a map from model names to values with `default` for the rest."""
    table = mapped(item, item.says)
    says = f"{item.says}, or a map of them by model name"

    def read(node: Node, path: str, reader: Reader) -> PerModel[T]:
        if not isinstance(node, source.Mapping):
            return PerModel(default=item.read(node, path, reader))
        entries = table.read(node, path, reader)
        defaults = [value for name, value in entries if name == "default"]
        return PerModel(
            entries=tuple(entry for entry in entries if entry[0] != "default"),
            default=defaults[0] if defaults else None,
        )

    return Kind(says, read)


def _read_data(node: Node, path: str, reader: Reader) -> Any:
    match node:
        case Scalar():
            return reader.value(node, path)
        case source.Sequence():
            return [_read_data(each, f"{path}[{index}]", reader) for index, each in enumerate(node.items)]
        case source.Mapping():
            return {
                reader.expand(key, path): _read_data(each, f"{path}.{shown(key.text)}", reader)
                for key, each in node.entries
            }


data: Kind[Any] = Kind("any JSON value", _read_data)

ignored: Kind[None] = Kind("anything", lambda node, path, reader: None)


def _read_fields(node: Node, path: str, reader: Reader) -> Mapping[str, Any]:
    if not isinstance(node, source.Mapping):
        reader.mismatch(node, path, fields.says)
    found: Mapping[str, Any] = _read_data(node, path, reader)
    return found


fields: Kind[Mapping[str, Any]] = Kind("a map of request fields", _read_fields)


def shown(name: str) -> str:
    """A key of the file as part of a path."""
    mark = quoted(name)
    return mark[1:-1] if mark.startswith('"') else "..."
