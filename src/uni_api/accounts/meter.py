"""In which windows a request counts, and with how much."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from uni_api.accounts.telling import Notice
from uni_api.config.plan import Client
from uni_api.config.policy import Limits
from uni_api.state import Gauge, Purse, State, Want

MOST_TOKENS = 100_000_000
"""Of what a client says that an answer may have, this much is believed."""


class Meter(Struct, frozen=True):
    """Where requests of one key for one model count.

    wants: a window each, with an amount of 1 · tokens: which of them count tokens · metering: whether any does ·
    largest: the most tokens in one request · weighs: whether it matters what a request comes to · account: what its
    money is counted under, `credits` of it at most · gauge, purse: take the wants and the money where nobody has to be
    asked for them · notice: tells of the gauge · at_once: whether nobody has to be asked for anything.
    """

    wants: tuple[Want, ...]
    tokens: tuple[bool, ...]
    metering: bool
    largest: int | None
    weighs: bool = False
    account: str = ""
    credits: int | None = None
    gauge: Gauge | None = None
    notice: Notice | None = None
    purse: Purse | None = None
    at_once: bool = False

    def wanted(self, prompt: int, output: int) -> Sequence[Want]:
        """What a request wants that comes to so many tokens.

        An output that would never fit gets all there is: what is allowed and what comes are two things.
        """
        if not self.metering:
            return self.wants
        return [
            Want(want.name, want.most, want.seconds, _fitted(prompt, output, want.most)) if tokens else want
            for want, tokens in zip(self.wants, self.tokens, strict=True)
        ]


NO_METER = Meter((), (), False, None)


def meter(client: Client, model: str, state: State, *, nested: bool) -> Meter:
    """What `client` pays for requests for `model`. `nested`: another key led there, and paid what all keys share."""
    wants: list[Want] = []
    counted: list[bool] = []
    sizes: list[int] = []
    for name, limits in _buckets(client, model, nested):
        for limit in limits:
            if limit.seconds is None:
                sizes.append(limit.count)
                continue
            wants.append(Want(f"{name}/tokens" if limit.tokens else name, limit.count, float(limit.seconds)))
            counted.append(limit.tokens)
    largest = min(sizes) if sizes else None
    allowance = client.allowance
    credits = allowance.credits if allowance is not None else None
    billed = credits is not None
    weighs = any(counted) or largest is not None or billed
    name = f"spent/{account(client)}/{allowance.since}" if allowance is not None else ""
    gauge = state.gauge(wants) if wants and not any(counted) else None
    purse = state.purse(name) if billed else None
    at_once = bool(wants or billed) and bool(wants) == (gauge is not None) and billed == (purse is not None)
    return Meter(
        wants=tuple(wants),
        tokens=tuple(counted),
        metering=any(counted),
        largest=largest,
        weighs=weighs,
        account=name,
        credits=credits,
        gauge=gauge,
        notice=Notice(gauge) if gauge is not None else None,
        purse=purse,
        at_once=at_once,
    )


def account(client: Client) -> str:
    """What the key's counts are kept under: no secret, and the same for as long as the key is."""
    return client.key.digest.hex()[:16]


def _buckets(client: Client, model: str, nested: bool) -> Iterator[tuple[str, Limits]]:
    """An entry of a map counts every model that it stands for; other limits count each model for itself."""
    allowance = client.allowance
    if allowance is None:
        return
    if allowance.overall and not nested:
        yield "limit/all", allowance.overall
    if allowance.limits is None:
        return
    entry = allowance.limits.entry(model)
    if entry is not None:
        yield f"limit/{account(client)}/in/{entry[0]}", entry[1]
    elif allowance.limits.default is not None:
        yield f"limit/{account(client)}/of/{model}", allowance.limits.default


def _fitted(prompt: int, output: int, most: int) -> int:
    prompt = max(1, prompt)
    return prompt if prompt >= most else min(prompt + min(output, MOST_TOKENS), most)
