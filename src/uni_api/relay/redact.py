"""Upstream errors may quote the key that they refuse: it is taken out before anyone sees the message."""

import re
from collections.abc import Iterable

from uni_api.errors import Fault
from uni_api.secret import Secret

_HIDDEN = "[key]"
_MASKED = re.compile(r"[\w.-]{2,}\*{3,}[\w.-]*")


def redact(fault: Fault, secrets: Iterable[Secret]) -> Fault:
    """`fault` without `secrets` and without masked forms of any key in its message."""
    fault.message = scrub(fault.message, secrets)
    fault.args = (fault.message,)
    return fault


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    for secret in secrets:
        if shown := secret.reveal():
            text = text.replace(shown, _HIDDEN)
    return _MASKED.sub(_HIDDEN, text)


def hidden(data: bytes, secrets: Iterable[Secret]) -> bytes:
    """`data`, which is relayed as it came, without `secrets`."""
    for secret in secrets:
        if shown := secret.reveal().encode():
            data = data.replace(shown, _HIDDEN.encode())
    return data
