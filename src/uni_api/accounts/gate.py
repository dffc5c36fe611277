"""Who gets in: limits taken and money reserved before anything else is done, settled when it is over."""

from collections.abc import Awaitable, Callable

from msgspec import Struct, structs

from uni_api.accounts import telling
from uni_api.accounts.meter import MOST_TOKENS, NO_METER, Meter, meter
from uni_api.accounts.prices import Prices, cost
from uni_api.canon import Usage
from uni_api.config.plan import Client, Plan
from uni_api.routing import Candidate
from uni_api.state import Short, State, Taken

USUAL_OUTPUT = 1_000
"""Tokens that money is reserved for when a request does not say how many its answer may have."""

_MOST_METERS = 10_000


class Ask(Struct, frozen=True):
    """What a request is for, and where that `weighs`, what it may come to, as far as one can tell before.

    prompt: an estimate of its tokens · output: the most tokens that it allows its answer, None for not said · likely:
    who will serve it.
    """

    model: str
    prompt: int = 0
    output: int | None = None
    likely: Candidate | None = None

    @property
    def usage(self) -> Usage:
        """What it would come to if the answer has all that it may have."""
        output = USUAL_OUTPUT if self.output is None else min(self.output, MOST_TOKENS)
        return Usage(input=self.prompt, output=output)


_UNWEIGHED = Ask("")


class Came(Struct, frozen=True):
    """What a request came to that was served. `whole`: the answer came to its end, so that `usage` is final."""

    candidate: Candidate | None = None
    usage: Usage | None = None
    whole: bool = True


class Pass(Struct, frozen=True):
    """What one request was let in with. `headers`, as they are sent, tell the client what it has left.

    taken: what its limits gave, as `meter` wanted it · reserved: of the money in the meter's purse, in billionths of a
    dollar; None for a key without credits · tick: when the meter's gauge took it.
    """

    client: Client
    ask: Ask
    headers: bytes = b""
    meter: Meter = NO_METER
    taken: Taken | None = None
    reserved: int | None = None
    tick: int | None = None


