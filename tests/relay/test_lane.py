"""What is decided once for a candidate: the way its bytes travel, where they go, and what is changed on the way."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from msgspec import structs

from tests.relay.wire import Wire
from uni_api.canon import Media, Reasoning
from uni_api.config.plan import Channel, Plan
from uni_api.config.policy import ByModel, WaitPolicy, WaitRule, Waits
from uni_api.demo import DemoUpstream
from uni_api.dialects import registry
from uni_api.dialects.edits import Edits
from uni_api.errors import Fault
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.base import REMOVE, Door, Given, Provider, Site
from uni_api.providers.bedrock import Bedrock
from uni_api.providers.demo import Demo
from uni_api.providers.gemini import Gemini
from uni_api.providers.openai import OpenAI
from uni_api.relay.lane import Lane
from uni_api.relay.tokens import Tokens
from uni_api.routing import Candidate, Try
from uni_api.secret import Secret
from uni_api.transport import Head, Proxy, Timeouts

HOST = Site(base_url="https://upstream.test/v1")


def channel(provider: Provider | None = None, **more: Any) -> Channel:
    return Channel(
        name="north",
        position=0,
        provider=provider or OpenAI(),
        doors=(Door(HOST, Secret("k1")), Door(HOST, Secret("k2"))),
        models={"m": ("up",)},
        **more,
    )


def candidate(where: Channel, alias: str = "m", model: str = "up") -> Candidate:
    return Candidate(where, alias, model)


def lane(
    where: Channel,
    wire: Wire | None = None,
    *,
    alias: str = "m",
    model: str = "up",
    plan: Plan | None = None,
    role: str | None = None,
) -> Lane:
    made = plan or Plan(channels=(where,), clients={})
    return Lane(
        candidate(where, alias, model),
        registry.front("openai_chat"),
        role,
        made,
        cast(Any, wire or Wire()),
        Tokens(cast(Any, wire), lambda: 0.0),
        {"demo": DemoUpstream()},
    )


@pytest.mark.parametrize(
    ("where", "verbatim"),
    [
        (channel(), True),
        (channel(tools=False), False),
        (channel(image=False), False),
        (channel(Anthropic()), False),
        (channel(Gemini()), False),
        (channel(Demo()), True),
    ],
    ids=["same format", "no tools", "no images", "anthropic", "gemini", "demo"],
)
def test_bytes_travel_untouched_where_nothing_has_to_change(where: Channel, verbatim: bool) -> None:
    assert (lane(where).verbatim is not None) is verbatim


def test_it_knows_whom_it_talks_to() -> None:
    found = lane(channel(Anthropic()), alias="m-think-2048")
    assert (found.dialect, found.back.name, found.realm) == ("anthropic", "anthropic", "anthropic:upstream.test")
    assert found.hints.reasoning == Reasoning(budget=2048)
    assert lane(channel(Anthropic())).hints.reasoning is None


@pytest.mark.parametrize(
    ("for_all", "for_alias", "edits", "dropped"),
    [
        ({}, {}, {}, set()),
        ({"a": 1}, {}, {"a": 1}, set()),
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}, set()),
        ({"a": {"x": 1, "y": {"z": 1}}}, {"a": {"y": {"w": 2}}}, {"a": {"x": 1, "y": {"z": 1, "w": 2}}}, set()),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}, set()),
        ({"a": REMOVE}, {}, {}, {"a"}),
        ({"a": REMOVE}, {"a": 1}, {"a": 1}, set()),
        ({"a": 1}, {"a": REMOVE}, {}, {"a"}),
    ],
)
def test_settings_of_the_model_come_after_those_of_the_channel(
    for_all: Mapping[str, Any], for_alias: Mapping[str, Any], edits: Mapping[str, Any], dropped: set[str]
) -> None:
    found = lane(channel(overrides=for_all, model_overrides={"m": for_alias, "other": {"never": 1}}))
    assert found.edits == Edits(set=edits, drop=frozenset(dropped))


def test_the_wait_is_that_of_the_model() -> None:
    own = channel(model_timeout=ByModel((("m", 7.0),)))
    wire = Wire()
    found = lane(own, wire)
    assert found.wait == 7.0
    asyncio.run(wire.sent(found, Try(found.candidate, 0)))
    assert (wire.timeouts[0].first_byte, wire.timeouts[0].idle) == (7.0, 7.0)
    assert lane(channel(), plan=Plan(channels=(), clients={}, timeout=33)).wait == 33


def test_the_policy_sets_every_phase_and_may_ask_for_anything_known_of_the_call() -> None:
    facts = {
        "endpoint": "/v1/chat/*",
        "request_type": "chat",
        "method": "post",
        "engine": "gpt",
        "provider": "north",
        "request_model": "m",
        "upstream_model": "UP",
        "role": "admin",
    }
    rule = WaitRule(tuple((name, (word,)) for name, word in facts.items()), Waits(connect=1, first_byte=2, total=9))
    policy = WaitPolicy(Waits(write=4, idle=5), (rule,))
    plan = Plan(channels=(), clients={}, wait_policy=policy, timeout=33)
    wire = Wire()
    found = lane(channel(), wire, plan=plan, role="admin")
    asyncio.run(wire.sent(found, Try(found.candidate, 0)))
    assert wire.timeouts == [Timeouts(connect=1, write=4, first_byte=2, idle=5, total=9)]
    assert found.wait == 2
    assert lane(channel(), plan=plan, role="other").wait == 33


def test_each_key_opens_its_own_door_and_a_stream_is_asked_for_as_one() -> None:
    wire = Wire()
    found = lane(channel(), wire)

    async def main() -> None:
        for place, stream in ((0, False), (1, False), (0, True), (0, False)):
            await wire.sent(found, Try(found.candidate, place), stream=stream)

    asyncio.run(main())
    keys = [b"authorization: bearer k1" in head.data.lower() for head in wire.heads]
    streams = [b"accept: text/event-stream" in head.data.lower() for head in wire.heads]
    assert (keys, streams) == ([True, False, True, True], [False, False, True, False])
    assert wire.heads[0] == wire.heads[3]
    assert all(head.data.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n") for head in wire.heads)


class AtOnce(Wire):
    """A wire over which something is sent at once."""

    def at_once(self, head: Head, body: bytes, *, timeouts: Timeouts, proxy: Proxy | None) -> Any:
        self.heads.append(head)
        self.timeouts.append(timeouts)
        self.proxies.append(proxy)
        return "begun"


def test_at_once_says_what_was_said_before_and_only_where_that_is_known() -> None:
    wire = AtOnce()
    found = lane(channel(proxy=Secret("http://proxy.test:3128")), wire)

    async def main() -> None:
        for place, stream in ((0, False), (1, True)):
            attempt = Try(found.candidate, place)
            assert found.at_once(attempt, b"{}", stream=stream) is None
            await wire.sent(found, attempt, stream=stream)
            assert found.at_once(attempt, b"{}", stream=not stream) is None
            assert cast(Any, found.at_once(attempt, b"{}", stream=stream)) == "begun"

    asyncio.run(main())
    assert len(wire.heads) == 4
    for said in (wire.heads, wire.timeouts, wire.proxies):
        assert said[0] == said[1] and said[2] == said[3]


def test_nothing_is_said_at_once_inside_the_process_or_with_a_signature() -> None:
    given = Given(aws_access_key=Secret("AKID"), aws_secret_key=Secret("secret"))
    for provider in (Demo(), Bedrock()):
        wire = AtOnce()
        own = channel(provider)
        if isinstance(provider, Bedrock):
            own = structs.replace(own, doors=provider.doors(given))
        found = lane(own, wire, model="anthropic.claude-3-haiku-20240307-v1:0")
        attempt = Try(found.candidate, 0)
        if isinstance(provider, Bedrock):
            found.way(attempt, stream=False)
        assert found.at_once(attempt, b"{}", stream=False) is None
        assert wire.heads == []


def test_headers_of_the_channel_replace_those_of_the_provider() -> None:
    wire = Wire()
    found = lane(channel(headers=(("Authorization", "Basic x"), ("X-Own", "1"))), wire)
    asyncio.run(wire.sent(found, Try(found.candidate, 0)))
    lines = wire.heads[0].data.lower().split(b"\r\n")
    assert [line for line in lines if line.startswith(b"authorization")] == [b"authorization: basic x"]
    assert b"x-own: 1" in lines


def test_a_channel_without_keys_offers_none() -> None:
    wire = Wire()
    found = lane(structs.replace(channel(), doors=(Door(HOST),)), wire)
    asyncio.run(wire.sent(found, Try(found.candidate, 0)))
    assert b"authorization" not in wire.heads[0].data.lower()


def test_a_head_that_can_not_be_made_is_a_fault_without_the_key() -> None:
    bad = structs.replace(channel(), doors=(Door(HOST, Secret("k\r\nevil: 1")),))
    wire = Wire()
    found = lane(bad, wire)
    with pytest.raises(Fault) as caught:
        asyncio.run(wire.sent(found, Try(found.candidate, 0)))
    assert (caught.value.kind, wire.heads) == ("connect", [])
    assert "evil" not in caught.value.message


def test_the_proxy_is_used_and_its_password_not_shown() -> None:
    wire = Wire()
    found = lane(channel(proxy=Secret("http://user:secret@proxy.test:3128")), wire)
    asyncio.run(wire.sent(found, Try(found.candidate, 0)))
    (proxy,) = wire.proxies
    assert proxy is not None
    assert (proxy.host, proxy.port) == ("proxy.test", 3128)
    assert "secret" not in repr(found) + repr(proxy)


def test_an_upstream_inside_the_process_needs_no_wire() -> None:
    wire = Wire()
    found = lane(channel(Demo()), wire)
    body = b'{"model":"m","messages":[]}'
    response = asyncio.run(wire.sent(found, Try(found.candidate, 0), body))
    assert (response.status, wire.heads) == (200, [])


def test_the_name_shown_fits_into_a_header() -> None:
    assert (
        lane(structs.replace(channel(), name="n\u00f6rd\r\n\u2028")).signed
        == b"x-uni-api-provider: n\\xf6rd\\r\\n\\u2028\r\n"
    )
    assert lane(channel()).signed == b"x-uni-api-provider: north\r\n"


@pytest.mark.parametrize(
    ("model", "fetched"), [("anthropic.claude-3-haiku-20240307-v1:0", True), ("claude-3-haiku-20240307", False)]
)
def test_a_host_may_not_fetch_links_that_its_dialect_has(model: str, fetched: bool) -> None:
    provider = Bedrock() if fetched else Anthropic()
    made = lane(channel(provider), model=model)
    assert made.dialect == "anthropic"
    assert made.needs_bytes(Media(kind="image", url="https://a.example/x.png")) is fetched
    assert not made.needs_bytes(Media(kind="image", data=b"x"))
