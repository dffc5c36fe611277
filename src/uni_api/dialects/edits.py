"""Changes to the top-level fields of a body: what a host or api.yaml wants otherwise than the client said it."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from uni_api.dialects.merge import merged

Values = Callable[[Any], Any]


def _as_it_is(value: Any) -> Any:
    return value


class Edits(Struct, frozen=True, kw_only=True):
    """What is changed, in the order in which it is done.

    rename: old name -> new name, where the old field is there; if both are, the new one stays · refuse: taken out, and
    a loss for the client · drop: taken out, since the host is told it elsewhere · without_nulls: fields that say null
    are taken out · default: set where there is none · set: laid over what is there, maps key by key.
    """

    rename: Mapping[str, str] = {}
    refuse: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    without_nulls: bool = False
    default: Mapping[str, Any] = {}
    set: Mapping[str, Any] = {}

    def apply(
        self, fields: dict[str, Any], *, read: Values = _as_it_is, write: Values = _as_it_is, null: Any = None
    ) -> None:
        """Change `fields` in place. Where its values are raw JSON, `read`, `write` and `null` say how they are."""
        for old, new in self.rename.items():
            if old in fields:
                value = fields.pop(old)
                fields.setdefault(new, value)
        for name in self.refuse:
            fields.pop(name, None)
        for name in self.drop:
            fields.pop(name, None)
        if self.without_nulls:
            for name in [name for name, value in fields.items() if value == null]:
                del fields[name]
        for name, value in self.default.items():
            if name not in fields:
                fields[name] = write(value)
        for name, value in self.set.items():
            before = read(fields[name]) if isinstance(value, Mapping) and name in fields else None
            fields[name] = write(merged(before, value))

    def then(self, later: "Edits") -> "Edits":
        """These changes, and after them those of `later`, whose word is the last."""
        kept = {name: value for name, value in self.set.items() if name not in later.drop}
        both = Edits(
            rename={**self.rename, **later.rename},
            refuse=self.refuse - later.set.keys() | later.refuse,
            drop=self.drop - later.set.keys() | later.drop,
            without_nulls=self.without_nulls or later.without_nulls,
            default={**self.default, **later.default},
            set=merged(kept, later.set),
        )
        return NO_EDITS if both == NO_EDITS else both


NO_EDITS = Edits()
