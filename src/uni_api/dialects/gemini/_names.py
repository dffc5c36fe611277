"""Tool names that the API takes, made so that the client's own name can be read back from them without memory.

A name starts with a letter or an underscore and goes on with letters, digits, `_ . : -`, 128 in all (source:
FunctionDeclaration.name in the google-genai types). Any other character is spelt `_xHEX_`; so is the underscore of a
name that happens to hold that spelling already, which makes the mapping reversible for every name short enough.
"""

import hashlib
import re
from typing import Final

LONGEST: Final = 128

_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_.:\-]|^[^A-Za-z_]|_(?=x[0-9a-f]+[^A-Za-z0-9.:\-])")
_SPELT: Final = re.compile(r"_x([0-9a-f]{1,6})_")


def wire_name(name: str) -> str:
    """`name` as the API takes it. `client_name` gives it back unless it had to be cut (see `is_cut`)."""
    spelt = _ILLEGAL.sub(lambda match: f"_x{ord(match.group()):x}_", name) or "_"
    if len(spelt) <= LONGEST:
        return spelt
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{spelt[: LONGEST - 13]}_{digest}"


def is_cut(name: str) -> bool:
    """Whether `name` is lost on the way: too long, or empty."""
    return client_name(wire_name(name)) != name


def client_name(name: str) -> str:
    """The client's own name for the wire's `name`."""
    if "_x" not in name:
        return name
    return _SPELT.sub(_character, name)


def _character(match: re.Match[str]) -> str:
    code = int(match.group(1), 16)
    return chr(code) if code <= 0x10FFFF else match.group()
