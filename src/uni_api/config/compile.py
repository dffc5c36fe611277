"""Schema -> Plan: every decision that does not need a request."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import Struct, structs

from uni_api.config import affinity, allowance, credentials, keys, moderation, scheduling, waits
from uni_api.config.findings import Findings, quoted, suggestion
from uni_api.config.kinds import PerModel
from uni_api.config.plan import Channel, Client, Plan, Rule
from uni_api.config.policy import ByModel
from uni_api.config.schema import (
    ClientEntry,
    ClientPreferences,
    Document,
    Preferences,
    ProviderEntry,
    ProviderPreferences,
)
from uni_api.config.values import ModelEntry, RuleEntry
from uni_api.providers.base import REMOVE, Door, Given, Lacking, Provider, Unfit
from uni_api.providers.presets import PRESETS
from uni_api.providers.registry import ENGINES, Later, akin, by_address, by_engine, by_fields, home
from uni_api.secret import Secret

T = TypeVar("T")


def compile_plan(
    document: Document, findings: Findings, *, timeout: float, environ: Mapping[str, str] = MappingProxyType({})
) -> Plan:
    """The Plan that `document` describes. Problems go to `findings`; with any, the Plan must not be used.

    `environ` tells where files of credentials are.
    """
    preferences = document.preferences or Preferences.empty("preferences")
    names: set[str] = set()
    channels: list[Channel] = []
    for position, entry in enumerate(document.providers or ()):
        if entry.provider is not None:
            names.add(entry.provider)
            channel = _channel(entry, entry.provider, position, preferences, findings, environ)
            if channel is not None:
                channels.append(channel)
    if document.providers == ():
        findings.problem(document.at("providers"), "providers", "the list is empty; write at least one channel")
    clients = _clients(document, _Known(names, channels), preferences, findings)
    moderation.check(document, clients, channels, findings)
    keepalive = _by_model(preferences.keepalive_interval)
    return Plan(
        channels=tuple(channels),
        clients=clients,
        model_timeout=_by_model(preferences.model_timeout) or ByModel(),
        timeout=timeout,
        keepalive=keepalive,
        keeps_alive=any(table is not None for table in (keepalive, *(each.keepalive for each in channels))),
        wait_policy=waits.policy(preferences.timeout_policy),
        hedging=waits.hedging(preferences.hedging),
        affinity=affinity.rule(preferences.affinity),
        state=preferences.state,
        prices=allowance.prices(preferences),
        error_triggers=waits.triggers(preferences.error_triggers or ()),
    )


# --- channels


def _channel(
    entry: ProviderEntry,
    name: str,
    position: int,
    overall: Preferences,
    findings: Findings,
    environ: Mapping[str, str],
) -> Channel | None:
    if "/" in name:
        findings.warning(
            entry.at("provider"), f"{entry.path}.provider", 'a name with "/" can\'t be used in model rules'
        )
    host = _host(entry, name, findings, environ)
    if host is None:
        return None
    provider, doors = host
    preferences = entry.preferences or ProviderPreferences.empty(f"{entry.path}.preferences")
    models = _models(entry.model or ())
    discover = entry.model is None and "model" not in entry.keys_given
    if discover and not provider.listings(doors[0]):
        findings.warning(entry.at("model"), entry.path, "this host lists no models; write them under model:")
    for_all, for_model = _overrides(preferences, models, findings)
    return Channel(
        name=name,
        position=position,
        provider=provider,
        doors=doors,
        models=models,
        discover=discover,
        tools=entry.tools is not False,
        image=entry.image is not False,
        normalize_reasoning=preferences.normalize_reasoning is True,
        headers=preferences.headers or (),
        proxy=preferences.proxy or overall.proxy,
        model_timeout=_by_model(preferences.model_timeout),
        keepalive=_by_model(preferences.keepalive_interval),
        wait_policy=waits.policy(preferences.timeout_policy),
        cooldown=scheduling.cooldown(preferences, overall),
        key_scheduling=keys.scheduling(preferences),
        key_limits=keys.limits(preferences),
        key_rests=keys.rests(preferences),
        overrides=for_all,
        model_overrides=for_model,
    )


def _host(
    entry: ProviderEntry, name: str, findings: Findings, environ: Mapping[str, str]
) -> tuple[Provider, tuple[Door, ...]] | None:
    """Which provider the entry is, and the ways in. None: reported, and nothing to route to."""
    engine = entry.engine
    found = by_engine(engine) if engine is not None else by_fields(_given(entry, entry.base_url))
    if engine is not None and found is None:
        hint = suggestion(engine, ENGINES) or "; leave it out, or write gpt"
        findings.problem(entry.at("engine"), f"{entry.path}.engine", f"there is no engine {quoted(engine)}{hint}")
        return None
    if "base_url" in entry.keys_given and entry.base_url is None:
        return None  # unusable, and reported by its reader
    base_url = entry.base_url or _usual_url(name, engine, found)
    if found is None:
        found = by_address(base_url or "")
    if isinstance(found, Later):
        findings.warning(entry.at("engine"), entry.path, f"{found.what} is not served yet; this channel is left out")
        return None
    try:
        return found, _doors(found, entry, base_url, environ)
    except Unfit as unfit:
        path = entry.path if unfit.field == "provider" else f"{entry.path}.{unfit.field}"
        findings.problem(entry.at(unfit.field), path, unfit.message)
        return None


def _doors(
    provider: Provider, entry: ProviderEntry, base_url: str | None, environ: Mapping[str, str]
) -> tuple[Door, ...]:
    """The ways in, with credentials out of a file where the entry names one or has none. Raises Unfit."""
    given = _given(entry, base_url)
    if entry.credentials is not None:
        given = structs.replace(given, credentials=credentials.named(entry.credentials, environ))
    try:
        return provider.doors(given)
    except Lacking as lacking:
        found = credentials.usual(lacking, environ)
        if found is not None:
            return provider.doors(structs.replace(given, credentials=found))
        if lacking.otherwise:
            return lacking.otherwise
        raise


def _given(entry: ProviderEntry, base_url: str | None) -> Given:
    return Given(
        base_url=base_url,
        engine=entry.engine,
        keys=entry.api or (),
        projects=entry.project_id or (),
        regions=entry.region or (),
        account=entry.cf_account_id,
        client_email=entry.client_email,
        private_key=entry.private_key,
        token_uri=entry.token_uri,
        aws_access_key=entry.aws_access_key,
        aws_secret_key=entry.aws_secret_key,
        aws_session_token=entry.aws_session_token,
    )


def _usual_url(name: str, engine: str | None, provider: Provider | Later | None) -> str | None:
    """The address of an entry without one: that of the host it is named after, unless its engine says otherwise."""
    preset = PRESETS.get(name.lower())
    if provider is None or isinstance(provider, Later):
        return preset
    named = by_address(preset) if preset else None
    if preset and named is not None and akin(named, provider):
        return preset
    return home(engine) if engine is not None else None


def _models(entries: Iterable[ModelEntry]) -> Mapping[str, tuple[str, ...]]:
    models: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        known = models.get(entry.alias, ())
        if entry.upstream not in known:
            models[entry.alias] = (*known, entry.upstream)
    return models


def _overrides(
    preferences: ProviderPreferences, models: Mapping[str, Any], findings: Findings
) -> tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]:
    for_all: dict[str, Any] = {}
    for_model: dict[str, Mapping[str, Any]] = {}
    path = f"{preferences.path}.post_body_parameter_overrides"

    def edits(fields: Mapping[str, Any]) -> dict[str, Any]:
        found = {key: value for key, value in fields.items() if key != "__remove__"}
        gone = fields.get("__remove__", ())
        for name in [gone] if isinstance(gone, str) else gone:
            if isinstance(name, str):
                found[name] = REMOVE
            else:
                findings.warning(
                    preferences.at("post_body_parameter_overrides"),
                    path,
                    "__remove__ takes names of top-level fields; its other rules have no effect yet",
                )
        return found

    given = preferences.post_body_parameter_overrides or {}
    for key, value in given.items():
        if key in models and isinstance(value, dict):
            for_model[key] = edits(value)
    for_all = edits({key: value for key, value in given.items() if key not in for_model})
    return for_all, for_model


def _by_model(table: PerModel[T] | None) -> ByModel[T] | None:
    return ByModel(entries=table.entries, default=table.default) if table else None


# --- client keys


class _Known(Struct, frozen=True):
    """What a rule may name. `names` holds those of channels that are left out, too."""

    names: set[str]
    channels: list[Channel]

    def offers(self, model: str, channel: str | None = None) -> bool:
        """Whether `model` is offered, as far as model lists tell: a channel without one may offer anything."""
        if channel is not None and not any(each.name == channel for each in self.channels):
            return True
        return any(not each.models or model in each.models for each in self.channels if channel in (None, each.name))


def _clients(document: Document, known: _Known, overall: Preferences, findings: Findings) -> Mapping[bytes, Client]:
    entries = document.api_keys
    if entries is None:
        return {}
    if not entries:
        findings.problem(
            document.at("api_keys"), "api_keys", "the list is empty; write at least one key, as - api: sk-<random text>"
        )
    keyed = [(position, entry, entry.api) for position, entry in enumerate(entries)]
    usable = [(position, entry, key) for position, entry, key in keyed if key is not None]
    digests: dict[bytes, int] = {}
    for position, entry, key in usable:
        first = digests.setdefault(key.digest, position)
        if first != position:
            findings.problem(
                entry.at("api"), f"{entry.path}.api", f"the same key as api_keys[{first}]; give each entry its own"
            )
    admins = [position for position, entry, _ in usable if "admin" in (entry.role or "")]
    first_admin = {usable[0][0]} if usable and not admins else set(admins)
    found: dict[bytes, Client] = {}
    for position, entry, key in usable:
        preferences = entry.preferences or ClientPreferences.empty(entry.path)
        retry = preferences.auto_retry
        found[key.digest] = Client(
            key=key,
            position=position,
            role=entry.role,
            admin=position in first_admin,
            rules=_rules(entry, known, digests, findings),
            scheduling=scheduling.algorithm(entry, findings),
            auto_retry=True if retry is None else retry,
            allowance=allowance.of(preferences, overall),
            moderation=moderation.rule(preferences),
        )
    _refuse_circles(usable, found, findings)
    return found


def _refuse_circles(
    usable: Iterable[tuple[int, ClientEntry, Secret]], found: Mapping[bytes, Client], findings: Findings
) -> None:
    """A key whose rules lead back to it could never be resolved."""
    for _, entry, key in usable:
        if _leads_to(found[key.digest], key.digest, found, set()):
            findings.problem(
                entry.at("model"),
                f"{entry.path}.model",
                "these rules lead back to this key itself; take out the sk- rule that closes the circle",
            )


def _leads_to(client: Client, goal: bytes, found: Mapping[bytes, Client], seen: set[bytes]) -> bool:
    for rule in client.rules:
        if rule.key is None or rule.key in seen or rule.key not in found:
            continue
        seen.add(rule.key)
        if rule.key == goal or _leads_to(found[rule.key], goal, found, seen):
            return True
    return False


def _rules(entry: ClientEntry, known: _Known, digests: Mapping[bytes, int], findings: Findings) -> tuple[Rule, ...]:
    if not entry.model:
        return (Rule(kind="all"),)
    found = [_rule(each, known, digests, findings) for each in entry.model]
    return tuple(rule for rule in found if rule is not None)


def _rule(entry: RuleEntry, known: _Known, digests: Mapping[bytes, int], findings: Findings) -> Rule | None:
    text, weight = entry.text, entry.weight
    if text == "all":
        return Rule(kind="all", weight=weight)
    if text.startswith("<") and text.endswith(">"):
        return _exact(text[1:-1], entry, known, findings)
    left, slash, right = text.partition("/")
    if not slash:
        return _exact(text, entry, known, findings)
    model = None if right == "*" else right
    if left not in known.names and left.startswith("sk-"):
        digest = Secret(left).digest
        findings.hide(left)
        if digest not in digests:
            findings.warning(entry.place, entry.path, "names a client key that is not in this file; it allows nothing")
            return None
        return Rule(kind="key", key=digest, model=model, weight=weight)
    if left not in known.names:
        hint = suggestion(left, known.names) or "; write a channel's name before the slash"
        if known.offers(text):
            hint = f"; write <{text}> for the model of that whole name" if quoted(text).startswith('"') else hint
        findings.warning(entry.place, entry.path, f"there is no provider {quoted(left)}{hint}")
    elif model is not None and not known.offers(model, left):
        findings.warning(entry.place, entry.path, f"provider {quoted(left)} has no model {quoted(model)}")
    return Rule(kind="channel", channel=left, model=model, weight=weight)


def _exact(model: str, entry: RuleEntry, known: _Known, findings: Findings) -> Rule:
    if not known.offers(model):
        if model == "*":
            hint = '; write "all" for every model'
        elif model in known.names:
            hint = f"; write {model}/* for all models of that provider"
        else:
            hint = suggestion(model, {name for channel in known.channels for name in channel.models})
        findings.warning(entry.place, entry.path, f"no provider has the model {quoted(model)}{hint}")
    return Rule(kind="exact", model=model, weight=entry.weight)
