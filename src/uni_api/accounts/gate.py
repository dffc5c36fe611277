"""Who gets in: limits taken and money reserved before anything else is done, settled when it is over."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct, structs

from uni_api.accounts import telling
from uni_api.accounts.meter import MOST_TOKENS, NO_METER, Meter, meter
from uni_api.accounts.prices import Prices, cost, expected
from uni_api.canon import Usage
from uni_api.config.plan import Client, Plan
from uni_api.config.policy import Price
from uni_api.routing import Candidate
from uni_api.state import Short, State, Taken

USUAL_OUTPUT = 1_000
"""Tokens that money is reserved for when a request does not say how many its answer may have."""

_MOST_METERS = 10_000


class Ask(Struct, frozen=True, gc=False):
    """What a request is for, and where that `weighs`, what it may come to, as far as one can tell before.

    prompt: an estimate of its tokens · output: the most tokens that it allows its answer, None for not said · likely:
    who will serve it.
    """

    model: str
    prompt: int = 0
    output: int | None = None
    likely: Candidate | None = None

    @property
    def answer(self) -> int:
        """How many tokens are taken for its answer before there is one."""
        return USUAL_OUTPUT if self.output is None else min(self.output, MOST_TOKENS)


_UNWEIGHED = Ask("")


class Came(Struct, frozen=True, gc=False):
    """What a request came to that was served. `whole`: the answer came to its end, so that `usage` is final."""

    candidate: Candidate | None = None
    usage: Usage | None = None
    whole: bool = True


class Pass(Struct, frozen=True, gc=False):
    """What one request was let in with. `headers`, as they are sent, tell the client what it has left.

    taken: what its limits gave, as `meter` wanted it · reserved: of the money in the meter's purse, in billionths of a
    dollar; None for a key without credits · tick: when the meter's gauge took it · price: what it was reserved by,
    where that holds for a prompt of any size.
    """

    client: Client
    ask: Ask
    headers: bytes = b""
    meter: Meter = NO_METER
    taken: Taken | None = None
    reserved: int | None = None
    tick: int | None = None
    price: Price | None = None


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
        gauge = where.gauge
        tick: int | None = None
        headers = b""
        if gauge is not None:
            found = gauge.take()
            if isinstance(found, Short):
                raise _refused(found, where, model)
            tick = found
            if where.notice is not None:
                headers = where.notice.of(found)
        purse, credits = where.purse, where.credits
        if purse is None or credits is None:
            return Pass(client, ask, headers, where, None, None, tick)
        price = self._prices.flat(model, ask.likely)
        reserved = expected(ask.prompt, ask.answer, price or self._prices.of(model, ask.likely, ask.prompt))
        if not purse.reserve(reserved, credits):
            if gauge is not None and tick is not None:
                gauge.give_back(tick)
            raise telling.no_credit(purse.spent, credits)
        return Pass(client, ask, headers, where, None, reserved, tick, price)

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
            await done(self.give_back(Pass(client, ask, headers, where, taken)))
            raise
        return Pass(client, ask, headers, where, taken, reserved)

    def settle(self, held: Pass, came: Came | None) -> Awaitable[None] | None:
        """The request is over, and came to this. None: no upstream served it; then it counts, and costs nothing.

        Gives what is to be awaited until it is noted; None where all is done.
        """
        noting: Awaitable[None] | None = None
        if held.taken is not None and held.meter.metering:
            amounts = [
                _tokens(came, want.amount) if tokens else want.amount
                for want, tokens in zip(held.taken.wants, held.meter.tokens, strict=True)
            ]
            noting = self._state.settle(held.taken, amounts)
        if held.reserved is None:
            return noting
        amount = 0
        if came is not None:
            ask, usage = held.ask, came.usage
            if usage is None or not came.whole:
                usage = _at_least(usage, ask)
            if held.price is not None and came.candidate is ask.likely:
                amount = cost(usage, held.price)
            else:
                amount = self._prices.cost(ask.model, came.candidate, usage)
        return self._spend(held, amount - held.reserved, noting)

    def give_back(self, held: Pass) -> Awaitable[None] | None:
        """The request was refused by the gateway itself: it costs nothing. Gives what `settle` does."""
        if held.tick is not None and held.meter.gauge is not None:
            held.meter.gauge.give_back(held.tick)
        noting = self._state.settle(held.taken, [0] * len(held.taken.wants)) if held.taken is not None else None
        return self._spend(held, -held.reserved, noting) if held.reserved is not None else noting

    async def _reserved(self, where: Meter, ask: Ask, credits: int) -> int:
        amount = self._prices.likely(ask.model, ask.likely, ask.prompt, ask.answer)
        if not await self._state.reserve(where.account, amount, credits):
            raise telling.no_credit(await self._state.spent(where.account), credits)
        return amount

    def _spend(self, held: Pass, more: int, noting: Awaitable[None] | None) -> Awaitable[None] | None:
        """Spend so much more than was reserved. Gives what is to be awaited for that and for `noting`."""
        if not more:
            return noting
        purse = held.meter.purse
        if purse is not None:
            purse.spend(more)
            return noting
        return both(noting, self._state.spend(held.meter.account, more))

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


def _at_least(usage: Usage | None, ask: Ask) -> Usage:
    """What is charged for an answer that did not tell how much it was in the end."""
    if usage is None:
        return Usage(input=ask.prompt, output=ask.answer)
    return structs.replace(usage, output=max(usage.output, ask.answer))


async def done(noting: Awaitable[None] | None) -> None:
    """Comes back when what is to be awaited is done; None is for what is done already."""
    if noting is not None:
        await noting


def both(one: Awaitable[None] | None, other: Awaitable[None] | None) -> Awaitable[None] | None:
    """What is to be awaited for both; None is for what is done."""
    if one is None or other is None:
        return other if one is None else one
    return _both(one, other)


async def _both(one: Awaitable[None], other: Awaitable[None]) -> None:
    await asyncio.gather(one, other)


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
