"""Rules of limits and waits, as a Plan has them."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from msgspec import Struct, structs

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


class Waits(Struct, frozen=True, kw_only=True):
    """Seconds for the phases of a call, each None where nothing is said.

    first_byte: to the first content, which pings and empty pieces are not · total: for everything after connecting.
    """

    connect: float | None = None
    write: float | None = None
    first_byte: float | None = None
    idle: float | None = None
    total: float | None = None

    def under(self, stronger: "Waits") -> "Waits":
        """These, but for what `stronger` says."""
        own, others = structs.asdict(self), structs.asdict(stronger)
        return Waits(**{name: own[name] if value is None else value for name, value in others.items()})


class WaitRule(Struct, frozen=True):
    """Waits for the calls that fit every one of `conditions`: a fact's name and the words, one of which it must be.

    A word may end in `*`, or be `*` alone; case does not matter.
    """

    conditions: tuple[tuple[str, tuple[str, ...]], ...]
    waits: Waits
    stream: bool | None = None

    @property
    def weight(self) -> int:
        """How specific the rule is."""
        return len(self.conditions) + (self.stream is not None)

    def fits(self, facts: Mapping[str, tuple[str, ...]], *, stream: bool) -> bool:
        if self.stream not in (None, stream):
            return False
        return all(
            any(_is(word, fact) for word in words for fact in facts.get(name, ())) for name, words in self.conditions
        )


def _is(word: str, fact: str) -> bool:
    word, fact = word.lower(), fact.lower()
    return fact.startswith(word[:-1]) if word.endswith("*") else fact == word


class WaitPolicy(Struct, frozen=True):
    """A default, and rules that are stronger the more specific they are."""

    default: Waits = Waits()
    rules: tuple[WaitRule, ...] = ()

    def ruled(self, facts: Mapping[str, tuple[str, ...]], *, stream: bool) -> Waits:
        """What the rules that fit say together; of equally specific ones, the later is stronger."""
        found = Waits()
        for rule in sorted(self.rules, key=lambda rule: rule.weight):
            if rule.fits(facts, stream=stream):
                found = found.under(rule.waits)
        return found


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
