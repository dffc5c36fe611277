"""Model rules of a client key, resolved: requested name -> candidates in order of priority."""

from collections.abc import Iterator

from msgspec import Struct

from uni_api.config.plan import Channel, Client, Plan, Rule
from uni_api.errors import Denied

CACHED_NAMES = 10_000


class Candidate(Struct, frozen=True, eq=False):
    """One channel that may serve a request: `model` is the upstream's name for the client's `alias`."""

    channel: Channel
    alias: str
    model: str

    def __repr__(self) -> str:
        return f"<Candidate {self.channel.name}/{self.model}>"


class Router:
    """Answers, for one Plan, which candidates a client key has for a model, and which models it may call."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[tuple[bytes, str], tuple[Candidate, ...]] = {}
        self._candidates: dict[tuple[Channel, str, str], Candidate] = {}

    def candidates(self, client: Client, name: str) -> tuple[Candidate, ...]:
        """The candidates for `name`, most wanted first, never empty.

        Raises Denied: 404 when no channel offers `name`, 403 when channels do but none that this key may use.
        """
        slot = (client.key.digest, name)
        found = self._known.get(slot)
        if found is None:
            found = tuple(dict.fromkeys(self._matches(client, name, frozenset())))
            if not found:
                raise self._nobody(name)
            if len(self._known) < CACHED_NAMES:
                self._known[slot] = found
        return found

    def models(self, client: Client) -> tuple[str, ...]:
        """Every name that `client` may call, in the order of its rules, then of the file."""
        return tuple(dict.fromkeys(self._names(client, frozenset())))

    def _matches(self, client: Client, name: str, outer: frozenset[bytes]) -> Iterator[Candidate]:
        if client.key.digest in outer:
            return
        for rule in client.rules:
            match rule.kind:
                case "key":
                    inner = self._plan.clients.get(rule.key or b"")
                    if inner is not None and rule.model in (None, name):
                        yield from self._matches(inner, name, outer | {client.key.digest})
                case "all":
                    yield from self._offers(self._plan.channels, name)
                case "exact":
                    if rule.model == name:
                        yield from self._offers(self._plan.channels, name)
                case "channel":
                    if rule.model in (None, name):
                        yield from self._offers(self._named(rule), name)

    def _names(self, client: Client, outer: frozenset[bytes]) -> Iterator[str]:
        if client.key.digest in outer:
            return
        for rule in client.rules:
            match rule.kind:
                case "key":
                    inner = self._plan.clients.get(rule.key or b"")
                    if inner is not None:
                        names = self._names(inner, outer | {client.key.digest})
                        yield from (name for name in names if rule.model in (None, name))
                case "all":
                    yield from (name for channel in self._plan.channels for name in channel.models)
                case "exact" | "channel":
                    channels = self._plan.channels if rule.kind == "exact" else self._named(rule)
                    yield from (name for channel in channels for name in channel.models if rule.model in (None, name))

    def _named(self, rule: Rule) -> tuple[Channel, ...]:
        return tuple(channel for channel in self._plan.channels if channel.name == rule.channel)

    def _offers(self, channels: tuple[Channel, ...], name: str) -> Iterator[Candidate]:
        for channel in channels:
            for model in channel.models.get(name, ()):
                slot = (channel, name, model)
                candidate = self._candidates.get(slot)
                if candidate is None:
                    candidate = self._candidates[slot] = Candidate(channel, name, model)
                yield candidate

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
