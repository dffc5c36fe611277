"""The gate by itself, over local state and a clock that the test moves."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.keys import DOLLAR, Clock, limited, lines, plan
from tests.routing.plans import client
from uni_api.accounts import Ask, Came, Gate, Pass, both
from uni_api.canon import Usage
from uni_api.config.plan import Client
from uni_api.config.policy import Limit, Price, PriceList
from uni_api.errors import Denied
from uni_api.state import LocalState, Short, Taken, Want

T = TypeVar("T")

TEN = Limit(10, 60)
THOUSAND = Limit(1_000, 60, tokens=True)


def run(work: Awaitable[T]) -> T:
    async def main() -> T:
        return await work

    return asyncio.run(main())


def opened(*clients: Client, clock: Clock | None = None, prices: PriceList | None = None) -> Gate:
    clock = clock or Clock()
    return Gate(plan(*clients, prices=prices), LocalState(clock), clock)


async def let_in(gate: Gate, who: Client, ask: Ask) -> Pass:
    held = await gate.admit(who, ask)
    assert held is not None
    return held


async def done(work: Awaitable[None] | None) -> None:
    if work is not None:
        await work


async def refused(gate: Gate, who: Client, ask: Ask) -> Denied:
    with pytest.raises(Denied) as caught:
        await gate.admit(who, ask)
    return caught.value


async def passes(gate: Gate, who: Client, ask: Ask, most: int = 100) -> int:
    """How many more requests get in."""
    for count in range(most):
        try:
            await gate.admit(who, ask)
        except Denied:
            return count
    return most


def spent(usage: Usage | None, *, whole: bool = True) -> Came:
    return Came(usage=usage, whole=whole)


def test_a_key_without_limits_passes_without_a_pass() -> None:
    who = client("sk-1")
    assert run(opened(who).admit(who, Ask("m", 10))) is None


def test_a_key_passes_as_often_as_its_limit_says_and_again_when_the_window_has_moved() -> None:
    async def main() -> None:
        clock, who = Clock(), limited("sk-1", Limit(2, 60))
        gate = opened(who, clock=clock)
        await let_in(gate, who, Ask("m", 10))
        clock.at += 40
        await let_in(gate, who, Ask("m", 10))
        denied = await refused(gate, who, Ask("m", 10))
        assert (denied.status, denied.code, denied.retry_after) == (429, "rate_limit_exceeded", 20)
        clock.at += 20
        await let_in(gate, who, Ask("m", 10))
        assert (await refused(gate, who, Ask("m", 10))).retry_after == 40

    run(main())


def test_every_window_of_a_limit_holds() -> None:
    async def main() -> None:
        clock, who = Clock(), limited("sk-1", Limit(2, 60), Limit(3, 86_400))
        gate = opened(who, clock=clock)
        assert await passes(gate, who, Ask("m", 10)) == 2
        clock.at += 60
        assert await passes(gate, who, Ask("m", 10)) == 1
        assert (await refused(gate, who, Ask("m", 10))).retry_after == 86_400 - 60

    run(main())


def test_a_limit_counts_each_model_for_itself_and_an_entry_all_that_it_stands_for() -> None:
    async def main() -> None:
        who = limited("sk-1", Limit(2, 60), by_model=(("gemini", (Limit(3, 60),)), ("gemini-pro", (Limit(1, 60),))))
        gate = opened(who)
        assert await passes(gate, who, Ask("gpt-5", 10)) == 2
        assert await passes(gate, who, Ask("gpt-5-mini", 10)) == 2
        await let_in(gate, who, Ask("gemini-flash", 10))
        assert await passes(gate, who, Ask("Gemini-flash-lite", 10)) == 2
        assert await passes(gate, who, Ask("gemini-flash", 10)) == 0
        assert await passes(gate, who, Ask("gemini-pro", 10)) == 1

    run(main())


def test_a_model_that_no_entry_stands_for_is_free_without_a_default() -> None:
    async def main() -> None:
        who = limited("sk-1", by_model=(("gemini", (Limit(1, 60),)),))
        gate = opened(who)
        assert await gate.admit(who, Ask("gpt-5", 10)) is None
        assert await passes(gate, who, Ask("gemini", 10)) == 1

    run(main())


def test_two_keys_do_not_share_but_for_what_all_share() -> None:
    async def main() -> None:
        overall = (Limit(5, 60),)
        one, two = limited("sk-1", Limit(3, 60), overall=overall), limited("sk-2", overall=overall)
        gate = opened(one, two)
        assert await passes(gate, one, Ask("m", 10)) == 3
        assert await passes(gate, two, Ask("other", 10)) == 2
        denied = await refused(gate, two, Ask("m", 10))
        assert "all keys together" in denied.message

    run(main())


def test_a_refusal_by_one_limit_takes_nothing_of_the_other() -> None:
    async def main() -> None:
        overall = (Limit(10, 60),)
        one, two = limited("sk-1", Limit(1, 60), overall=overall), limited("sk-2", overall=overall)
        gate = opened(one, two)
        await let_in(gate, one, Ask("m", 10))
        for _ in range(20):
            await refused(gate, one, Ask("m", 10))
        assert await passes(gate, two, Ask("m", 10)) == 9

    run(main())


def test_what_all_keys_share_is_paid_once() -> None:
    async def main() -> None:
        overall = (Limit(2, 60),)
        outer, inner = limited("sk-1", overall=overall), limited("sk-2", Limit(5, 60), overall=overall)
        gate = opened(outer, inner)
        for _ in range(2):
            assert await gate.admit(outer, Ask("m", 10)) is not None
            assert await gate.admit(inner, Ask("m", 10), nested=True) is not None
        await refused(gate, outer, Ask("m", 10))

    run(main())


def test_what_the_gateway_refuses_is_given_back() -> None:
    async def main() -> None:
        who = limited("sk-1", Limit(1, 60), THOUSAND, dollars=0.000_5)
        gate = opened(who)
        for _ in range(5):
            await done(gate.give_back(await let_in(gate, who, Ask("m", 10, 50))))
        await let_in(gate, who, Ask("m", 10, 50))

    run(main())


def test_what_no_upstream_served_counts_but_costs_nothing() -> None:
    async def main() -> None:
        who = limited("sk-1", Limit(3, 60), THOUSAND, dollars=1)
        gate = opened(who)
        for _ in range(3):
            await done(gate.settle(await let_in(gate, who, Ask("m", 900)), None))
        assert "requests in a minute" in (await refused(gate, who, Ask("m", 900))).message

    run(main())


def test_tokens_are_reserved_and_then_counted_as_they_came() -> None:
    async def main() -> None:
        who = limited("sk-1", THOUSAND)
        gate = opened(who)
        first = await let_in(gate, who, Ask("m", 100, 600))
        assert "tokens in a minute" in (await refused(gate, who, Ask("m", 301))).message
        await done(gate.settle(first, spent(Usage(input=50, cache_read=40, cache_write=10, output=100))))
        await let_in(gate, who, Ask("m", 800))
        await refused(gate, who, Ask("m", 1))

    run(main())


def test_more_tokens_than_were_reserved_count_too() -> None:
    async def main() -> None:
        clock, who = Clock(), limited("sk-1", THOUSAND)
        gate = opened(who, clock=clock)
        await done(gate.settle(await let_in(gate, who, Ask("m", 10)), spent(Usage(input=10, output=5_000))))
        clock.at += 59
        assert (await refused(gate, who, Ask("m", 10))).retry_after == 1
        clock.at += 1
        await let_in(gate, who, Ask("m", 10))

    run(main())


def test_an_output_that_would_never_fit_gets_what_there_is() -> None:
    async def main() -> None:
        who = limited("sk-1", THOUSAND)
        gate = opened(who)
        await let_in(gate, who, Ask("m", 10, 10**30))
        denied = await refused(gate, who, Ask("m", 1))
        assert denied.retry_after == 60

    run(main())


def test_a_prompt_that_can_never_fit_is_told_so() -> None:
    async def main() -> None:
        who = limited("sk-1", THOUSAND)
        denied = await refused(opened(who), who, Ask("m", 1_001))
        assert (denied.status, denied.retry_after) == (429, None)
        assert "this request needs about 1001" in denied.message
        assert (b"x-should-retry", b"false") in denied.headers

    run(main())


def test_an_answer_that_tells_nothing_or_was_cut_off_costs_what_was_reserved() -> None:
    async def main() -> None:
        who = limited("sk-1", THOUSAND)
        gate = opened(who)
        await done(gate.settle(await let_in(gate, who, Ask("m", 100, 300)), spent(None)))
        await done(gate.settle(await let_in(gate, who, Ask("m", 100, 300)), spent(Usage(input=5), whole=False)))
        await let_in(gate, who, Ask("m", 200))
        await refused(gate, who, Ask("m", 1))

    run(main())


def test_requests_can_be_bounded_in_size() -> None:
    async def main() -> None:
        who = limited("sk-1", Limit(1_000), TEN)
        gate = opened(who)
        denied = await refused(gate, who, Ask("m", 1_001))
        assert (denied.status, denied.code) == (413, "request_too_long")
        assert await passes(gate, who, Ask("m", 1_000)) == 10

    run(main())


def test_headers_tell_what_is_left() -> None:
    async def main() -> None:
        clock, who = Clock(), limited("sk-1", Limit(100, 86_400), Limit(2, 60), THOUSAND)
        gate = opened(who, clock=clock)
        await let_in(gate, who, Ask("m", 300))
        clock.at += 30.5
        held = await let_in(gate, who, Ask("m", 300))
        assert lines(held.headers) == {
            b"x-ratelimit-limit-requests": b"2",
            b"x-ratelimit-remaining-requests": b"0",
            b"x-ratelimit-reset-requests": b"29.5s",
            b"x-ratelimit-limit-tokens": b"1000",
            b"x-ratelimit-remaining-tokens": b"400",
            b"x-ratelimit-reset-tokens": b"29.5s",
        }
        denied = await refused(gate, who, Ask("m", 300))
        assert dict(denied.headers) == {
            b"x-ratelimit-limit-requests": b"2",
            b"x-ratelimit-remaining-requests": b"0",
            b"x-ratelimit-reset-requests": b"29.5s",
        }

    run(main())


def test_money_is_reserved_and_then_spent_as_it_came() -> None:
    async def main() -> None:
        who = limited("sk-1", dollars=0.01)
        gate = opened(who)
        held = await let_in(gate, who, Ask("m", 1_000, 900))  # a thousandth of a dollar, and nine
        assert held.reserved == DOLLAR // 100
        denied = await refused(gate, who, Ask("m", 1))
        assert (denied.status, denied.code, denied.retry_after) == (429, "insufficient_quota", None)
        assert denied.message.startswith("Balance is insufficient")
        assert "sk-1" not in denied.message
        await done(gate.settle(held, spent(Usage(input=1_000, output=100))))
        held = await let_in(gate, who, Ask("m", 1_000, 100))
        await done(gate.settle(held, spent(Usage(output=10_000))))
        assert "has spent $0.1020 of $0.01" in (await refused(gate, who, Ask("m", 1))).message

    run(main())


def test_no_credits_are_none() -> None:
    async def main() -> None:
        who = limited("sk-1", TEN, dollars=0)
        gate = opened(who)
        for _ in range(20):
            assert (await refused(gate, who, Ask("m", 1))).code == "insufficient_quota"

    run(main())


def test_an_answer_without_usage_costs_what_was_reserved() -> None:
    async def main() -> None:
        who = limited("sk-1", dollars=0.021)
        gate = opened(who)
        held = await let_in(gate, who, Ask("m", 1_000))  # a thousand tokens out, as usual
        await done(gate.settle(held, spent(None)))
        await done(gate.settle(await let_in(gate, who, Ask("m", 1_000)), spent(Usage(output=1), whole=False)))
        assert "has spent $0.0210" in (await refused(gate, who, Ask("m", 1))).message

    run(main())


def test_spending_goes_on_after_a_reload_and_begins_anew_with_a_new_date() -> None:
    async def main() -> None:
        who = limited("sk-1", Limit(5, 60), dollars=0.01, since="20261101T000000Z")
        gate = opened(who)
        await done(gate.settle(await let_in(gate, who, Ask("m", 10)), spent(Usage(input=10_000))))
        again = limited("sk-1", Limit(5, 60), dollars=0.01, since="20261101T000000Z")
        gate.use(plan(again))
        assert (await refused(gate, again, Ask("m", 10))).code == "insufficient_quota"
        later = limited("sk-1", Limit(5, 60), dollars=0.01, since="20261124T000000Z")
        gate.use(plan(later))
        assert await passes(gate, later, Ask("m", 10, 0)) == 4
        assert (await refused(gate, later, Ask("m", 10))).code == "rate_limit_exceeded"

    run(main())


def test_a_pass_of_an_old_plan_is_settled_under_a_new_one() -> None:
    async def main() -> None:
        who = limited("sk-1", THOUSAND, dollars=1)
        gate = opened(who)
        held = await let_in(gate, who, Ask("m", 900))
        gate.use(plan(who, prices=PriceList(default=Price(2.0, 2.0))))
        await done(gate.settle(held, spent(Usage(input=100))))
        await let_in(gate, who, Ask("m", 900))

    run(main())


class Distant(LocalState):
    """A state that everybody has to wait for, as one over a network is."""

    async def take(self, wants: Sequence[Want]) -> Taken | Short:
        await asyncio.sleep(0)
        found = await super().take(wants)
        await asyncio.sleep(0)
        return found

    async def reserve(self, name: str, amount: int, most: int) -> bool:
        await asyncio.sleep(0)
        return await super().reserve(name, amount, most)


def test_a_client_that_leaves_at_the_gate_pays_nothing() -> None:
    async def main() -> None:
        clock, who = Clock(), limited("sk-1", Limit(1, 60), dollars=1)
        gate = Gate(plan(who), Distant(clock), clock)
        task = asyncio.ensure_future(gate.admit(who, Ask("m", 10)))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await let_in(gate, who, Ask("m", 10))

    run(main())


@given(count=st.integers(0, 60), most=st.integers(0, 40), overall=st.integers(0, 40))
def test_as_many_pass_at_once_as_the_limits_allow(count: int, most: int, overall: int) -> None:
    async def main() -> None:
        clock, who = Clock(), limited("sk-1", Limit(most, 60), overall=(Limit(overall, 60),))
        gate = Gate(plan(who), Distant(clock), clock)
        found = await asyncio.gather(*(gate.admit(who, Ask("m", 10)) for _ in range(count)), return_exceptions=True)
        assert sum(isinstance(one, Pass) for one in found) == min(count, most, overall)
        assert sum(isinstance(one, Denied) for one in found) == count - min(count, most, overall)

    run(main())


USAGES = st.builds(Usage, input=st.integers(0, 2_000), cache_read=st.integers(0, 500), output=st.integers(0, 2_000))
FATES = st.one_of(st.sampled_from(["refused", "failed"]), st.none(), USAGES)


@given(fates=st.lists(FATES, max_size=25))
def test_tokens_of_a_window_are_those_that_came(fates: list[str | Usage | None]) -> None:
    """Whatever becomes of requests, what a limit has left is its most less the tokens that were used."""

    async def main() -> None:
        most = 1_000_000
        who = limited("sk-1", Limit(most, 60, tokens=True), Limit(1_000, 60))
        gate = opened(who)
        used = requests = 0
        for fate in fates:
            held = await let_in(gate, who, Ask("m", 100, 50))
            if fate == "refused":
                await done(gate.give_back(held))
                continue
            requests += 1
            match fate:
                case Usage():
                    used += fate.total
                    await done(gate.settle(held, spent(fate)))
                case None:
                    used += 150
                    await done(gate.settle(held, spent(None)))
                case _:
                    await done(gate.settle(held, None))
        told = lines((await let_in(gate, who, Ask("m", 1))).headers)
        assert told[b"x-ratelimit-remaining-tokens"] == b"%d" % (most - used - 1)
        assert told[b"x-ratelimit-remaining-requests"] == b"%d" % (999 - requests)

    run(main())


@given(
    outputs=st.lists(st.integers(0, 100), min_size=1, max_size=60),
    cents=st.integers(0, 20),
)
def test_money_is_never_overspent_by_more_than_one_reservation(outputs: list[int], cents: int) -> None:
    """However many ask at once, when no answer comes to more than was reserved for it."""

    async def main() -> None:
        clock, who = Clock(), limited("sk-1", dollars=cents / 100)
        state = Distant(clock)
        gate = Gate(plan(who), state, clock)
        asks = [Ask("m", 0, output * 100) for output in outputs]  # a cent for ten
        found = await asyncio.gather(*(gate.admit(who, ask) for ask in asks), return_exceptions=True)
        held = [one for one in found if isinstance(one, Pass)]
        assert held or not cents
        name = held[0].meter.account if held else ""
        largest = max((one.reserved or 0 for one in held), default=0)
        assert await state.spent(name) <= cents * DOLLAR // 100 + largest
        for one in held:
            assert one.ask.output is not None
            await done(gate.settle(one, spent(Usage(output=one.ask.output))))
        assert await state.spent(name) == sum(one.reserved or 0 for one in held)

    run(main())


STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 5.0, 61.0]), st.sampled_from(["served", "unserved", "back"])),
    max_size=40,
)


@given(STEPS, st.booleans(), st.booleans())
def test_at_once_or_not_comes_to_the_same(steps: list[tuple[bool, float, str]], counted: bool, billed: bool) -> None:
    """Requests by either way are let in and refused as by the slow one alone, and cost the same."""
    allowed = (TEN, Limit(25, 86_400)) if counted else ()
    who = limited("sk-1", *allowed, dollars=0.003 if billed else None)
    one, other = Clock(), Clock()
    prices = PriceList(default=Price(10.0, 100.0))
    mixed, plain = opened(who, clock=one, prices=prices), opened(who, clock=other, prices=prices)
    ask = Ask("m", 10, 5)

    async def outcome(gate: Gate, *, at_once: bool, then: str) -> str:
        try:
            held = gate.at_once(who, "m", lambda: ask) if at_once else await gate.admit(who, ask)
        except Denied as denied:
            return denied.message
        if held is None:
            return "free"
        if then == "back":
            await done(gate.give_back(held))
        else:
            await done(gate.settle(held, spent(Usage(input=7, output=2)) if then == "served" else None))
        return then

    async def main() -> None:
        for at_once, pause, then in steps:
            one.at += pause
            other.at += pause
            mine = await outcome(mixed, at_once=at_once, then=then)
            assert mine == await outcome(plain, at_once=False, then=then)

    run(main())


def test_nothing_is_awaited_where_this_process_counts_itself() -> None:
    who = limited("sk-1", TEN, dollars=1)
    gate = opened(who)
    for came in (None, spent(Usage(input=3)), spent(None), spent(Usage(output=3), whole=False)):
        held = gate.at_once(who, "m", lambda: Ask("m", 10, 5))
        assert held is not None and gate.settle(held, came) is None
    held = gate.at_once(who, "m", lambda: Ask("m", 10, 5))
    assert held is not None and gate.give_back(held) is None
    again = gate.at_once(who, "m", lambda: Ask("m", 10, 5))
    assert again is not None and again.headers == held.headers


def test_two_things_to_await_are_one() -> None:
    done_so_far: list[str] = []

    async def note(what: str) -> None:
        done_so_far.append(what)

    assert both(None, None) is None
    for work in (both(note("a"), None), both(None, note("b")), both(note("c"), note("d"))):
        run(done(work))
    assert done_so_far == ["a", "b", "c", "d"]
