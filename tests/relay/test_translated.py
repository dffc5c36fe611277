"""What passes through canon: clients of the chat format before upstreams that speak others, over real sockets."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.answers import CHAT, CHAT_STREAM, GENERATED, GENERATED_STREAM, MESSAGE, MESSAGE_STREAM
from tests.fakes.upstream import Close, Repeat, Reset, Step, Upstream, answer, event, piece, stream, stream_head
from tests.fakes.wire import wait_until
from tests.gateway import Answer, Gateway
from tests.hostile.raw import connect
from tests.hostile.raw import request as raw_request
from tests.relay.chat import fails, request

ENGINES = {"gpt": "/v1", "claude": "/v1/messages", "gemini": "/v1beta"}
CHANNELS = {"gpt": "gpt", "claude": "claude", "gemini": "gemini", "gpt-last": "gpt"}
"""Channels in the order in which they are tried, and what they speak."""
PIXEL = "data:image/png;base64,iVBORw0KGgo="

WHOLE = {"gpt": CHAT, "claude": MESSAGE, "gemini": GENERATED, "gpt-last": CHAT}
STREAMED = {"gpt": CHAT_STREAM, "claude": MESSAGE_STREAM, "gemini": GENERATED_STREAM, "gpt-last": CHAT_STREAM}

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
EXHAUSTED = {
    "error": {
        "code": 429,
        "message": "Resource has been exhausted.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}],
    }
}


def named(data: dict[str, Any]) -> bytes:
    return event(data, data["type"])


START = named(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "c",
            "content": [],
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    }
)
BLOCK = named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
PING = named({"type": "ping"})
HALF = named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half"}})
PART = event({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "half"}]}}]})
EMPTY_PART = event({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": ""}]}}]})

USED_UP = {"error": {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED"}}
"""The same without a word on when to come back, so that the key does not rest."""

FAILURES = {"gpt": fails(500), "claude": answer(OVERLOADED, 529), "gemini": answer(USED_UP, 429)}

PAIRS = [
    *[("gpt", "claude"), ("gpt", "gemini"), ("claude", "gpt-last"), ("gemini", "gpt-last"), ("claude", "gemini")],
]
ALONE: list[tuple[str, ...]] = [("gpt",), ("claude",), ("gemini",), ("gpt-last",)]

EARLY: dict[str, dict[str, list[Step]]] = {
    "claude-error-first": {"claude": stream(named(OVERLOADED))},
    "claude-error-after-start": {"claude": stream(START, PING, BLOCK, named(OVERLOADED))},
    "claude-nameless-error": {"claude": stream(START, event(OVERLOADED))},
    "claude-empty": {"claude": stream()},
    "claude-start-only": {"claude": stream(START)},
    "claude-pings-only": {"claude": stream(PING, PING)},
    "claude-cut": {"claude": [stream_head(), piece(START), piece(BLOCK[:30]), Close()]},
    "claude-reset": {"claude": [stream_head(), piece(START), Reset()]},
    "claude-not-json": {"claude": stream(START, event("hello"))},
    "gemini-error-first": {"gemini": stream(event(USED_UP))},
    "gemini-error-after-nothing": {"gemini": stream(EMPTY_PART, event(USED_UP))},
    "gemini-empty": {"gemini": stream()},
    "gemini-cut": {"gemini": [stream_head(), piece(PART[:30]), Close()]},
    "gemini-not-json": {"gemini": stream(event("hello"))},
}
"""Streams that fail before they have said anything."""

LATE: dict[str, dict[str, list[Step]]] = {
    "claude-error-midway": {"claude": stream(START, BLOCK, HALF, named(OVERLOADED))},
    "claude-cut-midway": {"claude": [stream_head(), piece(START + BLOCK + HALF), Close()]},
    "claude-no-stop": {"claude": stream(START, BLOCK, HALF)},
    "claude-noise-midway": {"claude": stream(START, BLOCK, HALF, event("hello"))},
    "gemini-error-midway": {"gemini": stream(PART, event(USED_UP))},
    "gemini-cut-midway": {"gemini": [stream_head(), piece(PART), Close()]},
    "gemini-no-finish": {"gemini": stream(PART)},
}
"""Streams that fail after they have said something."""

OTHERS: dict[str, dict[str, list[Step]]] = {
    "json-claude": {"claude": MESSAGE},
    "json-gemini": {"gemini": GENERATED},
    "down": {"claude": answer(OVERLOADED, 529)},
    "down-later": {"claude": answer(OVERLOADED, 529), "gemini": answer(EXHAUSTED, 429)},
    "down-sooner": {"gpt": fails(500), "gemini": answer(EXHAUSTED, 429)},
    "told-in-stream": {"gemini": stream(event(EXHAUSTED))},
    "endless-claude": {"claude": [stream_head(), piece(START + BLOCK), Repeat(piece(HALF).data, 0.02)]},
    "endless-gemini": {"gemini": [stream_head(), Repeat(piece(PART).data, 0.02)]},
}


def cases() -> dict[str, dict[str, list[Step]]]:
    """What every channel does for each model: one that has no script does not offer the model."""
    found: dict[str, dict[str, list[Step]]] = dict(OTHERS) | LATE
    for name, scripts in EARLY.items():
        found[name] = {**scripts, "gpt-last": CHAT_STREAM}
    for streamed, good in ((False, WHOLE), (True, STREAMED)):
        for one in ALONE:
            found[model_of(one, streamed)] = {one[0]: good[one[0]]}
        for bad, then in PAIRS:
            found[model_of((bad, then), streamed)] = {bad: FAILURES[bad], then: good[then]}
    return found


def model_of(channels: tuple[str, ...], streamed: bool) -> str:
    return "+".join(channels) + ("+stream" if streamed else "")


def upstream_name(channel: str, case: str) -> str:
    return f"{channel}.{case}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    scripts = {upstream_name(channel, case): steps for case, does in cases().items() for channel, steps in does.items()}
    with Upstream(scripts) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    channels = [
        running.channel(
            channel,
            upstream.url + ENGINES[engine],
            [{upstream_name(channel, case): case} for case, does in cases().items() if channel in does],
            engine=engine,
            preferences={"model_timeout": {"default": 3}},
        )
        for channel, engine in CHANNELS.items()
    ]
    with running.gateway(running.config(*channels)) as gateway:
        yield gateway


def events_of(got: Answer) -> list[Any]:
    """The data of a stream's events: JSON, or the closing mark as text."""
    lines = [line[6:] for line in got.body.decode().splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def text_of(got: Answer) -> str:
    choices = [choice for one in events_of(got) if isinstance(one, dict) for choice in one.get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


RICH: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1.0}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}],
    "temperature": 0.50,
    "seed": 7,
    "max_tokens": 99,
    "prediction": {"type": "content", "content": "x"},
}
"""A request of which some can be said by one format only."""


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-to-".join(pair))
def test_formats_stand_in_for_each_other(gateway: Gateway, pair: tuple[str, str], streamed: bool) -> None:
    got = gateway.post(request(model_of(pair, streamed), stream=streamed))
    assert (got.status, got.headers["x-uni-api-attempts"], got.headers["x-uni-api-provider"]) == (200, "2", pair[1])
    if streamed:
        assert text_of(got) == "Hi."
        assert events_of(got)[-1] == "[DONE]"
    else:
        assert got.json()["choices"][0]["message"]["content"] == "Hi."
        assert got.json()["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-to-".join(pair))
