"""What users say is checked while the answer is on its way, and nothing of it is shown before the verdict."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import gateway as running
from tests.fakes.upstream import Hang, Step, Upstream, Wait, answer
from tests.gateway import Answer, Gateway, channel
from tests.relay.chat import fails, says, streams
from uni_api.canon.parts import Result, Text
from uni_api.canon.request import Request, Turn
from uni_api.relay.moderation import said

OMNI, OLD = "omni-moderation-latest", "text-moderation-latest"


def verdict(*results: Mapping[str, bool] | None) -> list[Step]:
    """A moderation answer with a result for each map of categories; None is a result that is not flagged."""
    found = [{"flagged": any((each or {}).values()), "categories": each or {"hate": False}} for each in results]
    return answer({"id": "modr-1", "model": OMNI, "results": found})


CLEAN = verdict(None)
FLAGGED = verdict(None, {"violence": True, "hate": False, "self-harm": True})
SCRIPTS: dict[str, Any] = {
    # chat, by what the upstream calls the model
    "m": says("an answer"),
    "m-stream": streams("an answer"),
    "m-fails": fails(500),
    # moderation, likewise
    "clean": CLEAN,
    "flags": FLAGGED,
    "flags-late": [Wait(0.4), *FLAGGED],
    "clean-late": [Wait(0.4), *CLEAN],
    "fails": fails(500, "no"),
    "is-refused": fails(400, "You said SECRET-WORDS"),
    "says-nothing": verdict(),
    "is-html": answer(b"<html></html>", kind="text/html"),
}
CHAT = ["m", "m-stream", "m-fails"]


def keys() -> list[dict[str, Any]]:
    """Client keys by what their moderation does; `+` leads to the next channel."""

    def key(name: str, rules: list[str], **more: Any) -> dict[str, Any]:
        return {
            "api": f"sk-{name}",
            "model": ["chat/*", "silent/*", *rules],
            "preferences": {"ENABLE_MODERATION": True, **more},
        }

    each = ["clean", "flags", "flags-late", "clean-late", "hangs", "fails", "is-refused", "says-nothing", "is-html"]
    return [
        *(key(name, [f"{name}/{OMNI}"]) for name in each),
        *(key(f"{name}-allowed", [f"{name}/{OMNI}"], moderation_failure="allow") for name in ("hangs", "fails")),
        key("fails+flags", [f"fails/{OMNI}", f"flags/{OMNI}"]),
        key("unable+flags", [f"unable/{OMNI}", f"flags/{OMNI}"]),
        key("old", [f"old/{OLD}"]),
        key("limited", [f"flags/{OMNI}"], rate_limit="1/min"),
        {"api": "sk-outer", "model": ["sk-flags/*"]},
        {"api": "sk-outer-and-inner", "model": ["sk-flags/m", f"clean/{OMNI}"], "preferences": {
            "ENABLE_MODERATION": True
        }},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(SCRIPTS) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def silent() -> Iterator[Upstream]:
    """Never says anything: a connection is open as long as somebody waits for it."""
    with Upstream({"*": [Hang()]}) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, silent: Upstream) -> Iterator[Gateway]:
    moderators = [name for name in SCRIPTS if name not in CHAT]
    providers = [
        channel("chat", f"{upstream.url}/v1", CHAT),
        *(channel(name, f"{upstream.url}/v1/chat/completions", [{name: OMNI}]) for name in moderators),
        channel("silent", silent.url, ["m-hangs"]),
        channel("hangs", silent.url, [{"hangs": OMNI}]),
        channel("old", upstream.url, [{"flags": OLD}]),
        channel("unable", upstream.url, [OMNI], engine="claude"),
    ]
    waits = {
        "model_timeout": {OMNI: 0.6, "default": 20},
        "keepalive_interval": {"m-stream": 0.1, "m-hangs": 0.1},
        "cooldown_period": 0,
    }
    plan = {"providers": providers, "api_keys": keys(), "preferences": waits}
    with running.gateway(plan) as gateway:
        yield gateway


def ask(gateway: Gateway, key: str, model: str = "m", content: Any = "hello", **more: Any) -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": content}], **more}
    return gateway.post(json.dumps(body).encode(), {"Authorization": f"Bearer sk-{key}"})


def test_what_is_clean_is_answered(gateway: Gateway, upstream: Upstream) -> None:
    asked = len(upstream.bodies("clean"))
    got = ask(gateway, "clean")
    assert (got.status, got.json()["choices"][0]["message"]["content"]) == (200, "an answer")
    assert "x-uni-api-moderation" not in got.headers
    assert upstream.bodies("clean")[asked:] == [{"model": "clean", "input": "hello"}]
    sent = next(one for one in upstream.received if one.path.endswith("/moderations"))
    assert (sent.path, sent.header("authorization")) == ("/v1/moderations", "Bearer sk-upstream-clean")


@pytest.mark.parametrize("key", ["flags", "flags-late", "fails+flags", "unable+flags", "old", "outer"])
@pytest.mark.parametrize("model", ["m", "m-hangs", "m-fails"])
def test_what_is_flagged_is_refused(gateway: Gateway, silent: Upstream, key: str, model: str) -> None:
    began = time.monotonic()
    got = ask(gateway, key, model)
    assert got.status == 400
    error = got.json()["error"]
    assert (error["code"], error["type"]) == ("content_policy_violation", "invalid_request_error")
    assert "Content did not pass the moral check" in error["message"]
    assert "violence, self-harm" in error["message"]
    assert time.monotonic() - began < 3
    _wait_until(lambda: not silent.open_connections)


def test_a_refused_stream_shows_nothing(gateway: Gateway) -> None:
    got = ask(gateway, "flags", "m-stream", stream=True)
    assert (got.status, got.json()["error"]["code"]) == (400, "content_policy_violation")


def test_a_stream_kept_open_is_refused_in_band(gateway: Gateway) -> None:
    got = ask(gateway, "flags-late", "m-stream", stream=True)
    assert got.status == 200
    assert got.body.startswith(b": keepalive\n\n")
    assert b"content_policy_violation" in got.body
    assert b"answer" not in got.body and b"[DONE]" not in got.body


def test_a_stream_kept_open_goes_on_once_it_is_clean(gateway: Gateway) -> None:
    got = ask(gateway, "clean-late", "m-stream", stream=True)
    assert got.body.startswith(b": keepalive\n\n")
    assert b"answer" in got.body and got.body.endswith(b"data: [DONE]\n\n")


def test_one_question_goes_to_each_of_both(gateway: Gateway, upstream: Upstream) -> None:
    before = len(upstream.received)
    ask(gateway, "clean-late")
    both = upstream.received[before:]
    assert sorted(one.path for one in both) == ["/v1/chat/completions", "/v1/moderations"]


@pytest.mark.parametrize("key", ["hangs", "fails", "is-refused", "says-nothing", "is-html"])
@pytest.mark.parametrize("model", ["m", "m-hangs"])
def test_what_could_not_be_checked_is_refused(gateway: Gateway, silent: Upstream, key: str, model: str) -> None:
    got = ask(gateway, key, model)
    assert (got.status, got.json()["error"]["code"]) == (503, "moderation_unavailable")
    assert "SECRET" not in got.body.decode() + gateway.output()
    _wait_until(lambda: not silent.open_connections)


@pytest.mark.parametrize("key", ["hangs-allowed", "fails-allowed"])
def test_what_could_not_be_checked_may_be_let_through(gateway: Gateway, key: str) -> None:
    got = ask(gateway, key)
    assert (got.status, got.headers["x-uni-api-moderation"]) == (200, "unavailable")
    assert f"{got.headers['x-request-id']} goes on unchecked" in gateway.output()


def test_a_refusal_costs_nothing(gateway: Gateway) -> None:
    assert [ask(gateway, "limited").status for _ in range(3)] == [400, 400, 400]


def test_every_key_on_the_way_checks_by_its_own_rules(gateway: Gateway, upstream: Upstream) -> None:
    before = dict(upstream.asked)
    assert ask(gateway, "outer-and-inner").status == 400
    assert {name: upstream.asked[name] - before.get(name, 0) for name in ("clean", "flags")} == {"clean": 1, "flags": 1}


def test_texts_of_all_parts_are_checked_together(gateway: Gateway, upstream: Upstream) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    ask(gateway, "clean", content=[{"type": "text", "text": "one"}, image, {"type": "text", "text": "two"}])
    assert upstream.bodies("clean")[-1]["input"] == "one\ntwo"


def test_nothing_said_is_nothing_to_check(gateway: Gateway, upstream: Upstream) -> None:
    before = upstream.asked.get("flags", 0)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert ask(gateway, "flags", content=[image]).status == 200
    assert upstream.asked.get("flags", 0) == before


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_takes_both_upstreams_along(gateway: Gateway, silent: Upstream, stream: bool) -> None:
    wire = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    body = json.dumps({"model": "m-hangs", "messages": [{"role": "user", "content": "hi"}], "stream": stream}).encode()
    before = {name: silent.asked.get(name, 0) for name in ("m-hangs", "hangs")}
    wire.request("POST", "/v1/chat/completions", body, {"Authorization": "Bearer sk-hangs"})
    _wait_until(lambda: all(silent.asked.get(name, 0) > count for name, count in before.items()))
    assert silent.open_connections == 2
    if stream:
        assert wire.getresponse().read(3) == b": k"
    wire.close()
    _wait_until(lambda: not silent.open_connections, 1.0)


def test_attempts_side_by_side_are_called_off_together(upstream: Upstream) -> None:
    with Upstream({"*": [Hang()]}) as a, Upstream({"*": [Hang()]}) as b:
        guard = channel("guard", f"{upstream.url}/v1", [{"flags-late": OMNI}])
        plan = running.config(
            *(channel(name, f"{host.url}/v1", ["m"]) for name, host in (("a", a), ("b", b))),
            guard,
            preferences={"ENABLE_MODERATION": True},
        )
        plan["preferences"] = {"hedging": {"enabled": True, "after": 0.1, "max_extra": 100}}
        with running.gateway(plan) as gateway:
            got = gateway.post(json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode())
            assert (got.status, got.json()["error"]["code"]) == (400, "content_policy_violation")
            assert (a.asked, b.asked) == ({"m": 1}, {"m": 1})
            _wait_until(lambda: not a.open_connections and not b.open_connections)


def turn(role: Any, *parts: Any) -> Turn:
    return Turn(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


@pytest.mark.parametrize(
    ("turns", "text"),
    [
        ((turn("system", "be"), turn("user", "a", "b")), "a\nb"),
        ((turn("user", "old"), turn("assistant", "x"), turn("user", "new")), "new"),
        ((turn("user", "a"), turn("system", "s"), turn("user", "b")), "a\nb"),
        ((turn("user", "q"), turn("assistant", "x"), turn("user", Result(call="1", parts=(Text(text="r"),)))), "q"),
        ((turn("user", "q"), turn("assistant", "prefill")), "q"),
        ((turn("system", "s"), turn("user")), ""),
    ],
)
def test_what_counts_as_said(turns: tuple[Turn, ...], text: str) -> None:
    assert said(Request(model="m", turns=turns)) == text


def _wait_until(what: Any, seconds: float = 3.0) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.01)
