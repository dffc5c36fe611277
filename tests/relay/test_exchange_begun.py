"""An exchange in steps: what is begun without waiting, what is heard of it, and what `run` goes on with."""

import asyncio
from typing import Any

from tests import gateway as running
from tests.fakes.upstream import Hang, Step, Upstream
from tests.relay.chat import fails, request, says
from tests.server.conftest import LOOPS
from tests.server.inside import Inside, inside, planned
from tests.server.test_connection import came_true
from uni_api.dialects import registry
from uni_api.relay import Answer, Exchange

FRONT = registry.front("openai_chat")
SILENCE: list[Step] = [Hang()]


def config(*ups: Upstream, **client: Any) -> dict[str, Any]:
    channels = [running.channel(name, f"{up.url}/v1", ["m"]) for name, up in zip("abc", ups, strict=False)]
    return running.config(*channels, **client)


def exchange(on: Inside, body: bytes = b"") -> Exchange:
    (client,) = on.app.gateway._plan.clients.values()
    return on.app._relay.exchange(FRONT, body or request(), client, b"id-1")


async def warm(on: Inside) -> None:
    answer = await exchange(on).run()
    assert answer.status == 200


async def heard(one: Exchange) -> Answer | None:
    """What comes of what was begun."""
    news = asyncio.Event()
    assert one.begin(news.set)
    assert one.waits
    while one.waits:
        await news.wait()
        news.clear()
    return one.come()


def run(main: Any) -> None:
    async def within() -> None:
        async with asyncio.timeout(10):
            await main()

    with asyncio.Runner(loop_factory=LOOPS["uvloop"]) as runner:
        runner.run(within())


def test_the_first_on_a_channel_is_not_begun_and_run_does_all_of_it() -> None:
    async def main() -> None:
        with Upstream({"m": says("good")}) as a:
            async with inside(config(a)) as on:
                one = exchange(on)
                assert not one.begin(lambda: None)
                answer = await one.run()
                assert (answer.status, a.asked["m"]) == (200, 1)

    run(main)


def test_what_was_begun_comes_to_an_answer_as_run_would_give_it() -> None:
    async def main() -> None:
        with Upstream({"m": says("good")}) as a:
            async with inside(config(a)) as on:
                await warm(on)
                answer, other = await heard(exchange(on)), await exchange(on).run()
                assert answer is not None and (answer.status, answer.body) == (other.status, other.body)
                lines = [b"".join(each.headers).split(b"\r\n") for each in (answer, other)]
                assert sorted(lines[0]) == sorted(lines[1])

    run(main)


def test_what_the_client_did_wrong_is_for_run_to_say() -> None:
    async def main() -> None:
        with Upstream({"m": says("good")}) as a:
            async with inside(config(a, preferences={"rate_limit": "2/min"})) as on:
                await warm(on)
                found = []
                for body in (b"{", request("nobody"), request(), request()):
                    one = exchange(on, body)
                    begun = one.begin(lambda: None)
                    found.append((begun, (await one.run()).status))
                assert found == [(False, 400), (False, 404), (True, 200), (False, 429)]
                assert a.asked["m"] == 2

    run(main)


def test_run_goes_on_with_what_was_begun_whenever_it_is_called() -> None:
    async def main() -> None:
        with Upstream({"m": says("good")}) as a:
            async with inside(config(a)) as on:
                await warm(on)
                for pause in (0, 0.03):
                    one = exchange(on)
                    assert one.begin(lambda: None)
                    await asyncio.sleep(pause)
                    assert (await one.run()).status == 200
                assert (a.asked["m"], len(a.connections)) == (3, 1)

    run(main)


def test_what_was_begun_and_failed_is_the_first_of_the_tries() -> None:
    async def main() -> None:
        with Upstream({"m": [says("good"), fails(500)]}) as a, Upstream({"m": says("other")}) as b:
            async with inside(config(a, b)) as on:
                await warm(on)
                one = exchange(on)
                assert await heard(one) is None
                answer = await one.run()
                assert b"x-uni-api-attempts: 2\r\n" in answer.headers and b"other" in answer.body
                assert (a.asked["m"], b.asked["m"]) == (2, 1)

    run(main)


def test_who_gives_up_lets_go_of_the_upstream_and_hears_nothing_more() -> None:
    async def main() -> None:
        with Upstream({"m": [says("good"), SILENCE]}) as a:
            async with inside(config(a)) as on:
                await warm(on)
                one, news = exchange(on), list[int]()
                assert one.begin(lambda: news.append(1))
                await came_true(lambda: a.asked["m"] == 2)
                one.cancel(None)
                one.cancel(None)
                await came_true(lambda: a.open_connections == 0)
                assert news == []

    run(main)


def test_giving_up_before_anything_was_begun_is_nothing() -> None:
    async def main() -> None:
        with Upstream({"m": says("good")}) as a:
            async with inside(config(a, preferences={"rate_limit": "5/min", "credits": 1})) as on:
                exchange(on).cancel(None)
                one = exchange(on)
                assert not one.begin(lambda: None)
                one.cancel(None)
                assert a.asked == {}

    run(main)


def test_a_new_plan_does_not_lose_what_was_begun_under_the_old_one() -> None:
    """Not even one that asks several channels at a time from now on."""

    async def main() -> None:
        with Upstream({"m": says("good")}) as a, Upstream({"m": says("other")}) as b:
            made = config(a, b)
            async with inside(made) as on:
                await warm(on)
                one = exchange(on)
                assert one.begin(lambda: None)
                made["preferences"] = {"hedging": {"enabled": True, "after": 5}}
                on.app.gateway.use(planned(made))
                answer = await one.run()
                assert b"good" in answer.body and b"x-uni-api-provider: a\r\n" in answer.headers
                assert b"x-uni-api-attempts: 1\r\n" in answer.headers
                assert (a.asked["m"], b.asked) == (2, {})

    run(main)


def test_what_passed_in_one_turn_is_settled_in_the_next_and_a_failure_spoils_no_other() -> None:
    async def main() -> None:
        loop, complaints = asyncio.get_running_loop(), list[str]()
        settled: list[int] = []

        def passed(number: int) -> Answer:
            def settle(answer: Answer) -> None:
                settled.append(number)
                if number == 2:
                    raise ValueError("on purpose")

            return Answer(200, [], settle=settle)

        with Upstream({"m": says("good")}) as a:
            async with inside(config(a)) as on:
                loop.set_exception_handler(lambda _, told: complaints.append(str(told["exception"])))
                for number in (1, 2, 3):
                    on.app._relay.settle_soon(passed(number))
                assert settled == []
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert sorted(settled) == [1, 2, 3] and complaints == ["on purpose"]
                on.app._relay.settle_soon(passed(4))
                await asyncio.sleep(0)
                assert settled[3:] == [4]

    run(main)
