"""The command line: serve | demo | check | models."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from urllib.parse import quote, urlsplit

import click

from uni_api import __version__
from uni_api.config.load import load
from uni_api.config.plan import Channel, Plan
from uni_api.errors import ConfigError, Fault
from uni_api.providers.base import Door

DEMO_CONFIG = Path(__file__).parent / "demo" / "api.yaml"
DEMO_KEY = "sk-demo"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="uni-api")
def main() -> None:
    """One api.yaml, one OpenAI API, many LLM providers behind it."""


_config = click.option(
    "--config",
    envvar="UNI_API_CONFIG",
    default="api.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration file.",
)
_host = click.option("--host", envvar="HOST", default="0.0.0.0", show_default=True, help="Address to listen on.")
_port = click.option(
    "--port", envvar="PORT", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 picks one."
)
_drain = click.option(
    "--drain",
    envvar="UNI_API_DRAIN",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that open requests get to finish after SIGTERM.",
)
_max_body = click.option(
    "--max-body-mb",
    envvar="UNI_API_MAX_BODY_MB",
    default=64,
    show_default=True,
    type=click.IntRange(1),
    help="Largest request body, in MiB.",
)
_workers = click.option(
    "--workers",
    envvar="UNI_API_WORKERS",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Processes that serve the address together.",
)


@main.command()
@_config
@_host
@_port
@_workers
@_drain
@_max_body
def serve(config: Path, host: str, port: int, workers: int, drain: float, max_body_mb: int) -> None:
    """Start the gateway."""
    plan = _load(config)
    if workers > 1 and not hasattr(os, "fork"):
        raise click.UsageError("--workers: this system can't fork; start several processes on different ports.")

    def greet(at: str, number: int) -> None:
        _say(f"uni-api {__version__} on {_url(at, number)}" + (f", {workers} workers" if workers > 1 else ""))
        if workers > 1:
            _say(_APART if plan.state is None else _TOGETHER)

    _run(plan, host, port, drain, max_body_mb, greet, workers)


_APART = (
    "Each worker counts for itself: limits, credits, cooldowns, turns of channels and keys, affinity, latencies. "
    "With preferences.state (a Redis) they share limits, credits, cooldowns and turns."
)
_TOGETHER = (
    "The workers share limits, credits, cooldowns and turns. Each has its own affinity, latencies, "
    "success rates and lists of models."
)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@_port
def demo(host: str, port: int) -> None:
    """Start with a built-in upstream: no key and no network needed."""

    def greet(at: str, number: int) -> None:
        url = _url(at, number)
        _say(
            f"uni-api {__version__} demo on {url}: the answers come from the gateway itself, not from a model.\n\n"
            f"curl {url}/v1/chat/completions -H 'Authorization: Bearer {DEMO_KEY}' "
            "-H 'Content-Type: application/json' "
            '-d \'{"model": "demo", "messages": [{"role": "user", "content": "Hello!"}], "stream": true}\'\n\n'
            f"OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={DEMO_KEY}\n"
        )

    _run(_load(DEMO_CONFIG), host, port, 5.0, 64, greet)


@main.command()
@_config
@click.option("--strict", is_flag=True, help="Warnings, such as unknown keys, are errors too.")
def check(config: Path, strict: bool) -> None:
    """Check the configuration and show what it comes to. Exit code 2 when it can't be used."""
    plan = _load(config, strict=strict)
    for channel in plan.channels:
        click.echo("\n".join(_described(channel)))
    click.echo(f"{config}: {len(plan.channels)} channels, {len(plan.clients)} client keys, ready to serve.")


@main.command()
@_config
@click.argument("channel", required=False)
def models(config: Path, channel: str | None) -> None:
    """Ask every channel, or CHANNEL, for its models, and print each as channel/model.

    Channels whose models stand in the file are printed as they are there. Exit code 1 when a list can't be had.
    """
    plan = _load(config)
    chosen = [each for each in plan.channels if channel in (None, each.name)]
    if not chosen:
        _say(
            f"There is no channel {channel!r} in {config}; there are: {', '.join(each.name for each in plan.channels)}."
        )
        raise SystemExit(2)
    failures = 0
    for each, names, failure in asyncio.run(_listed(chosen)):
        for name in names:
            click.echo(f"{each.name}/{name}")
        if failure is not None:
            failures += 1
            _say(f"{each.name}: {failure.message}")
    raise SystemExit(1 if failures else 0)


