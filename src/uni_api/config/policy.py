"""Rules of limits and waits, as a Plan has them."""

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

from msgspec import Struct, structs

T = TypeVar("T")


class ByModel(Struct, Generic[T], frozen=True):
    """A value per model name: `entries` in file order, `default` for the rest (None: not set)."""

    entries: tuple[tuple[str, T], ...] = ()
    default: T | None = None

    def entry(self, name: str) -> tuple[str, T] | None:
        """The entry that is `name` exactly, else the first whose key is part of `name` (case does not matter)."""
        for entry in self.entries:
            if entry[0] == name:
                return entry
        lowered = name.lower()
        for entry in self.entries:
            if entry[0].lower() in lowered:
                return entry
        return None

    def find(self, name: str) -> T | None:
        """The value of that entry."""
        found = self.entry(name)
        return found[1] if found is not None else None

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

    @property
    def weighs(self) -> bool:
        """Whether it matters what a request comes to."""
        return self.tokens or self.seconds is None


Limits = tuple[Limit, ...]


class KeyRests(Struct, frozen=True, kw_only=True):
    """Seconds for which a channel's key rests. None: not said in the file.

    failure: after any failure that is the key's · rate: after one that says it was used too often · quota: once its
    quota is used up.
    """

    failure: float | None = None
    rate: float | None = None
    quota: float = 21_600.0


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


class Moderation(Struct, frozen=True):
    """What a client key's users say is checked before it is answered.

    failure: what becomes of a request that could not be checked.
    """

    failure: Literal["refuse", "allow"] = "refuse"


class Affinity(Struct, frozen=True):
    """A conversation keeps to the channel and key that served it last, for `seconds` after that.

    by: how conversations are told apart: by the id that the client sends, and with `prefix`, where it sends none, by
    how they begin.
    """

    seconds: float = 600.0
    by: Literal["prefix", "session"] = "prefix"


class Price(Struct, frozen=True):
    """US dollars for a million tokens. None: as the input, or the output, that it is a part of.

    cache_write_1h: what is kept for an hour; None for the same as `cache_write`.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None


class PriceList(Struct, frozen=True):
    """Prices by the beginning of a model's name, in file order, and `default` for the rest (None: not set)."""

    entries: tuple[tuple[str, Price], ...] = ()
    default: Price | None = None

    def of(self, name: str) -> Price | None:
        for beginning, price in self.entries:
            if name.startswith(beginning):
                return price
        return self.default


class Allowance(Struct, frozen=True, kw_only=True):
    """What a client key may use up, where it may not use up as much as it likes.

    limits: its own, by the model's name for clients · overall: what all keys share · credits: what it may spend, in
    billionths of a dollar, None for no limit · since: from when on spending counts, as text; another text, another
    count.
    """

    limits: ByModel[Limits] | None = None
    overall: Limits = ()
    credits: int | None = None
    since: str = ""