def test_every_try_is_built_from_the_request_of_the_client(
    gateway: Gateway, upstream: Upstream, pair: tuple[str, str], streamed: bool
) -> None:
    """The second upstream is told the same as if it had been the first."""
    sent = []
    for channels in (pair, (pair[1],)):
        case = model_of(channels, streamed)
        assert gateway.post(request(case, stream=streamed, **RICH)).status == 200
        body = upstream.bodies(upstream_name(pair[1], case))[-1]
        body.pop("model", None)
        sent.append(body)
    assert sent[0] == sent[1]


def test_the_way_back_to_the_clients_own_format_loses_nothing(gateway: Gateway, upstream: Upstream) -> None:
    case = model_of(("claude", "gpt-last"), False)
    got = gateway.post(request(case, **RICH))
    assert got.headers["x-uni-api-attempts"] == "2"
    name = upstream_name("gpt-last", case)
    assert upstream.bodies(name)[-1] == {"model": name, **RICH}
    assert "x-uni-api-losses" not in got.headers


@pytest.mark.parametrize("case", EARLY)
def test_a_stream_that_fails_before_content_falls_back(gateway: Gateway, case: str) -> None:
    got = gateway.post(request(case, stream=True))
    assert (got.status, got.headers["x-uni-api-attempts"], got.headers["x-uni-api-provider"]) == (200, "2", "gpt-last")
    assert text_of(got) == "Hi."
    assert events_of(got)[-1] == "[DONE]"
    assert b"error" not in got.body


