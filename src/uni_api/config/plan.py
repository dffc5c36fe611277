"""The compiled configuration: immutable, resolved, ready to be asked by requests."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct, structs

from uni_api.config.policy import (
    Affinity,
    Allowance,
    ByModel,
    Hedging,
    KeyRests,
    Limits,
    Moderation,
    PriceList,
    WaitPolicy,
    Waits,
)
from uni_api.providers.base import Door, Provider
from uni_api.secret import Secret

T = TypeVar("T")

KEEPALIVE_OFF = 99_999
"""Seconds from which on `keepalive_interval` means never, as the reference has it."""

Scheduling = Literal[
    "fixed_priority",
    "round_robin",
    "weighted_round_robin",
    "lottery",
    "random",
    "smart_round_robin",
    "lowest_latency",
    "least_busy",
]
MEASURED: frozenset[Scheduling] = frozenset(("smart_round_robin", "lowest_latency", "least_busy"))
"""What goes by how channels have answered so far."""

KeyScheduling = Literal["round_robin", "random", "fixed_priority", "smart_round_robin"]


class Channel(Struct, frozen=True, kw_only=True, eq=False):
    """One entry of `providers`. `models` maps each client-facing name to the upstream names behind it, in file order.

    Two entries with one name are two channels, each with its own doors: a host and a key each. `overrides` apply to
    every body, then those of `model_overrides[alias]`. `discover`: the file lists no models, the host is asked.
    `cooldown`: seconds for which it rests after a failure, 0 for not at all.
    """

    name: str
    position: int
    provider: Provider
    doors: tuple[Door, ...]
    models: Mapping[str, tuple[str, ...]]
    discover: bool = False
    tools: bool = True
    image: bool = True
    normalize_reasoning: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    proxy: Secret | None = None
    model_timeout: ByModel[float] | None = None
    keepalive: ByModel[float] | None = None
    wait_policy: WaitPolicy = WaitPolicy()
    cooldown: float = 300.0
    key_scheduling: KeyScheduling = "round_robin"
    key_limits: ByModel[Limits] | None = None
    key_rests: KeyRests = KeyRests()
    overrides: Mapping[str, Any] = {}
    model_overrides: Mapping[str, Mapping[str, Any]] = {}

    def __repr__(self) -> str:
        return f"<Channel {self.name!r} #{self.position}, {len(self.models)} models, {len(self.doors)} doors>"


class Rule(Struct, frozen=True, kw_only=True):
    """One entry of a client key's `model` list.

    all: every channel that has the model · channel: `channel/model`, or every model of the channel when `model` is
    None · exact: `<a/b>` or a bare name, on every channel that has it · key: another client key's rules, with its
    digest.
    """

    kind: Literal["all", "channel", "exact", "key"]
    channel: str | None = None
    model: str | None = None
    key: bytes | None = None
    weight: int | None = None


class Client(Struct, frozen=True, kw_only=True, eq=False):
    """One entry of `api_keys`. `auto_retry`: False one attempt, True one for every candidate, n that and n more.

    `allowance`: what it may use up; None for as much as it likes. `moderation`: None for no check.
    """

    key: Secret
    position: int
    role: str | None = None
    admin: bool = False
    rules: tuple[Rule, ...] = (Rule(kind="all"),)
    scheduling: Scheduling = "fixed_priority"
    auto_retry: bool | int = True
    allowance: Allowance | None = None
    moderation: Moderation | None = None

    def __repr__(self) -> str:
        return f"<Client #{self.position} {self.key.label}>"


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """A whole api.yaml, checked. `clients` is keyed by the digest of the client's key.

    `timeout` is the last fallback for `model_timeout` (environment variable TIMEOUT, seconds). `warnings` are complete
    sentences for the start-up log: unknown keys, keys that have no effect yet. `error_triggers`: bytes that make an
    answer a failure, in every spelling that JSON has for them.
    `state`: the Redis in which processes share what they count; None for each to count for itself.
    """

    channels: tuple[Channel, ...]
    clients: Mapping[bytes, Client]
    model_timeout: ByModel[float] = ByModel()
    timeout: float = 100.0
    keepalive: ByModel[float] | None = None
    keeps_alive: bool = False
    wait_policy: WaitPolicy = WaitPolicy()
    hedging: Hedging | None = None
    affinity: Affinity | None = None
    error_triggers: tuple[bytes, ...] = ()
    prices: PriceList = PriceList()
    state: Secret | None = None
    warnings: tuple[str, ...] = ()

    def with_models(self, found: Mapping[int, tuple[str, ...]]) -> "Plan":
        """This Plan with other models at some positions. A channel whose models are the same stays itself."""
        channels = [_offering(each, found.get(each.position)) for each in self.channels]
        return structs.replace(self, channels=tuple(channels))

    def wait_for(self, channel: Channel, alias: str, model: str) -> float:
        """Seconds of silence to bear from the upstream: before the first content, and between two pieces of it.

        Looked up as the reference does: the channel's map by alias, then by upstream name, then its default; the
        global map the same way; then `timeout`.
        """
        found = _looked_up((channel.model_timeout, self.model_timeout), alias, model)
        return self.timeout if found is None else found

    def waits_for(self, channel: Channel, facts: Mapping[str, tuple[str, ...]], *, stream: bool) -> Waits:
        """What `timeout_policy` says of a call: rules before defaults, and the channel's before the global ones."""
        waits = self.wait_policy.default.under(channel.wait_policy.default)
        for policy in (self.wait_policy, channel.wait_policy):
            waits = waits.under(policy.ruled(facts, stream=stream))
        return waits

    @property
    def waits_by_role(self) -> bool:
        """Whether some timeouts depend on who asks."""
        policies = (self.wait_policy, *(channel.wait_policy for channel in self.channels))
        return any(name == "role" for policy in policies for rule in policy.rules for name, _ in rule.conditions)

    def keepalive_for(self, channel: Channel, alias: str, model: str) -> float | None:
        """Seconds of silence after which a waiting stream gets a sign of life, looked up likewise. None: never."""
        found = _looked_up((channel.keepalive, self.keepalive), alias, model)
        return None if found is None or found >= KEEPALIVE_OFF else found

    def __repr__(self) -> str:
        return f"<Plan {len(self.channels)} channels, {len(self.clients)} client keys>"


def _offering(channel: Channel, names: tuple[str, ...] | None) -> Channel:
    if names is None or tuple(channel.models) == names:
        return channel
    return structs.replace(channel, models={name: (name,) for name in names})


def _looked_up(tables: tuple[ByModel[T] | None, ...], alias: str, model: str) -> T | None:
    for table in tables:
        if table is None:
            continue
        for found in (table.find(alias), table.find(model), table.default):
            if found is not None:
                return found
    return None
