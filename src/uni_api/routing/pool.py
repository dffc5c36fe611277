"""Model rules of a client key, resolved: requested name -> everything that may serve it."""

from collections.abc import Callable, Iterator
from typing import Union

from msgspec import Struct

from uni_api.config.plan import Channel, Client, Plan, Rule
from uni_api.errors import Denied

CACHED_NAMES = 10_000


class Candidate(Struct, frozen=True, eq=False):
    """One channel that may serve a request: `model` is the upstream's name for the client's `alias`."""

    channel: Channel
    alias: str
    model: str

    @property
    def name(self) -> str:
        """What counters and rests of this candidate are kept under, in one process or several."""
        return f"{self.channel.name}#{self.channel.position}/{self.alias}/{self.model}"

    def __repr__(self) -> str:
        return f"<Candidate {self.channel.name}/{self.model}>"


class Entry(Struct, frozen=True, eq=False):
    """One way that a client key has for a model: a channel's candidate, or everything that another client key has."""

    target: Union[Candidate, "Pool"]
    weight: int | None = None


class Pool(Struct, frozen=True, eq=False):
    """Everything that `client` has for `model`, in the order of its rules; never empty.

    size: candidates, those of inner pools included · doors: the ways into their channels · likely: the candidate that
    stands first in the rules: the one to go by before anybody was tried · first: the candidate to begin with where
    nothing rests and no turn decides; None where a turn does, or a pool within · alone: nothing follows a first try.
    """

    client: Client
    model: str
    entries: tuple[Entry, ...]
    size: int
    doors: int
    likely: Candidate
    first: Candidate | None = None
    alone: bool = False

    @property
    def name(self) -> str:
        """What the turns of this pool are kept under."""
        return f"{self.client.key.label}/{self.model}"

    def ways(self, via: tuple[Client, ...] = ()) -> Iterator[tuple[Candidate, tuple[Client, ...]]]:
        """Every candidate in the order of the rules, with the client keys by whose rules it came, after `via`."""
        for entry in self.entries:
            if isinstance(entry.target, Pool):
                yield from entry.target.ways((*via, entry.target.client))
            else:
                yield entry.target, via

    def only(self, fit: Callable[[Candidate], bool]) -> "Pool | None":
        """This pool without the candidates that are not `fit`; None when none is left."""
        kept = []
        for entry in self.entries:
            target = entry.target
            left = target.only(fit) if isinstance(target, Pool) else target if fit(target) else None
            if left is not None:
                kept.append(Entry(left, entry.weight))
        return _pooled(self.client, self.model, tuple(kept))

    def __repr__(self) -> str:
        return f"<Pool of {self.client!r} for {self.model}, {self.size} candidates>"


def _enter(entries: dict[Candidate | bytes, Entry], slot: Candidate | bytes, entry: Entry) -> None:
    """The first rule gives the place, the first that has a weight the weight."""
    known = entries.get(slot)
    if known is None or (known.weight is None and entry.weight is not None):
        entries[slot] = entry


def _pooled(client: Client, model: str, entries: tuple[Entry, ...]) -> Pool | None:
    if not entries:
        return None
    targets = [entry.target for entry in entries]
    leader = targets[0]
    settled = len(entries) == 1 or client.scheduling == "fixed_priority"
    doors = sum(target.doors if isinstance(target, Pool) else len(target.channel.doors) for target in targets)
    return Pool(
        client,
        model,
        entries,
        size=sum(target.size if isinstance(target, Pool) else 1 for target in targets),
        doors=doors,
        likely=leader.likely if isinstance(leader, Pool) else leader,
        first=leader if settled and isinstance(leader, Candidate) else None,
        alone=doors == 1 and (isinstance(client.auto_retry, bool) or client.auto_retry <= 0),
    )


class Router:
    """Answers, for one Plan, what a client key has for a model, and which models it may call."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[tuple[Client, str], Pool] = {}
        self._candidates: dict[tuple[Channel, str, str], Candidate] = {}

    def pool(self, client: Client, name: str) -> Pool:
        """What `client` has for `name`.

        Raises Denied: 404 when no channel offers `name`, 403 when channels do but none that this key may use.
        """
        slot = (client, name)
        found = self._known.get(slot)
        if found is None:
            found = self._pool(client, name)
            if found is None:
                raise self._nobody(name)
            if len(self._known) < CACHED_NAMES:
                self._known[slot] = found
        return found

    def models(self, client: Client) -> tuple[str, ...]:
        """Every name that `client` may call, in the order of its rules, then of the file."""
        return tuple(dict.fromkeys(self._names(client)))

    def _pool(self, client: Client, name: str) -> Pool | None:
        entries: dict[Candidate | bytes, Entry] = {}
        for rule in client.rules:
            match rule.kind:
                case "key":
                    inner = self._inner(rule, name)
                    if inner is not None:
                        _enter(entries, inner.client.key.digest, Entry(inner, rule.weight))
                case "all":
                    self._enter(entries, self._plan.channels, name, rule)
                case "exact":
                    if rule.model == name:
                        self._enter(entries, self._plan.channels, name, rule)
                case "channel":
                    if rule.model in (None, name):
                        self._enter(entries, self._named(rule), name, rule)
        return _pooled(client, name, tuple(entries.values()))

    def _inner(self, rule: Rule, name: str) -> Pool | None:
        """What another client key brings in. Keys that lead back to themselves were refused with the file."""
        client = self._plan.clients.get(rule.key or b"")
        return self._pool(client, name) if client is not None and rule.model in (None, name) else None

    def _enter(
        self, entries: dict[Candidate | bytes, Entry], channels: tuple[Channel, ...], name: str, rule: Rule
    ) -> None:
        for channel in channels:
            for model in channel.models.get(name, ()):
                slot = (channel, name, model)
                candidate = self._candidates.get(slot)
                if candidate is None:
                    candidate = self._candidates[slot] = Candidate(channel, name, model)
                _enter(entries, candidate, Entry(candidate, rule.weight))

    def _names(self, client: Client) -> Iterator[str]:
        for rule in client.rules:
            match rule.kind:
                case "key":
                    inner = self._plan.clients.get(rule.key or b"")
                    if inner is not None:
                        yield from (name for name in self._names(inner) if rule.model in (None, name))
                case "all":
                    yield from (name for channel in self._plan.channels for name in channel.models)
                case "exact" | "channel":
                    channels = self._plan.channels if rule.kind == "exact" else self._named(rule)
                    yield from (name for channel in channels for name in channel.models if rule.model in (None, name))

    def _named(self, rule: Rule) -> tuple[Channel, ...]:
        return tuple(channel for channel in self._plan.channels if channel.name == rule.channel)

    def _nobody(self, name: str) -> Denied:
        shown = name if len(name) <= 200 else name[:200] + "..."
        if any(name in channel.models for channel in self._plan.channels):
            return Denied(
                403, f"This API key may not use the model '{shown}'.", code="model_not_allowed", param="model"
            )
        return Denied(
            404,
            f"The model '{shown}' does not exist here. GET /v1/models lists what this key may call.",
            code="model_not_found",
            param="model",
        )

    def __repr__(self) -> str:
        return f"<Router {len(self._known)} names resolved>"
