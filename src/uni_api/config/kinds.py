"""What a value in api.yaml can be. A kind knows how to say what it wants and how to read it.

Reading reports every problem at its place and then raises `Unusable`; whoever reads a collection goes on with the next
value, so that all problems are told at once.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from uni_api.config import source
from uni_api.config.findings import Findings, Place, quoted, suggestion
from uni_api.config.source import Node, Scalar
from uni_api.secret import Secret

T = TypeVar("T")

_VARIABLE = re.compile(r"\$(?:\$(?=\{)|\{(?P<name>[A-Za-z_]\w*)(?P<fallback>:-[^}]*)?\})")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")
_LIMIT = re.compile(r"(?P<count>\d+)\s*/\s*(?P<unit>[a-z]+)\Z")

_FRAMING = frozenset(("connection", "content-length", "content-type", "host", "keep-alive", "te", "trailer"))
_FRAMING |= {"transfer-encoding", "upgrade", "proxy-authorization", "accept-encoding"}

_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hr", "hour"), 3_600),
    **dict.fromkeys(("d", "day"), 86_400),
    **dict.fromkeys(("mo", "month"), 30 * 86_400),
    **dict.fromkeys(("y", "year"), 365 * 86_400),
}


class Unusable(Exception):
    """The value has a problem, which has been reported."""


class Reader:
    """What reading needs to know: the environment, and where to report."""

    def __init__(self, findings: Findings, environ: Mapping[str, str]) -> None:
        self.findings = findings
        self._environ = environ

    def refuse(self, node: Node, path: str, text: str) -> NoReturn:
        self.findings.problem(node.place, path, text)
        raise Unusable

    def mismatch(self, node: Node, path: str, wanted: str) -> NoReturn:
        self.refuse(node, path, f"expected {wanted}, found {source.kind_of(node)}")

    def expand(self, node: Scalar, path: str) -> str:
        """The text of `node` with `${NAME}` and `${NAME:-default}` filled in; `$${` stands for `${`."""
        if "${" not in node.text:
            return node.text
        missing: list[str] = []

        def fill(match: re.Match[str]) -> str:
            name, fallback = match["name"], match["fallback"]
            if name is None:
                return "$"
            value = self._environ.get(name)
            if fallback is not None:
                return value or fallback[2:]
            if value is None:
                missing.append(name)
            return value or ""

        text = _VARIABLE.sub(fill, node.text)
        if missing:
            name = missing[0]
            self.refuse(
                node,
                path,
                f"environment variable {name} is not set; set it, or write ${{{name}:-default}} "
                f"($${{{name}}} for the text itself)",
            )
        return text

    def words(self, node: Node, path: str, wanted: str) -> str:
        """The text of a scalar, however it is spelled: numbers and `true` are text here."""
        if not isinstance(node, Scalar) or source.is_null(node):
            self.mismatch(node, path, wanted)
        text = self.expand(node, path).strip()
        if not text:
            self.refuse(node, path, f"expected {wanted}, found empty text")
        return text

    def value(self, node: Scalar, path: str) -> bool | int | float | str | None:
        """What a scalar means: quoted text is text, plain text may be a number, true, false or nothing."""
        text = self.expand(node, path)
        return source.value_of(text) if node.plain else text


class Kind(Generic[T]):
    """A kind of value. `says` completes "expected ..."."""

    def __init__(self, says: str, read: Callable[[Node, str, Reader], T]) -> None:
        self.says = says
        self.read = read


class PerModel(Struct, Generic[T], frozen=True):
    """One value for all models, or one per model name (`entries`, in file order) with a `default`."""

    entries: tuple[tuple[str, T], ...] = ()
    default: T | None = None


class Limit(Struct, frozen=True):
    """At most `count` requests in any `seconds`; without `seconds`, at most `count` tokens in one request."""

    count: int
    seconds: int | None = None


class Price(Struct, frozen=True):
    """US dollars for a million tokens."""

    input: float
    output: float


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
        if not _PRINTABLE.match(found):
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
    says = f"a list, each item {item.says}"

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
    says = f"{item.says}, or a map from model names to it"

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


def _read_fields(node: Node, path: str, reader: Reader) -> Mapping[str, Any]:
    if not isinstance(node, source.Mapping):
        reader.mismatch(node, path, fields.says)
    found: Mapping[str, Any] = _read_data(node, path, reader)
    return found


fields: Kind[Mapping[str, Any]] = Kind("a map of request fields", _read_fields)


def _read_url(node: Node, path: str, reader: Reader) -> str:
    found = reader.words(node, path, url.says)
    try:
        parts = urlsplit(found)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in ("http", "https") or not _PRINTABLE.match(found) or port == 0:
        reader.refuse(node, path, f"not a usable address; write {url.says}")
    if parts.username is not None or parts.password is not None:
        reader.findings.hide(parts.password or "")
        reader.refuse(node, path, "an address may not hold a user name or password; send them with preferences.headers")
    return found


url: Kind[str] = Kind("an http:// or https:// URL", _read_url)

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def _read_proxy(node: Node, path: str, reader: Reader) -> Secret:
    found = reader.words(node, path, proxy.says)
    reader.findings.hide(found)
    try:
        parts = urlsplit(found)
        usable = bool(parts.hostname) and parts.scheme in _PROXY_SCHEMES and parts.port != 0
        reader.findings.hide(parts.password or "")
    except ValueError:
        usable = False
    if not usable or not _PRINTABLE.match(found):
        reader.refuse(node, path, "not a usable proxy; write scheme://user:password@host:port with scheme http, https, "
                      "socks5 or socks5h (special characters in the password percent-encoded)")  # fmt: skip
    return Secret(found)


proxy: Kind[Secret] = Kind("a proxy URL, such as socks5://user:password@host:1080", _read_proxy)


def _read_header(node: Node, path: str, reader: Reader) -> str:
    if not isinstance(node, Scalar) or source.is_null(node):
        reader.mismatch(node, path, "the header's text")
    found = reader.expand(node, path).strip()
    reader.findings.hide(found)
    if any(sign in found for sign in "\r\n\0") or not found.isascii():
        reader.refuse(node, path, "a header's text must be ASCII on one line")
    return found


_header_table = mapped(Kind("the header's text", _read_header), "a map from header names to texts")


def _read_headers(node: Node, path: str, reader: Reader) -> tuple[tuple[str, str], ...]:
    found = []
    for name, value in _header_table.read(node, path, reader):
        if not _HEADER_NAME.match(name):
            reader.findings.problem(node.place, path, f"{quoted(name)} can't be the name of a header")
        elif name.lower() in _FRAMING:
            reader.findings.warning(node.place, path, f"{quoted(name)} is set by the gateway; this one is left out")
        else:
            found.append((name, value))
    return tuple(found)


headers: Kind[tuple[tuple[str, str], ...]] = Kind(_header_table.says, _read_headers)


def _read_limits(node: Node, path: str, reader: Reader) -> tuple[Limit, ...]:
    found = []
    for part in reader.words(node, path, limits.says).lower().split(","):
        match = _LIMIT.match(part.strip())
        seconds = _UNITS.get(match["unit"]) if match else None
        if match is None or (seconds is None and match["unit"] != "tpr"):
            reader.refuse(node, path, f"not a limit; write {limits.says}")
        found.append(Limit(int(match["count"]), seconds))
    return tuple(found)


limits: Kind[tuple[Limit, ...]] = Kind("limits such as 15/min or 15/min,10/day", _read_limits)


def _read_price(node: Node, path: str, reader: Reader) -> Price:
    parts = reader.words(node, path, price.says).split(",")
    numbers = [source.value_of(part.strip()) for part in parts]
    amounts = [each for each in numbers if isinstance(each, (int, float)) and not isinstance(each, bool) and each >= 0]
    if len(parts) != 2 or len(amounts) != 2:
        reader.refuse(node, path, f"not a price; write {price.says}")
    return Price(amounts[0], amounts[1])


price: Kind[Price] = Kind("dollars per million tokens in and out, such as 1,2", _read_price)


class ModelEntry(Struct, frozen=True):
    """One model of a channel: its name at the upstream and the name that clients use."""

    upstream: str
    alias: str
    place: Place


class RuleEntry(Struct, frozen=True):
    """One model rule of a client key, as written. It may hold another client's key."""

    text: str
    weight: int | None
    place: Place
    path: str

    def __repr__(self) -> str:
        return "<RuleEntry>"


