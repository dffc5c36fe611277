"""Where processes share what they count: from the file or the environment to the Plan."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

from uni_api.config.kinds import PRINTABLE, Kind
from uni_api.config.reader import Reader
from uni_api.config.source import Node
from uni_api.secret import Secret

VARIABLE = "UNI_API_STATE_URL"

SAYS = "the URL of a Redis or Valkey, such as redis://:password@host:6379/0"

_SCHEMES = ("redis", "rediss", "valkey", "valkeys")
_DATABASE = re.compile(r"/?\d*\Z")


def _read(node: Node, path: str, reader: Reader) -> Secret:
    found = reader.words(node, path, SAYS)
    reader.findings.hide(found)
    if not _is_usable(found):
        reader.refuse(node, path, f"not a usable address; {_MEND}")
    reader.findings.hide(unquote(urlsplit(found).password or ""))
    if find_spec("redis") is None:
        reader.refuse(node, path, _MISSING)
    return Secret(found)


store: Kind[Secret] = Kind(SAYS, _read)

_MEND = (
    "write redis://:password@host:6379/0, rediss:// for TLS, or unix:///path/of/the/socket (special characters in the "
    "password percent-encoded)"
)

_MISSING = "shared state needs the package redis; install it with: pip install 'uni-api[redis]'"


def from_environment(environ: Mapping[str, str]) -> tuple[Secret | None, tuple[str, ...]]:
    """What the environment variable says, for a file that says nothing, and what is wrong with it."""
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return None, ()
    if not _is_usable(text):
        return None, (f"environment variable {VARIABLE}: not a usable address; {_MEND}",)
    if find_spec("redis") is None:
        return None, (f"environment variable {VARIABLE}: {_MISSING}",)
    return Secret(text), ()


def _is_usable(text: str) -> bool:
    if not PRINTABLE.match(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1
    return parts.scheme in _SCHEMES and bool(parts.hostname) and port != 0 and bool(_DATABASE.match(parts.path))