@pytest.mark.parametrize("case", LATE)
def test_a_stream_that_fails_after_content_says_so_and_is_not_done(gateway: Gateway, case: str) -> None:
    got = gateway.post(request(case, stream=True))
    assert (got.status, text_of(got)) == (200, "half")
    *before, last = events_of(got)
    assert set(last) == {"error"}
    assert {"message", "type", "param", "code"} <= set(last["error"])
    assert last["error"]["message"]
    assert "[DONE]" not in before
    finishes = [choice["finish_reason"] for one in before for choice in one.get("choices", ())]
    assert not any(finishes)


def test_an_error_in_a_stream_keeps_the_words_of_the_upstream(gateway: Gateway) -> None:
    got = gateway.post(request("claude-error-midway", stream=True))
    error = events_of(got)[-1]["error"]
    assert (error["message"], error["type"]) == ("Overloaded", "overloaded_error")


@pytest.mark.parametrize("case", ["json-claude", "json-gemini"])
def test_a_whole_answer_to_a_streaming_request_becomes_a_stream(gateway: Gateway, case: str) -> None:
    got = gateway.post(request(case, stream=True, stream_options={"include_usage": True}))
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/event-stream")
    assert text_of(got) == "Hi."
    *_, usage, done = events_of(got)
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 2, "[DONE]")


@pytest.mark.parametrize("channel", ["claude", "gemini"])
@pytest.mark.parametrize("asked", [False, True])
def test_usage_of_a_stream_is_shown_when_it_is_asked_for(gateway: Gateway, channel: str, asked: bool) -> None:
    more = {"stream_options": {"include_usage": True}} if asked else {}
    got = gateway.post(request(model_of((channel,), True), stream=True, **more))
    shown = [one["usage"] for one in events_of(got) if isinstance(one, dict) and one.get("usage")]
    assert [usage["total_tokens"] for usage in shown] == ([2] if asked else [])


def test_what_was_lost_is_told_in_a_header(gateway: Gateway) -> None:
    case = model_of(("claude",), False)
    assert "x-uni-api-losses" not in gateway.post(request(case)).headers
    lost = gateway.post(request(case, seed=7, logit_bias={"5": 1})).headers["x-uni-api-losses"]
    assert "sampling.seed" in lost
    assert "sampling.logit_bias" in lost


def test_what_was_lost_on_another_way_is_not_told(gateway: Gateway) -> None:
    """The losses of a try that failed are no business of the answer that came without any."""
    got = gateway.post(request(model_of(("claude", "gpt-last"), True), stream=True, seed=7))
    assert got.headers["x-uni-api-provider"] == "gpt-last"
    assert "x-uni-api-losses" not in got.headers


@pytest.mark.parametrize("channel", ["claude", "gemini"])
def test_no_field_name_breaks_the_header(gateway: Gateway, channel: str) -> None:
    evil = "x\r\nInjected: 1\r\n\r\n\x00\u2028\u00e9"
    got = gateway.post(request(model_of((channel,), False), **{evil: True}))
    assert got.status == 200
    assert "injected" not in got.headers
    assert got.headers["x-uni-api-losses"] == "x??Injected: 1???????"
    assert got.json()["choices"][0]["message"]["content"] == "Hi."


