"""Upstream errors may quote the key that they refuse: it is taken out before anyone sees the message."""

import re

from uni_api.errors import Fault
from uni_api.secret import Secret

_HIDDEN = "[key]"
_MASKED = re.compile(r"[\w.-]{2,}\*{3,}[\w.-]*")


def redact(fault: Fault, key: Secret | None) -> Fault:
    """`fault` without `key` and without masked forms of any key in its message."""
    fault.message = scrub(fault.message, key)
    fault.args = (fault.message,)
    return fault


def scrub(text: str, key: Secret | None) -> str:
    if key is not None and key.reveal():
        text = text.replace(key.reveal(), _HIDDEN)
    return _MASKED.sub(_HIDDEN, text)


def hidden(data: bytes, key: Secret | None) -> bytes:
    """`data`, which is relayed as it came, without `key`."""
    return data.replace(key.reveal().encode(), _HIDDEN.encode()) if key is not None and key.reveal() else data
