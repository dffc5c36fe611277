"""Attempts in turn and side by side: who wins, what follows a failure, and that the losers let go."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from tests.routing.plans import channel, client, plan
from uni_api.config.policy import Hedging
from uni_api.errors import Fault
from uni_api.relay.race import FADE, Hedges, in_turn, raced
from uni_api.relay.verdict import Verdict
from uni_api.routing import Health, KeyRing, Router, Scheduler, Tries, Try

T = TypeVar("T")

SOON = Hedging(after=0.01, most=2, share=1.0)


class Won:
    def __init__(self, name: str) -> None:
        self.name = name
        self.abandoned = False

    def abandon(self) -> None:
        self.abandoned = True


class Story:
    """What each channel does: a number of seconds and then content, or a Fault; and what became of it."""

    def __init__(self, **channels: float | Fault) -> None:
        self.channels = channels
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.failed: list[str] = []
        self.won: list[Won] = []
        self.second = asyncio.Event()
        self.verdict = Verdict.NEXT_CHANNEL

    def tries(self, auto_retry: bool | int = True) -> Tries:
        who = client("sk-1")
        found = plan([channel(name, ["m"]) for name in self.channels], who)
        return Tries(Router(found).pool(who, "m"), KeyRing(), Scheduler(Health()), auto_retry)

    async def attempt(self, chosen: Try) -> Won:
        name = chosen.candidate.channel.name
        self.begun.append(name)
        if len(self.begun) == 2:
            self.second.set()
        act = self.channels[name]
        if isinstance(act, Fault):
            raise act
        try:
            await asyncio.sleep(act)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        self.won.append(Won(name))
        return self.won[-1]

    async def note(self, chosen: Try, fault: Fault) -> Verdict:
        self.failed.append(chosen.candidate.channel.name)
        return self.verdict


def run(make: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        async with asyncio.timeout(5):
            return await make()

    return asyncio.run(main())


def race(story: Story, rule: Hedging = SOON, *, requests: int = 0, auto_retry: bool | int = True) -> Won | None:
    hedges = Hedges(rule)
    for _ in range(requests):
        hedges.counted()
    return run(lambda: raced(story.tries(auto_retry), hedges, story.attempt, story.note))


NO = Fault("overloaded", "no")


def test_in_turn_goes_on_after_failures_as_it_is_told() -> None:
    story = Story(a=NO, b=0, c=0)
    won = run(lambda: in_turn(story.tries(), story.attempt, story.note))
    assert won is not None and won.name == "b"
    assert (story.begun, story.failed) == (["a", "b"], ["a"])


def test_in_turn_ends_when_nothing_may_follow() -> None:
    story = Story(a=NO, b=0)
    story.verdict = Verdict.REFUSE
    assert run(lambda: in_turn(story.tries(), story.attempt, story.note)) is None
    assert story.begun == ["a"]


def test_a_prompt_answer_asks_nobody_else() -> None:
    story = Story(a=0, b=0)
    won = race(story)
    assert won is not None and (won.name, story.begun) == ("a", ["a"])


def test_a_late_channel_loses_to_the_next_and_is_called_off() -> None:
    story = Story(a=60, b=0)
    won = race(story)
    assert won is not None and won.name == "b"
    assert (story.begun, story.cancelled, story.failed) == (["a", "b"], ["a"], [])


def test_the_first_may_still_win() -> None:
    story = Story(a=0.1, b=60)
    won = race(story)
    assert won is not None and won.name == "a"
    assert story.cancelled == ["b"]


def test_no_more_than_most_are_under_way() -> None:
    story = Story(a=60, b=0.2, c=0)
    won = race(story)
    assert won is not None and won.name == "b"
    assert story.begun == ["a", "b"]


def test_a_failure_beside_one_that_waits_does_not_end_the_race() -> None:
    story = Story(a=0.1, b=NO, c=60)
    won = race(story)
    assert won is not None and won.name == "a"
    assert story.failed == ["b"]


def test_when_all_fail_there_is_nobody() -> None:
    story = Story(a=NO, b=NO)
    assert race(story) is None
    assert story.failed == ["a", "b"]


@pytest.mark.parametrize(("rule", "times"), [(SOON, 3), (Hedging(after=0.01, most=3, share=1.0), 3)])
def test_who_fails_beside_others_is_tried_again_as_often_as_in_turn(rule: Hedging, times: int) -> None:
    story = Story(a=0.04, b=0.04, c=0.04)
    story.verdict = Verdict.RETRY

    async def fail(chosen: Try) -> Won:
        await story.attempt(chosen)
        raise NO

    assert run(lambda: raced(story.tries(), Hedges(rule), fail, story.note)) is None
    assert Counter(story.failed) == {"a": times, "b": times, "c": times}


def test_another_key_is_one_of_the_channel_that_failed() -> None:
    who = client("sk-1")
    found = plan([channel("a", ["m"], keys=["1", "2"]), channel("b", ["m"], keys=["1", "2"])], who)
    tries = Tries(Router(found).pool(who, "m"), KeyRing(), Scheduler(Health()), True)
    begun: list[str] = []

    async def attempt(chosen: Try) -> Won:
        begun.append(chosen.candidate.channel.name)
        if len(begun) == 3:
            return Won("third")
        await asyncio.sleep(0.1 if begun == ["a"] else 0)
        raise Fault("rate", "no")

    async def note(chosen: Try, fault: Fault) -> Verdict:
        return Verdict.NEXT_KEY

    assert run(lambda: raced(tries, Hedges(SOON), attempt, note)) is not None
    assert begun == ["a", "b", "a"]


def test_a_refusal_of_the_request_calls_everybody_off() -> None:
    story = Story(a=60, b=NO)
    story.verdict = Verdict.REFUSE
    assert race(story) is None
    assert story.cancelled == ["a"]


def test_an_extra_attempt_that_the_share_does_not_allow_is_not_made() -> None:
    story = Story(a=0.1, b=0)
    won = race(story, Hedging(after=0.01, most=2, share=0.1))
    assert won is not None and (won.name, story.begun) == ("a", ["a"])
    story = Story(a=60, b=0)
    won = race(story, Hedging(after=0.01, most=2, share=0.1), requests=20)
    assert won is not None and won.name == "b"


def test_the_budget_of_tries_holds_for_extra_attempts_too() -> None:
    story = Story(a=0.1, b=0)
    won = race(story, auto_retry=False)
    assert won is not None and (won.name, story.begun) == ("a", ["a"])


def test_where_there_is_nobody_else_the_share_is_left_to_others() -> None:
    hedges = Hedges(SOON)
    alone = Story(a=0.05)
    assert run(lambda: raced(alone.tries(), hedges, alone.attempt, alone.note)) is alone.won[0]
    assert alone.begun == ["a"]
    assert hedges.take()


def test_a_number_of_retries_asks_nobody_twice_at_one_time() -> None:
    hedges = Hedges(SOON)
    alone = Story(a=0.05)
    assert run(lambda: raced(alone.tries(3), hedges, alone.attempt, alone.note)) is alone.won[0]
    assert alone.begun == ["a"]
    failing = Story(a=NO)
    failing.verdict = Verdict.RETRY
    assert race(failing, auto_retry=3) is None
    assert failing.begun == ["a"] * 4


def test_who_leaves_calls_everybody_off() -> None:
    story = Story(a=60, b=60)

    async def main() -> None:
        task = asyncio.create_task(raced(story.tries(), Hedges(SOON), story.attempt, story.note))
        await story.second.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert sorted(story.cancelled) == ["a", "b"]


def test_two_winners_at_once_leave_one_that_lets_go() -> None:
    story = Story(a=0.05, b=0.03)
    both_won = asyncio.Event()

    async def both(chosen: Try) -> Won:
        won = await story.attempt(chosen)
        if len(story.won) == 2:
            both_won.set()
        await both_won.wait()
        return won

    won = run(lambda: raced(story.tries(), Hedges(SOON), both, story.note))
    assert won is not None and not won.abandoned
    [other] = [each for each in story.won if each is not won]
    assert other.abandoned


def test_the_share_is_kept_over_many_requests_and_old_calm_fades() -> None:
    hedges = Hedges(Hedging(share=0.05))
    taken = 0
    for _ in range(3 * FADE):
        hedges.counted()
        taken += hedges.take()
    assert taken <= 0.05 * 3 * FADE + 1
    assert taken >= 0.049 * 3 * FADE
