"""A JSON object being read: fields are taken out with their type checked, and what nobody takes is left over."""

from collections.abc import Mapping
from typing import Any, NoReturn

from uni_api.canon import Losses, Rest
from uni_api.errors import Denied

NAME = "openai_chat"


class Fields:
    """`path` is where the object stands in the request (`messages[2]`, empty at the top).

    A null is taken as absent and stays among the leftovers. Every method raises Denied(400) for a wrong type.
    """

    __slots__ = ("left", "path")

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            wrong(path, "an object")
        self.left: dict[str, Any] = dict(value)
        self.path = path

    def where(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def any(self, name: str) -> Any:
        if self.left.get(name) is None:
            return None
        return self.left.pop(name)

    def text(self, name: str) -> str | None:
        value = self.any(name)
        if value is not None and not isinstance(value, str):
            wrong(self.where(name), "a string")
        return value

    def must_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            missing(self.where(name))
        return value

    def flag(self, name: str) -> bool | None:
        value = self.any(name)
        if value is not None and not isinstance(value, bool):
            wrong(self.where(name), "true or false")
        return value

    def number(self, name: str) -> float | None:
        value = self.any(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            wrong(self.where(name), "a number")
        return value

    def integer(self, name: str) -> int | None:
        value = self.number(name)
        if isinstance(value, float):
            if not value.is_integer():
                wrong(self.where(name), "an integer")
            return int(value)
        return value

    def object(self, name: str) -> dict[str, Any] | None:
        value = self.any(name)
        if value is not None and not isinstance(value, dict):
            wrong(self.where(name), "an object")
        return value

    def array(self, name: str) -> list[Any] | None:
        value = self.any(name)
        if value is not None and not isinstance(value, list):
            wrong(self.where(name), "an array")
        return value

    def inside(self, name: str) -> "Fields | None":
        """The object in field `name`, to be read in its turn; hand it to `back` when done."""
        value = self.object(name)
        return None if value is None else Fields(value, self.where(name))

    def back(self, name: str, inner: "Fields") -> None:
        """Keep what is left of an object that `inside` gave."""
        if inner.left:
            self.left[name] = inner.left

    def rest(self, notes: Mapping[str, Any] | None = None, hints: frozenset[str] = frozenset()) -> Rest | None:
        """What is left, with `notes` on the spelling (see Rest), or None when there is neither."""
        fields = {**self.left, **notes} if notes else self.left
        return Rest(NAME, fields, hints.intersection(fields)) if fields else None


def wrong(path: str, wanted: str) -> NoReturn:
    """Raise Denied(400): the value at `path` has another type than `wanted`."""
    raise Denied(400, f"{path or 'the request body'} must be {wanted}", code="invalid_type", param=path or None)


def missing(path: str) -> NoReturn:
    raise Denied(400, f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path)


def note(rest: Rest | None, name: str) -> Any:
    """The spelling note `name` that this dialect's reader left in `rest`, or None."""
    return rest.fields.get(name) if rest is not None and rest.dialect == NAME else None


def leftovers(rest: Rest | None) -> dict[str, Any]:
    """What this dialect said beyond canon, without the notes on spelling."""
    if rest is None or rest.dialect != NAME:
        return {}
    return {name: value for name, value in rest.fields.items() if not name.startswith(":")}


def restore(out: dict[str, Any], rest: Rest | None, losses: Losses, path: str = "") -> dict[str, Any]:
    """`out` with the leftovers of this dialect put back, objects key by key; another dialect's are entered as losses.

    A field that `out` already holds is never overwritten.
    """
    if rest is not None and rest.dialect != NAME:
        losses.drop(rest, path)
    elif rest is not None:
        fill(out, leftovers(rest))
    return out


def fill(out: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what `out` lacks of `more`, objects key by key."""
    for name, value in more.items():
        if name not in out:
            out[name] = value
        elif isinstance(value, dict) and isinstance(out[name], dict):
            # The inner object may be the client's own (a schema): it is copied before it is added to.
            out[name] = dict(out[name])
            fill(out[name], value)
