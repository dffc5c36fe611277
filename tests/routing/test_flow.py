"""Candidates in the order in which they come up, pools within pools entered only when their turn comes."""

import asyncio
from collections.abc import Sequence

from tests.routing.plans import channel, client, plan
from uni_api.config.plan import Client, Rule
from uni_api.routing import Entry, Health, Pool, Router, Scheduler
from uni_api.routing.flow import Flow
from uni_api.state import LocalState

A, B, C, D = (channel(name, ["m"], position=at) for at, name in enumerate("abcd"))
DEEP = client("sk-deep", Rule(kind="channel", channel="c"), Rule(kind="channel", channel="d"))
INNER = client("sk-inner", Rule(kind="channel", channel="b"), Rule(kind="key", key=DEEP.key.digest))
OUTER = client("sk-outer", Rule(kind="key", key=INNER.key.digest), Rule(kind="channel", channel="a"))


class Asked(Scheduler):
    """Notes whose pools were put in order."""

    def __init__(self) -> None:
        super().__init__(Health(LocalState(lambda: 0.0)))
        self.asked: list[Client] = []

    async def arranged(self, pool: Pool) -> Sequence[Entry]:
        self.asked.append(pool.client)
        return await super().arranged(pool)


def come(barred: Sequence[Client] = (), *, bar_after: int = 0, skip_first: bool = False) -> tuple[list[str], Asked]:
    scheduler = Asked()
    pool = Router(plan([A, B, C, D], OUTER, INNER, DEEP)).pool(OUTER, "m")

    async def main() -> list[str]:
        flow = Flow(pool, scheduler)
        if skip_first:
            flow.pass_first()
        seen: list[str] = []
        while (found := await flow.next(set(barred) if len(seen) >= bar_after else set())) is not None:
            candidate, via = found
            seen.append("/".join([*(one.key.reveal() for one in via), candidate.channel.name]))
        return seen

    return asyncio.run(main()), scheduler


def test_pools_within_stand_in_their_place_with_the_way_that_leads_there() -> None:
    assert come()[0] == ["sk-inner/b", "sk-inner/sk-deep/c", "sk-inner/sk-deep/d", "a"]


def test_a_pool_is_put_in_order_when_it_comes_up() -> None:
    assert come()[1].asked == [OUTER, INNER, DEEP]
    assert come([INNER])[1].asked == [OUTER, INNER]


def test_a_barred_key_brings_nothing_from_then_on() -> None:
    assert come([INNER])[0] == ["a"]
    assert come([DEEP], bar_after=2)[0] == ["sk-inner/b", "sk-inner/sk-deep/c", "a"]


def test_the_first_may_have_come_up_elsewhere() -> None:
    assert come(skip_first=True)[0] == ["a"]
