"""One JSON value laid over another."""

from collections.abc import Mapping
from typing import Any


def merged(old: Any, new: Any) -> Any:
    """`new` over `old`: mappings are merged key by key, anything else is replaced."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    out = dict(old)
    for name, value in new.items():
        out[name] = merged(out.get(name), value)
    return out