class Gate:
    """Lets requests in, or refuses them. `now` gives seconds since 1970."""

    def __init__(self, plan: Plan, state: State, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now
        self._meters: dict[tuple[Client, str, bool], Meter] = {}
        self._prices = Prices(plan, now)

    def use(self, plan: Plan) -> None:
        """Go by `plan` from now on. What was counted so far stays."""
        self._meters = {}
        self._prices = Prices(plan, self._now)

    def at_once(self, client: Client, model: str, weigh: Callable[[], Ask]) -> Pass | None:
        """As `admit`, where nobody has to be asked; None, and nothing is taken, where somebody has.

        `weigh` tells what the request is, where that matters. Raises Denied as `admit` does.
        """
        where = self._meters.get((client, model, False)) or self._meter(client, model, False)
        if not where.at_once:
            return None
        ask = weigh() if where.weighs else _UNWEIGHED
        if where.largest is not None and ask.prompt > where.largest:
            raise telling.too_long(ask.prompt, where.largest)
        gauge, purse = where.gauge, where.purse
        tick: int | None = None
        headers = b""
        if gauge is not None:
            found = gauge.take()
            if isinstance(found, Short):
                raise _refused(found, where, model)
            tick, headers = found, telling.of_gauge(gauge, found)
        if purse is None:
            return Pass(client, ask, headers, where, None, None, tick)
        allowance = client.allowance
        assert allowance is not None and allowance.credits is not None
        reserved = self._likely(ask)
        if not purse.reserve(reserved, allowance.credits):
            if gauge is not None and tick is not None:
                gauge.give_back(tick)
            raise telling.no_credit(purse.spent, allowance.credits)
        return Pass(client, ask, headers, where, None, reserved, tick)

    def weighs(self, client: Client, model: str, *, nested: bool = False) -> bool:
        """Whether it matters to `admit` and `settle` what a request comes to."""
        return self._meter(client, model, nested).weighs

    async def admit(self, client: Client, ask: Ask, *, nested: bool = False) -> Pass | None:
        """Take what a request costs `client`. None: this key has no limits of any kind.

        `nested`: another key led there, and has paid what all keys share. Raises Denied: 429, with `retry_after` where
        waiting helps, or 413; then nothing was taken.
        """
        allowance = client.allowance
        if allowance is None:
            return None
        where = self._meter(client, ask.model, nested)
        if where.largest is not None and ask.prompt > where.largest:
            raise telling.too_long(ask.prompt, where.largest)
        taken: Taken | None = None
        headers = b""
        if where.wants:
            found = await self._state.take(where.wanted(ask.prompt, ask.output or 0))
            if isinstance(found, Short):
                raise _refused(found, where, ask.model)
            taken, headers = found, telling.of_taken(found, where.tokens)
        if allowance.credits is None:
            return Pass(client, ask, headers, where, taken) if taken is not None else None
        try:
            reserved = await self._reserved(where, ask, allowance.credits)
        except BaseException:
            await self.give_back(Pass(client, ask, headers, where, taken))
            raise
        return Pass(client, ask, headers, where, taken, reserved)

    def settle(self, held: Pass, came: Came | None) -> Awaitable[None] | None:
        """The request is over, and came to this. None: no upstream served it; then it counts, and costs nothing."""
        if held.taken is None and (held.reserved is None or held.meter.purse is not None):
            if held.reserved is not None and held.meter.purse is not None:
                held.meter.purse.spend((self._cost(held.ask, came) if came is not None else 0) - held.reserved)
            return None
        return self._settle(held, came)

    async def _settle(self, held: Pass, came: Came | None) -> None:
        if held.taken is not None and held.meter.metering:
            amounts = [
                _tokens(came, want.amount) if tokens else want.amount
                for want, tokens in zip(held.taken.wants, held.meter.tokens, strict=True)
            ]
            await self._state.settle(held.taken, amounts)
        if held.reserved is not None:
            await self._spend(held, self._cost(held.ask, came) if came is not None else 0)

    async def give_back(self, held: Pass) -> None:
        """The request was refused by the gateway itself: it costs nothing."""
        if held.tick is not None and held.meter.gauge is not None:
            held.meter.gauge.give_back(held.tick)
        if held.taken is not None:
            await self._state.settle(held.taken, [0] * len(held.taken.wants))
        if held.reserved is not None:
            await self._spend(held, 0)

    def _likely(self, ask: Ask) -> int:
        """What the request would cost if its answer has all that it may have."""
        return cost(ask.usage, self._prices.of(ask.model, ask.likely, ask.prompt))

    async def _reserved(self, where: Meter, ask: Ask, credits: int) -> int:
        amount = self._likely(ask)
        if not await self._state.reserve(where.account, amount, credits):
            raise telling.no_credit(await self._state.spent(where.account), credits)
        return amount

    async def _spend(self, held: Pass, amount: int) -> None:
        assert held.reserved is not None
        more = amount - held.reserved
        if not more:
            return
        if held.meter.purse is not None:
            held.meter.purse.spend(more)
        else:
            await self._state.spend(held.meter.account, more)

    def _cost(self, ask: Ask, came: Came) -> int:
        usage = came.usage or ask.usage
        if not came.whole:
            usage = structs.replace(usage, output=max(usage.output, ask.usage.output))
        return cost(usage, self._prices.of(ask.model, came.candidate, usage.prompt))

    def _meter(self, client: Client, model: str, nested: bool) -> Meter:
        slot = (client, model, nested)
        found = self._meters.get(slot)
        if found is None:
            if len(self._meters) >= _MOST_METERS:
                self._meters = {}
            found = self._meters[slot] = meter(client, model, self._state, nested=nested)
        return found

    def __repr__(self) -> str:
        return f"<Gate {len(self._meters)} meters>"


def _refused(short: Short, where: Meter, model: str) -> Exception:
    """By name and length: a state that is far away may give another Want for the same window."""
    tokens = next(
        tokens
        for want, tokens in zip(where.wants, where.tokens, strict=True)
        if (want.name, want.seconds) == (short.want.name, short.want.seconds)
    )
    return telling.too_many(short, tokens=tokens, model=model)


def _tokens(came: Came | None, reserved: int) -> int:
    if came is None:
        return 0
    if came.usage is None:
        return reserved
    return came.usage.total if came.whole else max(came.usage.total, reserved)
