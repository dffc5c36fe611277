"""A map of the file with known keys, declared as a class: one `Key` an attribute, its documentation beside it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from uni_api.config import source
from uni_api.config.findings import Place, quoted, suggestion
from uni_api.config.kinds import Kind, flag
from uni_api.config.reader import Reader, Unusable
from uni_api.config.source import Node

T = TypeVar("T")
S = TypeVar("S", bound="Section")


class Key(Generic[T]):
    """One key of a section. Reading the attribute gives its value, or None when the file does not set it.

    `doc` is its reference documentation and `default` the words for its absence. `required`: what to write when it is
    missing. `effective`: False for a key that is read and checked, and does nothing yet.
    """

    def __init__(
        self,
        kind: Kind[T],
        doc: str,
        *,
        name: str = "",
        default: str = "",
        required: str = "",
        effective: bool = True,
    ) -> None:
        self.kind = kind
        self.doc = doc
        self.name = name
        self.default = default
        self.required = required
        self.effective = effective

    def __set_name__(self, owner: type["Section"], attribute: str) -> None:
        self.name = self.name or attribute

    @overload
    def __get__(self, section: None, owner: type["Section"]) -> Self: ...
    @overload
    def __get__(self, section: "Section", owner: type["Section"]) -> T | None: ...
    def __get__(self, section: "Section | None", owner: type["Section"]) -> "T | Self | None":
        if section is None:
            return self
        value: T | None = section._values.get(self.name)
        return value


class Section:
    """The values of one map. Immutable; `at` tells where a key stands."""

    __slots__ = ("_node", "_places", "_values", "path")

    keys: ClassVar[Mapping[str, Key[Any]]]
    says: ClassVar[str] = "a map"

    def __init_subclass__(cls) -> None:
        cls.keys = {each.name: each for each in vars(cls).values() if isinstance(each, Key)}

    def __init__(self, node: Node | None, path: str, values: Mapping[str, Any], places: Mapping[str, Place]) -> None:
        self.path = path
        self._node = node
        self._values = values
        self._places = places

    def at(self, name: str) -> Place:
        """Where the value of the key `name` stands, or where the section itself does."""
        return self._places.get(name) or (self._node.place if self._node else Place(1, 1))

    @property
    def keys_given(self) -> frozenset[str]:
        """The keys that the file sets, even to something unusable."""
        return frozenset(self._places)

    @classmethod
    def empty(cls, path: str) -> Self:
        return cls(None, path, {}, {})

    @classmethod
    def read(cls, node: Node, path: str, reader: Reader) -> Self:
        """Reads every known key, reports the others. A key with a problem reads as if it were absent."""
        if not isinstance(node, source.Mapping):
            reader.mismatch(node, path, cls.says)
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        seen = set()
        for key, value in node.entries:
            name = key.text
            known = cls.keys.get(name)
            where = f"{path}.{name}" if path else name
            if known is None:
                cls._unknown(name, key.place, path, reader)
                continue
            seen.add(name)
            if source.is_null(value):
                continue
            places[name] = value.place
            if not known.effective:
                reader.findings.idle(key.place, where)
            try:
                values[name] = known.kind.read(value, where, reader)
            except Unusable:
                continue
        for name, known in cls.keys.items():
            if known.required and name not in places:
                where = f'"{name}" is empty' if name in seen else f'missing "{name}"'
                reader.findings.problem(node.place, path, f"{where}; {known.required}")
        return cls(node, path, values, places)

    @classmethod
    def _unknown(cls, name: str, place: Place, path: str, reader: Reader) -> None:
        if name == "notes" or name.startswith("x-"):
            return
        hint = suggestion(name, cls.keys)
        reader.findings.unknown(place, path, f"unknown key {quoted(name)}{hint or '; it is ignored'}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


def section(cls: type[S]) -> Kind[S]:
    """The kind of a value that is a map with the keys of `cls`."""
    return Kind(cls.says, cls.read)


def switch(cls: type[S]) -> Kind[S | None]:
    """A map with the keys of `cls`, or `true` for all of them at their defaults; `false` is None."""
    says = f"true, false, or {cls.says}"

    def read(node: Node, path: str, reader: Reader) -> S | None:
        if isinstance(node, source.Mapping):
            return cls.read(node, path, reader)
        if not isinstance(node, source.Scalar):
            reader.mismatch(node, path, says)
        return cls.empty(path) if flag.read(node, path, reader) else None

    return Kind(says, read)
