"""Conversations stay where they were, and sealed reasoning goes home; neither is insisted on."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct

from tests import gateway as running
from tests.fakes.upstream import Upstream
from tests.gateway import Gateway
from tests.relay.chat import fails, says
from tests.routing.plans import channel, client, plan
from uni_api.canon import Seal, pack
from uni_api.config.plan import Client, Rule
from uni_api.config.policy import Affinity
from uni_api.errors import Fault
from uni_api.relay.affinity import MOST_KEPT, Memory
from uni_api.routing import Candidate, Health, Pool, Preference, Router, Try

WHO = client("sk-1")
A = channel("a", ["m"], keys=("k1", "k2", "k3"))
B = channel("b", ["m"], keys=("k1", "k2"), position=1)


class Seen(Struct, frozen=True):
    """What is known of a request."""

    model: str = "m"
    opening: bytes = b"begins"
    stream: bool = False
    usage_shown: bool = False
    sealed: bool = False
    developer: bool = False
    thoughts: bool = False
    most_output: int | None = None
    fields: dict[str, Any] = {}


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory:
    return Memory(Affinity(seconds=60), Health(now=clock), clock)


def pool(*rules: Rule, clients: tuple[Client, ...] = ()) -> Pool:
    who = client("sk-1", *rules)
    return Router(plan([A, B], who, *clients)).pool(who, "m")


def found(pool: Pool, name: str) -> Candidate:
    return next(candidate for candidate, _ in pool.ways() if candidate.channel.name == name)


def thread(memory: Memory, who: Client = WHO, seen: Seen | None = None, session: bytes | None = None) -> int:
    known = memory.thread(who, seen or Seen(), session)
    assert known is not None
    return known


def test_who_served_last_is_preferred_with_the_same_key(memory: Memory) -> None:
    every = pool()
    assert memory.preference(every, thread(memory), None) is None
    memory.worked(thread(memory), Try(found(every, "b"), 1))
    assert memory.preference(every, thread(memory), None) == Preference(found(every, "b"), 1)
    memory.worked(thread(memory), Try(found(every, "a"), 2))
    assert memory.preference(every, thread(memory), None) == Preference(found(every, "a"), 2)


@pytest.mark.parametrize(
    ("who", "seen", "session"),
    [
        (client("sk-2"), Seen(), None),
        (WHO, Seen(model="n"), None),
        (WHO, Seen(opening=b"other"), None),
        (WHO, Seen(), b"begins"),
    ],
)
def test_another_conversation_is_another(memory: Memory, who: Client, seen: Seen, session: bytes | None) -> None:
    assert thread(memory) == thread(memory)
    assert thread(memory, who, seen, session) != thread(memory)


def test_an_id_counts_more_than_how_it_begins(memory: Memory) -> None:
    assert thread(memory, session=b"s") == thread(memory, seen=Seen(opening=b"other"), session=b"s")


def test_by_session_alone(memory: Memory) -> None:
    memory.use(Affinity(by="session"))
    assert memory.thread(WHO, Seen(), None) is None
    assert memory.thread(WHO, Seen(), b"") is None
    assert memory.thread(WHO, Seen(), b"s") is not None


def test_without_a_rule_nothing_is_remembered(memory: Memory) -> None:
    memory.worked(thread(memory), Try(found(pool(), "b"), 0))
    known = thread(memory)
    memory.use(None)
    assert memory.thread(WHO, Seen(), b"s") is None
    memory.worked(known, Try(found(pool(), "b"), 0))
    assert memory.preference(pool(), known, None) is None


def test_it_is_forgotten_after_a_while_without_an_answer(memory: Memory, clock: Clock) -> None:
    every, known = pool(), thread(memory)
    for _ in range(3):
        memory.worked(known, Try(found(every, "b"), 0))
        clock.time += 59
        assert memory.preference(every, known, None) is not None
    clock.time += 1
    assert memory.preference(every, known, None) is None


def test_a_failure_is_forgotten_and_another_one_s_is_not(memory: Memory) -> None:
    every, known = pool(), thread(memory)
    memory.worked(known, Try(found(every, "b"), 0))
    memory.failed(known, Try(found(every, "b"), 1))
    memory.failed(known, Try(found(every, "a"), 0))
    assert memory.preference(every, known, None) is not None
    memory.failed(known, Try(found(every, "b"), 0))
    assert memory.preference(every, known, None) is None


def test_who_rests_is_not_preferred(clock: Clock) -> None:
    health = Health(now=clock)
    memory, every = Memory(Affinity(), health, clock), pool()
    memory.worked(thread(memory), Try(found(every, "b"), 0))
    asyncio.run(health.failed(found(every, "b"), Fault("overloaded", "no"), only=False))
    assert memory.preference(every, thread(memory), None) is None
    assert memory.preference(every, None, _home(found(every, "b"))) == Preference(found(every, "a"))


def test_a_new_plan_keeps_what_is_still_there(memory: Memory) -> None:
    memory.worked(thread(memory), Try(found(pool(), "a"), 2))
    again = pool()
    assert memory.preference(again, thread(memory), None) == Preference(found(again, "a"), 2)
    fewer = channel("a", ["m"], keys=("k1", "other"))
    left = Router(plan([fewer], WHO)).pool(WHO, "m")
    assert memory.preference(left, thread(memory), None) == Preference(found(left, "a"), None)
    gone = Router(plan([B], WHO)).pool(WHO, "m")
    assert memory.preference(gone, thread(memory), None) is None


def test_it_comes_by_way_of_the_key_that_leads_there(memory: Memory) -> None:
    inner = client("sk-inner", Rule(kind="channel", channel="b"))
    every = pool(Rule(kind="channel", channel="a"), Rule(kind="key", key=inner.key.digest), clients=(inner,))
    memory.worked(thread(memory), Try(found(every, "b"), 0))
    assert memory.preference(every, thread(memory), None) == Preference(found(every, "b"), 0, (inner,))


def test_it_does_not_grow_without_end(memory: Memory) -> None:
    chosen = Try(found(pool(), "a"), 0)
    for number in range(MOST_KEPT + 10):
        memory.worked(number, chosen)
        memory.worked(0, chosen)
    assert memory.preference(pool(), 1, None) is None
    assert memory.preference(pool(), 0, None) is not None
    assert repr(memory) == f"<Memory of {MOST_KEPT} conversations>"


def _home(candidate: Candidate) -> str:
    return candidate.channel.provider.realm(candidate.channel.doors[0].site, candidate.model)


# Through a running gateway

CHANNELS = ("a", "b")


class Hosts:
    """Two channels with three keys each, and a gateway in front."""

    def __init__(self, gateway: Gateway, upstreams: tuple[Upstream, Upstream]) -> None:
        self.gateway = gateway
        self.upstreams = upstreams

    def ask(self, messages: list[Any], model: str = "m", **headers: str) -> tuple[str, str | None]:
        """The channel and the key by which the request was served."""
        got = self.gateway.post(json.dumps({"model": model, "messages": messages}).encode(), headers)
        assert got.status == 200, got.body
        name = got.headers["x-uni-api-provider"]
        return name, self.upstreams[CHANNELS.index(name)].received[-1].header("authorization")


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    good = says("good")
    one: dict[str, Any] = {"m": good, "breaks": [good, good, fails(500)]}
    other: dict[str, Any] = {"m": good, "breaks": good}
    with Upstream(one) as a, Upstream(other) as b:
        entries = [
            running.channel(name, f"{host.url}/v1", ["m", "breaks"]) | {"api": [f"sk-{name}-{key}" for key in range(3)]}
            for name, host in zip(CHANNELS, (a, b), strict=True)
        ]
        document = running.config(*entries, preferences={"SCHEDULING_ALGORITHM": "round_robin"})
        document["api_keys"].append({"api": "sk-in-order", "model": ["a/*", "b/*"]})
        document["preferences"] = {"affinity": {"seconds": 60}}
        with running.gateway(document) as gateway:
            yield Hosts(gateway, (a, b))


def said(*texts: str) -> list[Any]:
    roles = ("user", "assistant")
    return [{"role": roles[index % 2], "content": text} for index, text in enumerate(texts)]


def test_a_conversation_that_grows_stays_with_its_channel_and_key(hosts: Hosts) -> None:
    texts = ["how?", "so"]
    first = hosts.ask(said("how?"))
    for turn in range(9):
        texts += [f"and {turn}?", "so"]
        assert hosts.ask(said(*texts[:-1])) == first


def test_conversations_are_spread_as_ever(hosts: Hosts) -> None:
    served = [hosts.ask(said(f"question {number}")) for number in range(12)]
    assert {name for name, _ in served} == {"a", "b"}
    assert len({key for _, key in served}) == 6


def test_an_id_keeps_requests_together_that_have_nothing_in_common(hosts: Hosts) -> None:
    headers = {"X-Session-Id": "a session"}
    assert len({hosts.ask(said(f"other {number}"), **headers) for number in range(10)}) == 1


def test_who_fails_is_left_and_the_conversation_moves(hosts: Hosts) -> None:
    headers = {"Authorization": "Bearer sk-in-order"}
    first = [hosts.ask(said("x"), "breaks", **headers) for _ in range(2)]
    assert first[0] == first[1] and first[0][0] == "a"
    moved = [hosts.ask(said("x"), "breaks", **headers) for _ in range(3)]
    assert len(set(moved)) == 1 and moved[0][0] == "b"
    assert hosts.upstreams[0].asked["breaks"] == 3


@pytest.mark.parametrize(("place", "name"), [(0, "a"), (1, "b")])
def test_sealed_reasoning_goes_to_who_can_open_it(hosts: Hosts, place: int, name: str) -> None:
    headers = {"Authorization": "Bearer sk-in-order"}
    host = hosts.upstreams[place].url.removeprefix("http://")
    token = pack(Seal(realm=f"openai_chat:{host}", token="blob"))
    thought = {"type": "reasoning.encrypted", "data": token}
    messages = [*said("q"), {"role": "assistant", "content": "so", "reasoning_details": [thought]}, *said("more")]
    assert hosts.ask(messages, **headers)[0] == name


def test_seals_of_nobody_here_change_nothing(hosts: Hosts) -> None:
    token = pack(Seal(realm="elsewhere", token="blob"))
    thought = {"type": "reasoning.encrypted", "data": token}
    messages = [*said("z"), {"role": "assistant", "content": "so", "reasoning_details": [thought]}, *said("more")]
    assert hosts.ask(messages, Authorization="Bearer sk-in-order")[0] == "a"