def test_a_thousand_lost_fields_do_not_burst_the_header(gateway: Gateway) -> None:
    unknown: dict[str, Any] = {f"unknown-{number}": 1 for number in range(1000)}
    got = gateway.post(request(model_of(("claude",), False), **unknown))
    assert got.status == 200
    assert len(got.headers["x-uni-api-losses"]) == 1000


def test_an_alias_brings_search_where_the_client_brings_no_tools() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    with Upstream({"gemini-2.5-flash": GENERATED}) as upstream:
        models = [{"gemini-2.5-flash": "g-search"}, {"gemini-2.5-flash": "g"}]
        channel = running.channel("gemini", f"{upstream.url}/v1beta", models, engine="gemini")
        with running.gateway(running.config(channel)) as gateway:
            for body in (request("g-search"), request("g-search", tools=tools), request("g")):
                assert gateway.post(body).status == 200
        searched, own, plain = (json.loads(one.body) for one in upstream.received)
    assert searched["tools"] == [{"googleSearch": {}}]
    assert [list(tool) for tool in own["tools"]] == [["functionDeclarations"]]
    assert "tools" not in plain


def test_overload_is_told_as_such(gateway: Gateway) -> None:
    got = gateway.post(request("down"))
    assert (got.status, got.headers["x-uni-api-attempts"]) == (529, "1")
    assert got.json()["error"]["message"] == "Overloaded"
    assert got.json()["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize(("case", "attempts"), [("down-later", "4"), ("down-sooner", "4"), ("told-in-stream", "1")])
def test_when_all_fail_the_client_is_told_when_to_come_back(gateway: Gateway, case: str, attempts: str) -> None:
    got = gateway.post(request(case, stream=case == "told-in-stream"))
    assert (got.status, got.headers["x-uni-api-attempts"]) == (429, attempts)
    assert got.headers["retry-after"] == "17"
    assert got.json()["error"]["message"] == "Resource has been exhausted."


@pytest.mark.parametrize("case", ["endless-claude", "endless-gemini"])
def test_a_client_that_leaves_frees_the_upstream(gateway: Gateway, upstream: Upstream, case: str) -> None:
    with closing(connect(gateway.port)) as wire:
        wire.sendall(raw_request(request(case, stream=True), close=False))
        seen = b""
        while b"half" not in seen:
            data = wire.recv(4096)
            assert data, seen
            seen += data
        connection = upstream.connections[upstream.received[-1].connection]
        assert connection.open
    left = time.monotonic()
    assert wait_until(lambda: not connection.open, 1.0), f"still open {time.monotonic() - left:.1f} s later"


REASONING = [
    # engine, upstream's name, alias, where the upstream is told
    ("claude", "claude-sonnet-4-5", "claude-sonnet-4-5-think-2048", {"type": "enabled", "budget_tokens": 2048}),
    ("gemini", "gemini-2.5-flash", "gemini-2.5-flash-think-2048", 2048),
    ("gemini", "gemini-3-pro-preview", "gemini-3-pro-preview-high", "high"),
    ("gpt", "gpt-5", "gpt-5-high", "high"),
]


def told_reasoning(body: Any) -> Any:
    """What a body of any format says of reasoning."""
    config = body.get("generationConfig", {}).get("thinkingConfig", {})
    found = [body.get("thinking"), body.get("reasoning_effort"), config.get("thinkingBudget")]
    found.append(config["thinkingLevel"].lower() if "thinkingLevel" in config else None)
    return next((one for one in found if one is not None), None)


@pytest.fixture(scope="module")
def special(upstream: Upstream) -> Iterator[Gateway]:
    """Channels with settings of their own. `only-...` and `over-...` are names that one channel offers."""
    upstream.scripts |= {
        name: {"gpt": CHAT, "claude": MESSAGE, "gemini": GENERATED}[engine] for engine, name, _, _ in REASONING
    }
    channels = [
        running.channel(f"thinks-{number}", upstream.url + ENGINES[engine], [{name: alias}, name], engine=engine)
        for number, (engine, name, alias, _) in enumerate(REASONING)
    ]
    laid = {"top_k": 5, "metadata": {"user_id": "ops"}, "over-claude": {"max_tokens": 77}}
    merged = {"generationConfig": {"topK": 5}, "over-gemini": {"generationConfig": {"maxOutputTokens": 77}}}
    for engine, path in ENGINES.items():
        limits = {"bare": {"tools": False, "image": False}, "mute": {"tools": False}, "blind": {"image": False}}
        for kind, flags in limits.items():
            name = f"{kind}-{engine}"
            upstream.scripts[name] = WHOLE[engine]
            channels.append(running.channel(name, upstream.url + path, [name], engine=engine, **flags))
    for engine, given in (("claude", laid), ("gemini", merged)):
        name = f"over-{engine}"
        upstream.scripts[name] = WHOLE[engine]
        preferences = {"post_body_parameter_overrides": given}
        channels.append(
            running.channel(name, upstream.url + ENGINES[engine], [name], engine=engine, preferences=preferences)
        )
    with running.gateway(running.config(*channels)) as gateway:
        yield gateway


@pytest.mark.parametrize(("engine", "name", "alias", "told"), REASONING, ids=lambda value: str(value)[:30])
def test_an_alias_asks_for_reasoning(
    special: Gateway, upstream: Upstream, engine: str, name: str, alias: str, told: Any
) -> None:
    assert special.post(request(alias)).status == 200
    assert told_reasoning(upstream.bodies(name)[-1]) == told
    assert special.post(request(name)).status == 200
    assert told_reasoning(upstream.bodies(name)[-1]) is None


@pytest.mark.parametrize(("engine", "name", "alias", "told"), REASONING, ids=lambda value: str(value)[:30])
def test_the_client_has_the_last_word_on_reasoning(
    special: Gateway, upstream: Upstream, engine: str, name: str, alias: str, told: Any
) -> None:
    assert special.post(request(alias, reasoning_effort="low")).status == 200
    assert told_reasoning(upstream.bodies(name)[-1]) not in (None, told)


def seeing() -> dict[str, Any]:
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    return {
        **RICH,
        "messages": [*RICH["messages"], {"role": "user", "content": [{"type": "text", "text": "?"}, picture]}],
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_a_channel_without_tools_is_told_of_none(special: Gateway, upstream: Upstream, engine: str) -> None:
    got = special.post(request(f"mute-{engine}", **seeing()))
    sent = json.dumps(upstream.bodies(f"mute-{engine}")[-1])
    assert got.status == 200
    assert "look" not in sent and "sun" not in sent and "tool" not in sent.lower()
    assert "iVBORw0KGgo=" in sent
    assert "Weather?" in sent and "Be brief." in sent
    assert got.headers["x-uni-api-losses"].startswith("tools")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_channel_without_images_is_shown_none(special: Gateway, upstream: Upstream, engine: str) -> None:
    got = special.post(request(f"blind-{engine}", **seeing()))
    sent = json.dumps(upstream.bodies(f"blind-{engine}")[-1])
    assert got.status == 200
    assert "iVBORw0KGgo=" not in sent
    assert "look" in sent and "sun" in sent
    assert "turns[4].parts[1]" in got.headers["x-uni-api-losses"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_channel_without_either_is_told_the_rest(special: Gateway, upstream: Upstream, engine: str) -> None:
    assert special.post(request(f"bare-{engine}", **seeing())).status == 200
    sent = json.dumps(upstream.bodies(f"bare-{engine}")[-1])
    assert "iVBORw0KGgo=" not in sent and "look" not in sent
    assert "Weather?" in sent


def test_overrides_are_laid_over_the_body_in_the_upstreams_format(special: Gateway, upstream: Upstream) -> None:
    assert special.post(request("over-claude", max_tokens=9, temperature=0.5)).status == 200
    sent = upstream.bodies("over-claude")[-1]
    assert (sent["max_tokens"], sent["top_k"], sent["metadata"], sent["temperature"]) == (
        77,
        5,
        {"user_id": "ops"},
        0.5,
    )
    assert special.post(request("over-gemini", max_tokens=9, temperature=0.5)).status == 200
    config = upstream.bodies("over-gemini")[-1]["generationConfig"]
    assert (config["maxOutputTokens"], config["topK"], config["temperature"]) == (77, 5, 0.5)
