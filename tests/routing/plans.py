"""Small Plans for tests of routing."""

from collections.abc import Sequence

from uni_api.config.plan import Channel, Client, KeyScheduling, Plan, Rule
from uni_api.providers.base import Given, each_key
from uni_api.providers.openai import OpenAI
from uni_api.secret import Secret


def channel(
    name: str,
    models: dict[str, tuple[str, ...]] | Sequence[str],
    *,
    keys: Sequence[str] = ("k",),
    position: int = 0,
    scheduling: KeyScheduling = "round_robin",
) -> Channel:
    return Channel(
        name=name,
        position=position,
        provider=OpenAI(),
        doors=each_key(Given(base_url="https://upstream.test/v1", keys=tuple(Secret(key) for key in keys))),
        models=models if isinstance(models, dict) else {model: (model,) for model in models},
        key_scheduling=scheduling,
    )


def client(key: str, *rules: Rule, auto_retry: bool | int = True) -> Client:
    return Client(key=Secret(key), position=0, rules=rules or (Rule(kind="all"),), auto_retry=auto_retry)


def plan(channels: Sequence[Channel], *clients: Client) -> Plan:
    return Plan(channels=tuple(channels), clients={one.key.digest: one for one in clients})
