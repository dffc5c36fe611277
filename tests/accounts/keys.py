"""Client keys and Plans with limits, and a clock to move by hand."""

from msgspec import structs

from tests.routing.plans import client
from uni_api.config.plan import Client, Plan
from uni_api.config.policy import Allowance, ByModel, Limit, Limits, Price, PriceList

DOLLAR = 1_000_000_000


class Clock:
    """Stands still until it is moved. Seconds since 1970."""

    def __init__(self, at: float = 1_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def limited(
    name: str = "sk-limited",
    *limits: Limit,
    by_model: tuple[tuple[str, Limits], ...] = (),
    overall: Limits = (),
    dollars: float | None = None,
    since: str = "",
) -> Client:
    """A key with these limits for every model, or those of `by_model`, and so many dollars to spend."""
    allowance = Allowance(
        limits=ByModel(by_model, limits or None) if limits or by_model else None,
        overall=overall,
        credits=None if dollars is None else round(dollars * DOLLAR),
        since=since,
    )
    return structs.replace(client(name), allowance=allowance)


def plan(*clients: Client, prices: PriceList | None = None) -> Plan:
    """A Plan without channels in which a million tokens cost a dollar in and ten dollars out."""
    known = PriceList(default=Price(1.0, 10.0)) if prices is None else prices
    return Plan(channels=(), clients={one.key.digest: one for one in clients}, prices=known)


def lines(headers: bytes) -> dict[bytes, bytes]:
    """Header lines, taken apart."""
    return dict(line.split(b": ", 1) for line in headers.split(b"\r\n")[:-1])