def _read_models(node: Node, path: str, reader: Reader) -> tuple[ModelEntry, ...]:
    found: list[ModelEntry] = []
    nodes = node.items if isinstance(node, source.Sequence) else [node]
    for index, each in enumerate(nodes):
        where = f"{path}[{index}]" if isinstance(node, source.Sequence) else path
        try:
            if isinstance(each, source.Mapping):
                for key, value in each.entries:
                    upstream = reader.words(key, where, "a model name")
                    alias = reader.words(value, where, "the name for clients, written as upstream: alias")
                    found.append(ModelEntry(upstream, alias, key.place))
            else:
                name = reader.words(each, where, "a model name or upstream: alias")
                found.append(ModelEntry(name, name, each.place))
        except Unusable:
            continue
    return tuple(found)


models: Kind[tuple[ModelEntry, ...]] = Kind("a list of model names or upstream: alias", _read_models)

_weight = whole("a weight", least=1)


def _read_rules(node: Node, path: str, reader: Reader) -> tuple[RuleEntry, ...]:
    found: list[RuleEntry] = []
    nodes = node.items if isinstance(node, source.Sequence) else [node]
    for index, each in enumerate(nodes):
        where = f"{path}[{index}]" if isinstance(node, source.Sequence) else path
        try:
            if isinstance(each, source.Mapping):
                for key, value in each.entries:
                    rule = reader.words(key, where, "a model rule")
                    found.append(RuleEntry(rule, _weight.read(value, where, reader), key.place, where))
            else:
                found.append(RuleEntry(reader.words(each, where, "a model rule"), None, each.place, where))
        except Unusable:
            continue
    return tuple(found)


rules: Kind[tuple[RuleEntry, ...]] = Kind("a list of model rules", _read_rules)


def _read_retry(node: Node, path: str, reader: Reader) -> bool | int:
    value = source.value_of(reader.expand(node, path).strip()) if isinstance(node, Scalar) else None
    if isinstance(value, bool) or (isinstance(value, int) and value >= 0):
        return value
    reader.mismatch(node, path, retry.says)


retry: Kind[bool | int] = Kind("true, false or a number of further tries", _read_retry)


def shown(name: str) -> str:
    """A key of the file as part of a path."""
    mark = quoted(name)
    return mark[1:-1] if mark.startswith('"') else "..."