async def _listed(channels: Iterable[Channel]) -> list[tuple[Channel, tuple[str, ...], Fault | None]]:
    """The models of each channel, asked of its host where the file has none; and why there are none."""
    from uni_api.discovery import Asker
    from uni_api.relay.tokens import Tokens
    from uni_api.transport import HttpClient

    http = HttpClient()
    asker = Asker(http, Tokens(http, time.time))

    async def listed(channel: Channel) -> tuple[Channel, tuple[str, ...], Fault | None]:
        if not channel.discover:
            return channel, tuple(channel.models), None
        try:
            return channel, await asker.models(channel), None
        except Fault as fault:
            return channel, (), fault

    try:
        return await asyncio.gather(*map(listed, channels))
    finally:
        await http.aclose()


def _described(channel: Channel) -> list[str]:
    """What a channel comes to: its provider, and for each address its dialect, how the key is shown, and its models."""
    keys = len({door.key for door in channel.doors if door.key is not None})
    lines = [f"{channel.name}: {channel.provider.name}" + (f", {_count(keys, 'key')}" if keys else "")]
    found: dict[str, list[str]] = {}
    for door in _places(channel):
        for shown, model in _named(channel):
            found.setdefault(_reached(channel, door, model), []).append(shown)
    for reached, names in found.items():
        lines += [f"  {reached}", f"    {', '.join(names)}"]
    return lines


_EACH = "{model}"
"""Stands for the name of a model in an address, where the models are not known yet."""


def _places(channel: Channel) -> list[Door]:
    """One door of each site, in the file's order."""
    first: dict[str, Door] = {}
    for door in channel.doors:
        first.setdefault(door.site.base_url, door)
    return list(first.values())


def _named(channel: Channel) -> list[tuple[str, str]]:
    """Every model as people are told of it, and as the upstream calls it."""
    if not channel.models:
        return [("the models that the host lists" if channel.discover else "no models", _EACH)]
    named = ((alias, model) for alias, models in channel.models.items() for model in models)
    return [(alias if alias == model else f"{alias} (upstream: {model})", model) for alias, model in named]


def _reached(channel: Channel, door: Door, model: str) -> str:
    """The dialect, the URL and the kind of key of a chat call for `model`."""
    dialect = channel.provider.dialect(door.site, model)
    try:
        address = channel.provider.address(door, model, stream=False)
    except Fault:
        return f"{dialect}, inside the gateway"
    return f"{dialect}, {_without_secrets(address.url, door)}, {address.scheme or 'no key'}"


_HARMLESS = frozenset({"alt", "api-version"})
"""Query parameters whose values may be seen. Others may hold a key, whatever they are called."""


_SHORTEST = 8
"""Characters from which on a secret is looked for in an address. What is shorter stands in any address by chance."""


def _without_secrets(url: str, door: Door) -> str:
    parts = urlsplit(url)
    pairs = (pair.partition("=") for pair in parts.query.split("&") if pair)
    query = "&".join(f"{name}={value if name in _HARMLESS else '***'}" for name, _, value in pairs)
    shown = parts._replace(query=query).geturl().replace(quote(_EACH, safe=""), _EACH)
    for text in (secret.reveal() for secret in door.secrets):
        shown = shown.replace(text, "***") if len(text) >= _SHORTEST else shown
    return shown


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _load(path: Path, *, strict: bool = False) -> Plan:
    """The plan in `path`; every problem goes to stderr and ends the process with exit code 2."""
    try:
        plan = load(path, strict=strict)
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        for warning in error.warnings:
            _say(f"warning: {warning}")
        raise SystemExit(2) from None
    for warning in plan.warnings:
        _say(f"warning: {warning}")
    return plan


def _run(
    plan: Plan,
    host: str,
    port: int,
    drain: float,
    max_body_mb: int,
    started: Callable[[str, int], None],
    workers: int = 1,
) -> None:
    from uni_api.app import App
    from uni_api.server import Bounds, Gateway, Settings
    from uni_api.server import serve as run
    from uni_api.server.logs import set_up

    set_up(plan, debug=os.environ.get("DEBUG", "").lower() in ("1", "true", "yes"), several=workers > 1)
    bounds = Bounds(max_body=max_body_mb * 1024 * 1024)
    settings = Settings(host=host, port=port, drain=drain, workers=workers, bounds=bounds)
    endings: list[Callable[[], Awaitable[None]]] = []

    def make() -> Gateway:
        app = App(plan, max_body=bounds.max_body)
        endings.append(app.aclose)
        return app.gateway

    async def stopped() -> None:
        for ending in endings:
            await ending()

    try:
        run(make, settings, started=started, stopped=stopped)
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        raise SystemExit(2) from None
    except OSError as error:
        _say(f"Can't listen on {host}:{port}: {error.strerror or error}. Choose another with --host and --port.")
        raise SystemExit(1) from None


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
