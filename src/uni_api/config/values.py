"""Values with a format of their own: addresses, headers, limits, prices, model lists and model rules."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec import Struct

from uni_api.config import source
from uni_api.config.findings import Place, quoted
from uni_api.config.kinds import PRINTABLE, Kind, mapped, number
from uni_api.config.policy import Limit, Price
from uni_api.config.reader import Reader, Unusable
from uni_api.config.source import Node, Scalar
from uni_api.secret import Secret

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_NUMBER = re.compile(r"\d{9,11}(\.\d*)?\Z")
_LIMIT = re.compile(r"(?P<count>\d{1,15})\s*/\s*(?P<unit>[a-z]+)\Z")

_OUR_HEADERS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Headers that follow from how a request is sent: one from the file would break it."""

_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hr", "hour"), 3_600),
    **dict.fromkeys(("d", "day"), 86_400),
    **dict.fromkeys(("mo", "month"), 30 * 86_400),
    **dict.fromkeys(("y", "year"), 365 * 86_400),
}

_TOKEN_UNITS: Mapping[str, int | None] = {"tpr": None, "tpm": 60, "tph": 3_600, "tpd": 86_400}


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


def _read_url(node: Node, path: str, reader: Reader) -> str:
    found = reader.words(node, path, url.says)
    try:
        parts = urlsplit(found)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in ("http", "https") or not PRINTABLE.match(found) or port == 0:
        reader.refuse(node, path, f"not a usable address; write {url.says}")
    if parts.username is not None or parts.password is not None:
        reader.findings.hide(parts.password or "")
        reader.refuse(node, path, "an address may not hold a user name or password; send them with preferences.headers")
    return found


url: Kind[str] = Kind("an http:// or https:// URL", _read_url)


def _read_proxy(node: Node, path: str, reader: Reader) -> Secret:
    found = reader.words(node, path, proxy.says)
    reader.findings.hide(found)
    try:
        parts = urlsplit(found)
        usable = bool(parts.hostname) and parts.scheme in _PROXY_SCHEMES and parts.port != 0
        reader.findings.hide(parts.password or "")
    except ValueError:
        usable = False
    if not usable or not PRINTABLE.match(found):
        reader.refuse(
            node,
            path,
            "not a usable proxy; write scheme://user:password@host:port with scheme http, https, "
            "socks5 or socks5h (special characters in the password percent-encoded)",
        )
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
        elif name.lower() in _OUR_HEADERS:
            reader.findings.warning(node.place, path, f"{quoted(name)} is set by the gateway; this one is left out")
        else:
            found.append((name, value))
    return tuple(found)


headers: Kind[tuple[tuple[str, str], ...]] = Kind(_header_table.says, _read_headers)


def _read_limits(node: Node, path: str, reader: Reader) -> tuple[Limit, ...]:
    found: dict[tuple[int | None, bool], int] = {}
    for part in reader.words(node, path, limits.says).lower().split(","):
        match = _LIMIT.match(part.strip())
        unit = match["unit"] if match else ""
        if match is None or (unit not in _UNITS and unit not in _TOKEN_UNITS):
            reader.refuse(node, path, f"not a limit; write {limits.says}")
        slot = (_UNITS[unit], False) if unit in _UNITS else (_TOKEN_UNITS[unit], unit != "tpr")
        count = int(match["count"])
        found[slot] = min(count, found.get(slot, count))
    return tuple(Limit(count, seconds, tokens) for (seconds, tokens), count in found.items())


limits: Kind[tuple[Limit, ...]] = Kind("limits such as 15/min or 15/min,10/day", _read_limits)


def _read_price(node: Node, path: str, reader: Reader) -> Price:
    parts = reader.words(node, path, price.says).split(",")
    numbers = [source.value_of(part.strip()) for part in parts]
    amounts = [each for each in numbers if isinstance(each, (int, float)) and not isinstance(each, bool) and each >= 0]
    if len(parts) != 2 or len(amounts) != 2:
        reader.refuse(node, path, f"not a price; write {price.says}")
    return Price(amounts[0], amounts[1])


price: Kind[Price] = Kind("dollars per million tokens in and out, such as 1,2", _read_price)


def _pairs(node: Node, path: str) -> Iterator[tuple[Node, Node | None, str]]:
    """The items of a list of names and `name: value` maps, each with its path. A lone item is a list of one."""
    listed = isinstance(node, source.Sequence)
    for index, each in enumerate(node.items if isinstance(node, source.Sequence) else [node]):
        where = f"{path}[{index}]" if listed else path
        if isinstance(each, source.Mapping):
            for key, value in each.entries:
                yield key, value, where
        else:
            yield each, None, where


def _read_models(node: Node, path: str, reader: Reader) -> tuple[ModelEntry, ...]:
    found: list[ModelEntry] = []
    for key, value, where in _pairs(node, path):
        try:
            upstream = reader.words(key, where, "a model name or upstream: alias")
            alias = upstream if value is None else reader.words(value, where, "the name for clients after the colon")
        except Unusable:
            continue
        found.append(ModelEntry(upstream, alias, key.place))
    return tuple(found)


models: Kind[tuple[ModelEntry, ...]] = Kind("a list of model names or upstream: alias", _read_models)

MOST_WEIGHT = 1_000_000_000

_weight = number("a weight", least=-MOST_WEIGHT)


def _read_weight(node: Node, path: str, reader: Reader) -> int | None:
    """None for one that means nothing, which is reported."""
    value = _weight.read(node, path, reader)
    if value > MOST_WEIGHT:
        reader.findings.warning(node.place, path, f"a weight is at most {MOST_WEIGHT}; that is used")
        return MOST_WEIGHT
    if value < 0 or value != int(value):
        text = "a weight is a whole number from 1, or 0 for a spare; this rule counts as one without a weight"
        reader.findings.warning(node.place, path, text)
        return None
    return int(value)


def _read_rules(node: Node, path: str, reader: Reader) -> tuple[RuleEntry, ...]:
    found: list[RuleEntry] = []
    for key, value, where in _pairs(node, path):
        try:
            rule = reader.words(key, where, "a model rule")
            weight = None if value is None else _read_weight(value, where, reader)
        except Unusable:
            continue
        found.append(RuleEntry(rule, weight, key.place, where))
    return tuple(found)


rules: Kind[tuple[RuleEntry, ...]] = Kind("a list of model rules", _read_rules)


def _read_retry(node: Node, path: str, reader: Reader) -> bool | int:
    value = source.value_of(reader.expand(node, path).strip()) if isinstance(node, Scalar) else None
    if isinstance(value, bool) or (isinstance(value, int) and value >= 0):
        return value
    reader.mismatch(node, path, retry.says)


retry: Kind[bool | int] = Kind("true, false or a number of further tries", _read_retry)


def _read_moment(node: Node, path: str, reader: Reader) -> str:
    text = reader.words(node, path, moment.says)
    try:
        found = datetime.fromtimestamp(float(text), UTC) if _NUMBER.match(text) else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        reader.refuse(node, path, f"not a date; write {moment.says}")
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


moment: Kind[str] = Kind("a date and time, such as 2026-11-01 or 2026-11-01T00:00:00+00:00", _read_moment)
"""A moment as text in UTC, the same for every spelling of it. Without a zone it is UTC, a number seconds since 1970."""
