"""Rules of limits and waits, as a Plan has them."""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class ByModel(Struct, Generic[T], frozen=True):
    """A value per model name: `entries` in file order, `default` for the rest (None: not set)."""

    entries: tuple[tuple[str, T], ...] = ()
    default: T | None = None

    def find(self, name: str) -> T | None:
        """The entry that is `name` exactly, else the first whose key is part of `name` (case does not matter)."""
        for key, value in self.entries:
            if key == name:
                return value
        lowered = name.lower()
        for key, value in self.entries:
            if key.lower() in lowered:
                return value
        return None

    def of(self, name: str) -> T | None:
        """As `find`, else the default."""
        found = self.find(name)
        return found if found is not None else self.default


class Limit(Struct, frozen=True):
    """At most `count` requests in any `seconds`, or tokens where `tokens` is set.

    Without `seconds`: at most `count` tokens in one request.
    """

    count: int
    seconds: int | None = None
    tokens: bool = False


Limits = tuple[Limit, ...]


class Hedging(Struct, frozen=True, kw_only=True):
    """Another channel is asked when nobody has shown content within `after` seconds.

    most: attempts at one time · share: how many of all requests may cause an extra attempt, as a fraction.
    """

    after: float = 5.0
    most: int = 2
    share: float = 0.1


class Price(Struct, frozen=True):
    """US dollars for a million tokens."""

    input: float
    output: float
