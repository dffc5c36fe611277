"""Fallback, commit and what the client is told, over real sockets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import (
    END,
    Close,
    Reset,
    Send,
    Step,
    Upstream,
    Wait,
    answer,
    event,
    piece,
    stream,
    stream_head,
)
from tests.gateway import Gateway
from tests.relay.chat import DONE, ROLE, USAGE, USAGE_ONLY, completion, delta, fails, request, says, streams

GOOD = "good"
CUT_OFF = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "length"}]}
NOTHING = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]}
MODELS: dict[str, tuple[list[Step], list[Step]]] = {
    # name: (what channel a does, what channel b does)
    "500": (fails(500), says(GOOD)),
    "502-html": (answer(b"<html>bad gateway</html>", 502, kind="text/html"), says(GOOD)),
    "503": (fails(503), says(GOOD)),
    "529": (fails(529), says(GOOD)),
    "408": (fails(408), says(GOOD)),
    "429": (fails(429), says(GOOD)),
    "401": (fails(401), says(GOOD)),
    "403": (fails(403), says(GOOD)),
    "404": (fails(404), says(GOOD)),
    "page": (answer(b"\r\n<html><center>nginx</center></html>", 400, kind="text/html"), says(GOOD)),
    "redirect": (answer(b"", 302, (("Location", "http://127.0.0.1:1/"),)), says(GOOD)),
    "reset": ([Reset()], says(GOOD)),
    "close": ([Close()], says(GOOD)),
    "garbage": ([Send(b"garbage\r\n\r\n"), Close()], says(GOOD)),
    "half-body": ([Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"), Close()], says(GOOD)),
    "200-error": (answer({"error": {"message": "no", "code": 500}}), says(GOOD)),
    "200-html": (answer(b"<html></html>", kind="text/html"), says(GOOD)),
    "200-empty": (answer(b""), says(GOOD)),
    "no-choices": (answer({"id": "x", "choices": []}), says(GOOD)),
    "says-nothing": (answer(NOTHING), says(GOOD)),
    "says-null": (answer({"choices": [{"message": {"role": "assistant", "content": None}}]}), says(GOOD)),
    "slow": ([Wait(3), *says("late")], says(GOOD)),
    "400": (fails(400, "your request is wrong"), says(GOOD)),
    "413": (fails(413, "too long"), says(GOOD)),
    "422": (fails(422, "unprocessable"), says(GOOD)),
    "all-fail": (fails(500, "a is down"), fails(503, "b is overloaded")),
    "then-unreachable": (fails(418, "I am a teapot"), [Reset()]),
}


def again(data: bytes) -> list[Step]:
    """The same event for longer than the gateway waits."""
    steps: list[Step] = [piece(data), Wait(0.2)]
    return steps * 12


ZERO = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
STREAMS: dict[str, tuple[list[Step], list[Step]]] = {
    "only-a-finish": (stream(ROLE, delta(finish="stop"), DONE), streams(GOOD)),
    "finish-and-no-tokens": (stream(ROLE, delta(finish="stop", usage=ZERO), DONE), streams(GOOD)),
    "error-event": (stream(event({"error": {"message": "overloaded", "code": 529}})), streams(GOOD)),
    "error-after-role": (stream(ROLE, event({"error": {"message": "overloaded"}})), streams(GOOD)),
    "empty-stream": (stream(), streams(GOOD)),
    "only-done": (stream(DONE), streams(GOOD)),
    "only-role": (stream(ROLE, DONE), streams(GOOD)),
    "instant-close": ([stream_head(), Close()], streams(GOOD)),
    "cut-in-role": ([stream_head(), piece(ROLE[:20]), Close()], streams(GOOD)),
    "not-json": (stream(event("hello")), streams(GOOD)),
    "pings-only": ([stream_head(), *again(b": ping\n\n"), END], streams(GOOD)),
    "roles-only": ([stream_head(), *again(ROLE), END], streams(GOOD)),
    "http-500": (fails(500), streams(GOOD)),
}


def plan(a: Upstream, b: Upstream) -> dict[str, Any]:
    names: list[Any] = [*MODELS, *STREAMS, *SINGLE]
    preferences = {"model_timeout": {"default": 1}}
    return running.config(
        running.channel("a", f"{a.url}/v1/chat/completions", names, preferences=preferences),
        running.channel("b", f"{b.url}/v1/chat/completions", names, preferences=preferences),
    )


SINGLE: dict[str, list[Step]] = {
    "plain": says(GOOD),
    "stream": streams(GOOD),
    "cut": [stream_head(), piece(ROLE), piece(delta({"content": "half"})), Close()],
    "reset-midway": [stream_head(), piece(ROLE), piece(delta({"content": "half"})), Wait(0.1), Reset()],
    "half-event": [stream_head(), piece(delta({"content": "half"})), piece(b'data: {"choices": [{"de'), Close()],
    "error-midway": stream(ROLE, delta({"content": "half"}), event({"error": {"message": "broke", "code": 500}})),
    "silent-midway": [stream_head(), piece(delta({"content": "half"})), Wait(5)],
    "no-done": stream(ROLE, delta({"content": GOOD}), delta(finish="stop")),
    "done-then-open": [
        stream_head(),
        *map(piece, [ROLE, delta({"content": GOOD}), delta(finish="stop"), DONE]),
        Wait(30),
    ],
    "ping-after-finish": [stream_head(), piece(delta({"content": GOOD}, finish="stop")), piece(DONE), END],
    "usage-with-finish": stream(delta({"content": GOOD}), delta(finish="stop", usage=USAGE), DONE),
    "json-for-stream": says(GOOD),
    "headers": answer(
        completion(GOOD),
        headers=(
            ("Set-Cookie", "id=1"),
            ("OpenAI-Organization", "org-secret"),
            ("Server", "cloudflare"),
            ("CF-Ray", "x"),
            ("X-Request-Id", "req-of-upstream"),
        ),
    ),
}


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Upstream, Upstream]]:
    scripts = {**MODELS, **STREAMS}
    with (
        Upstream({name: steps[0] for name, steps in scripts.items()} | SINGLE) as a,
        Upstream({name: steps[1] for name, steps in scripts.items()} | SINGLE) as b,
    ):
        yield a, b


@pytest.fixture(scope="module")
def gateway(both: tuple[Upstream, Upstream]) -> Iterator[Gateway]:
    with running.gateway(plan(*both)) as gateway:
        yield gateway


REFUSED = ("400", "413", "422")
FALLS_BACK = [name for name in MODELS if name not in (*REFUSED, "all-fail", "then-unreachable")]


def text_of(body: bytes) -> str:
    """The text of a whole stream."""
    words = []
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:]).get("choices", []):
                words.append(choice["delta"].get("content") or "")
    return "".join(words)


@pytest.mark.parametrize("model", FALLS_BACK)
def test_a_failure_of_the_channel_falls_back(gateway: Gateway, model: str) -> None:
    got = gateway.post(request(model))
    assert (got.status, got.headers["x-uni-api-attempts"], got.headers["x-uni-api-provider"]) == (200, "2", "b")
    assert got.json()["choices"][0]["message"]["content"] == GOOD


@pytest.mark.parametrize("steps", [answer({**NOTHING, "usage": USAGE}), answer(CUT_OFF)], ids=["paid for", "cut off"])
def test_an_answer_without_a_word_is_one_when_it_has_a_reason(steps: list[Step]) -> None:
    with Upstream({"m": steps}) as a, running.gateway(running.config(running.channel("a", f"{a.url}/v1", ["m"]))) as it:
        assert it.post(request("m")).status == 200


@pytest.mark.parametrize(
    "steps",
    [
        stream(ROLE, delta(finish="stop"), USAGE_ONLY, DONE),
        stream(ROLE, delta(finish="stop", usage=USAGE), DONE),
        stream(ROLE, delta(finish="length"), DONE),
    ],
    ids=["paid for", "paid for at once", "cut off"],
)
def test_a_stream_without_a_word_is_one_when_it_has_a_reason(steps: list[Step]) -> None:
    with Upstream({"m": steps}) as a, running.gateway(running.config(running.channel("a", f"{a.url}/v1", ["m"]))) as it:
        got = it.post(request("m", stream=True))
        assert (got.status, got.body.endswith(DONE)) == (200, True)


@pytest.mark.parametrize("steps", [answer(NOTHING), stream(ROLE, delta(finish="stop"), DONE)], ids=["whole", "stream"])
def test_where_nobody_else_could_be_asked_an_answer_without_a_word_is_told(steps: list[Step]) -> None:
    with Upstream({"m": steps}) as a, running.gateway(running.config(running.channel("a", f"{a.url}/v1", ["m"]))) as it:
        assert it.post(request("m", stream=len(steps) > 1)).status == 200
        assert a.asked["m"] == 1


@pytest.mark.parametrize("model", STREAMS)
def test_a_stream_without_content_falls_back(gateway: Gateway, model: str) -> None:
    got = gateway.post(request(model, stream=True))
    assert (got.status, got.headers["x-uni-api-attempts"], got.headers["x-uni-api-provider"]) == (200, "2", "b")
    assert got.headers["content-type"].startswith("text/event-stream")
    assert text_of(got.body) == GOOD
    assert got.body.endswith(DONE)


@pytest.mark.parametrize("model", REFUSED)
def test_an_error_of_the_request_reaches_the_client_at_once(gateway: Gateway, model: str) -> None:
    got = gateway.post(request(model))
    assert (got.status, got.headers["x-uni-api-attempts"]) == (int(model), "1")
    assert got.json()["error"]["message"] == json.loads(_body_of(MODELS[model][0]))["error"]["message"]


def _body_of(steps: list[Step]) -> bytes:
    first = steps[0]
    assert isinstance(first, Send)
    return first.data.partition(b"\r\n\r\n")[2]


def test_when_all_fail_the_client_sees_the_last_real_error(gateway: Gateway) -> None:
    got = gateway.post(request("all-fail"))
    assert (got.status, got.headers["x-uni-api-attempts"]) == (503, "6")
    assert got.json()["error"]["message"] == "b is overloaded"


def test_an_unreachable_channel_does_not_hide_a_real_error(gateway: Gateway) -> None:
    got = gateway.post(request("then-unreachable"))
    assert got.json()["error"]["message"] == "I am a teapot"
    assert got.status == 418


@pytest.mark.parametrize("model", ["cut", "reset-midway", "half-event", "silent-midway"])
def test_after_the_commit_a_failure_is_said_in_band(gateway: Gateway, model: str) -> None:
    got = gateway.post(request(model, stream=True))
    events = [line for line in got.body.decode().splitlines() if line.startswith("data: ")]
    assert got.status == 200
    assert text_of(got.body) == "half"
    assert set(json.loads(events[-1][6:])) == {"error"}
    assert "[DONE]" not in got.body.decode()


def test_an_error_event_of_the_upstream_passes_as_it_is(gateway: Gateway) -> None:
    got = gateway.post(request("error-midway", stream=True))
    assert got.body.endswith(event({"error": {"message": "broke", "code": 500}}))


def test_the_stream_reaches_the_client_byte_for_byte_with_usage_only_if_asked(gateway: Gateway) -> None:
    whole = ROLE + delta({"content": GOOD}) + delta(finish="stop") + USAGE_ONLY + DONE
    asked = gateway.post(request("stream", stream=True, stream_options={"include_usage": True}))
    silent = gateway.post(request("stream", stream=True))
    assert asked.body == whole
    assert silent.body == whole.replace(USAGE_ONLY, b"")


def test_usage_is_always_asked_of_the_upstream(gateway: Gateway, both: tuple[Upstream, Upstream]) -> None:
    gateway.post(request("stream", stream=True, stream_options={"include_obfuscation": False}))
    asked = both[0].bodies("stream")[-1]["stream_options"]
    assert asked == {"include_obfuscation": False, "include_usage": True}


def test_usage_that_rides_with_the_finish_is_left_alone(gateway: Gateway) -> None:
    got = gateway.post(request("usage-with-finish", stream=True))
    assert got.body == delta({"content": GOOD}) + delta(finish="stop", usage=USAGE) + DONE


@pytest.mark.parametrize("model", ["no-done", "done-then-open"])
def test_a_finished_stream_ends(gateway: Gateway, model: str) -> None:
    got = gateway.post(request(model, stream=True))
    assert text_of(got.body) == GOOD
    assert b'"error"' not in got.body


def test_a_whole_answer_to_a_streaming_request_becomes_a_stream(gateway: Gateway) -> None:
    got = gateway.post(request("json-for-stream", stream=True))
    assert got.headers["content-type"].startswith("text/event-stream")
    assert text_of(got.body) == GOOD
    assert got.body.endswith(DONE)


def test_headers_that_name_the_upstream_are_dropped(gateway: Gateway) -> None:
    got = gateway.post(request("headers"))
    assert got.status == 200
    for name in ("set-cookie", "openai-organization", "server", "cf-ray"):
        assert name not in got.headers
    assert got.headers["x-request-id"] != "req-of-upstream"


def test_a_request_id_of_the_client_is_kept(gateway: Gateway) -> None:
    assert gateway.post(request("plain"), {"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert gateway.post(request("plain"), {"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"


def test_the_body_travels_untouched_but_for_the_model() -> None:
    odd = b'{"zeta": 2.50,  "model":"alias" , "messages":[{"role":"user","content":"\\u00e9\\/"}],"big":1e400,"n":1}'
    with Upstream({"up": says(GOOD)}) as upstream:
        channel = running.channel("a", f"{upstream.url}/v1", [{"up": "alias"}])
        with running.gateway(running.config(channel)) as gateway:
            assert gateway.post(odd).status == 200
        sent = upstream.received[0].body
    for piece_of_it in (b'"zeta":2.50', b'"\\u00e9\\/"', b'"big":1e400', b'"model":"up"'):
        assert piece_of_it in sent
    assert list(json.loads(sent)) == ["zeta", "model", "messages", "big", "n"]


def test_keys_of_a_channel_take_turns_and_a_refused_key_is_followed_by_the_next() -> None:
    with Upstream({"m": says(GOOD), "refused": [fails(401), fails(429), says(GOOD)]}) as upstream:
        channel = running.channel("a", f"{upstream.url}/v1", ["m", "refused"]) | {"api": ["k1", "k2", "k3"]}
        with running.gateway(running.config(channel)) as gateway:
            for _ in range(4):
                assert gateway.post(request("m")).status == 200
            got = gateway.post(request("refused"))
        keys = [seen.header("authorization") for seen in upstream.received]
    assert keys[:4] == ["Bearer k1", "Bearer k2", "Bearer k3", "Bearer k1"]
    assert (got.status, got.headers["x-uni-api-attempts"]) == (200, "3")
    assert len(set(keys[4:])) == 3


@pytest.mark.parametrize(("auto_retry", "attempts"), [(True, 6), (False, 1), (0, 1), (3, 5)])
def test_auto_retry_says_how_often_to_try(auto_retry: Any, attempts: int) -> None:
    with Upstream({"m": fails(500)}) as upstream:
        channels = [running.channel(name, f"{upstream.url}/v1", ["m"]) for name in ("a", "b")]
        config = running.config(*channels, preferences={"AUTO_RETRY": auto_retry})
        with running.gateway(config) as gateway:
            got = gateway.post(request("m"))
        assert (got.headers["x-uni-api-attempts"], upstream.asked["m"]) == (str(attempts), attempts)


def test_the_key_of_the_upstream_is_taken_out_of_its_errors() -> None:
    with Upstream({"m": fails(401, "Incorrect API key provided: sk-upstream-a. Or sk-up*****am-a?")}) as upstream:
        channel = running.channel("a", f"{upstream.url}/v1", ["m"])
        with running.gateway(running.config(channel)) as gateway:
            got = gateway.post(request("m"))
            printed = gateway.output()
    assert got.status == 401
    assert "Incorrect API key provided: [key]" in got.json()["error"]["message"]
    assert b"sk-up" not in got.body
    assert "sk-upstream-a" not in printed


def test_retry_after_of_the_upstream_is_passed_on() -> None:
    with (
        Upstream({"m": fails(429, headers={"Retry-After": "17"})}) as upstream,
        running.gateway(running.config(running.channel("a", f"{upstream.url}/v1", ["m"]))) as gateway,
    ):
        got = gateway.post(request("m"))
    assert (got.status, got.headers["retry-after"]) == (429, "17")
