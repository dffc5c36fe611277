"""Which client keys are moderated, and whether they can be. From the file to the Plan."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from uni_api.config.findings import Findings, quoted
from uni_api.config.plan import Channel, Client, Rule
from uni_api.config.policy import Moderation
from uni_api.config.schema import ClientPreferences, Document
from uni_api.dialects.moderation import MODELS


def rule(preferences: ClientPreferences) -> Moderation | None:
    """None: nothing is checked."""
    if not preferences.moderation:
        return None
    usual = Moderation()
    return Moderation(cast(Literal["refuse", "allow"], preferences.moderation_failure or usual.failure))


def check(document: Document, clients: Mapping[bytes, Client], channels: Sequence[Channel], findings: Findings) -> None:
    """Report every key that wants moderation and whose rules lead to no model that moderates.

    A channel whose models are asked of its host may turn out to have one; then nothing is reported.
    """
    if findings.problems and len(channels) < len(document.providers or ()):
        return  # the channel that has the model may be the one that can't be used yet
    for entry in document.api_keys or ():
        preferences, client = entry.preferences, clients.get(entry.api.digest) if entry.api else None
        if preferences is None or client is None or client.moderation is None:
            continue
        if any(_reaches(client, model, clients, channels, ()) for model in MODELS):
            continue
        findings.problem(
            preferences.at("ENABLE_MODERATION"),
            f"{preferences.path}.ENABLE_MODERATION",
            f"this key may use no model that moderates; {_mend(channels, listed=bool(entry.model))}",
        )


def moderates(channel: Channel, model: str) -> bool:
    """Whether `channel` has a place to send texts that `model` is to check."""
    return channel.provider.endpoint(channel.doors[0], "moderations", model) is not None


def _reaches(
    client: Client, model: str, clients: Mapping[bytes, Client], channels: Sequence[Channel], via: tuple[Client, ...]
) -> bool:
    """Whether the rules of `client` lead to a channel that has `model`, as far as can be told."""
    for each in client.rules:
        inner = clients.get(each.key or b"")
        if inner is not None and each.model in (None, model) and inner not in via:
            if _reaches(inner, model, clients, channels, (*via, client)):
                return True
        elif any(_allows(each, channel, model) and _has(channel, model) for channel in channels):
            return True
    return False


def _allows(each: Rule, channel: Channel, model: str) -> bool:
    match each.kind:
        case "all":
            return True
        case "exact":
            return each.model == model
        case "channel":
            return each.channel == channel.name and each.model in (None, model)
        case "key":
            return False


def _has(channel: Channel, model: str) -> bool:
    return (channel.discover or model in channel.models) and moderates(channel, model)


def _mend(channels: Sequence[Channel], *, listed: bool) -> str:
    for model in MODELS:
        for channel in channels:
            if model in channel.models and moderates(channel, model):
                return f"add - {_named(channel)}/{model} to its model list"
    model, able = MODELS[0], next((channel for channel in channels if moderates(channel, MODELS[0])), None)
    name, whose = ("<provider>", "a provider that offers it") if able is None else (_named(able), _named(able))
    return f"add {model} to the model list of {whose}" + (
        f", and - {name}/{model} to that of this key" if listed else ""
    )


def _named(channel: Channel) -> str:
    """The channel's name as it can be written into a rule, unless it would spoil the line."""
    return channel.name if quoted(channel.name).startswith('"') else "<provider>"
