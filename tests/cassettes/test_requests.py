"""Chat requests through the running gateway, as its upstreams receive them.

Towards an OpenAI-format upstream the bytes stay the client's. Towards Anthropic and Gemini the body must be one that
the provider's own request types accept, and must still say everything the client said, or admit the loss.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cassettes.records import OPENAI_FAMILIES, Record, needs_records, records
from tests.cassettes.rich import RICH
from tests.cassettes.said import KNOBS, Said, excused, knobs, leaves
from tests.cassettes.typed import anthropic_problems, gemini_problems
from tests.fakes.answers import CHAT, CHAT_STREAM, GENERATED, GENERATED_STREAM, MESSAGE, MESSAGE_STREAM
from tests.fakes.upstream import Script, Upstream
from tests.gateway import Gateway, channel, config, gateway

ACCEPTED: Mapping[str, str] = {}
"""Requests that rightly fail a check, by `target id`, each with its reason."""


@dataclass(frozen=True)
class Target:
    """A kind of upstream: how it is configured, what it answers, and what its request types say against a body."""

    model: str
    path: str
    engine: str
    whole: Script
    streamed: Script
    problems: Callable[[Any], list[str]]


TARGETS = {
    "openai": Target(
        "up",
        "/v1/chat/completions",
        "gpt",
        CHAT,
        CHAT_STREAM,
        lambda body: [],
    ),
    "anthropic": Target(
        "claude-sonnet-4-5",
        "/v1/messages",
        "claude",
        MESSAGE,
        MESSAGE_STREAM,
        anthropic_problems,
    ),
    "anthropic, newest": Target(
        "claude-opus-4-8",
        "/v1/messages",
        "claude",
        MESSAGE,
        MESSAGE_STREAM,
        anthropic_problems,
    ),
    "gemini": Target("gemini-2.5-flash", "/v1beta", "gemini", GENERATED, GENERATED_STREAM, gemini_problems),
    "gemini, newest": Target("gemini-3-pro-preview", "/v1beta", "gemini", GENERATED, GENERATED_STREAM, gemini_problems),
}
TRANSLATED = tuple(name for name in TARGETS if name != "openai")


@contextmanager
def listening(target: Target, streams: Sequence[bool]) -> Iterator[tuple[Gateway, Upstream]]:
    """A gateway before one upstream of the kind `target`; request `n` goes to the client-facing model `rec-n`."""
    names = [f"{target.model}-rec-{number}" for number in range(len(streams))]
    scripts = {
        name: target.streamed if is_stream else target.whole for name, is_stream in zip(names, streams, strict=True)
    }
    with ExitStack() as stack:
        upstream = Upstream(scripts)
        stack.enter_context(upstream)
        models = [{name: f"rec-{number}"} for number, name in enumerate(names)]
        plan = config(channel("only", upstream.url + target.path, models, engine=target.engine))
        yield stack.enter_context(gateway(plan)), upstream


def _recorded(family: str) -> list[Record]:
    """The records whose request is a chat request."""
    return [
        record
        for record in records(family)
        if isinstance(record["request_json"], dict) and isinstance(record["request_json"].get("messages"), list)
    ]


@needs_records
@pytest.mark.parametrize("family", OPENAI_FAMILIES)
def test_recorded_requests_reach_an_openai_upstream_as_they_are(family: str) -> None:
    chosen = _recorded(family)
    target = TARGETS["openai"]
    with listening(target, [bool(record["request_json"].get("stream")) for record in chosen]) as (running, upstream):
        for number, record in enumerate(chosen):
            sent = _spelt(record["request_json"] | {"model": f"rec-{number}"}, number)
            reply = running.post(sent)
            assert reply.status == 200, (record["id"], reply.body)
            received = upstream.received[-1].body
            assert _untouched(sent) == _untouched(received), record["id"]
            assert json.loads(received)["model"] == f"{target.model}-rec-{number}"
            if record["request_json"].get("stream"):
                assert json.loads(received)["stream_options"]["include_usage"] is True


def _spelt(body: Any, seed: int) -> bytes:
    """JSON in one of several layouts, as different clients write it."""
    match seed % 3:
        case 0:
            return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        case 1:
            return json.dumps(body, ensure_ascii=True, indent=2).encode()
        case _:
            return json.dumps(body, ensure_ascii=True).encode()


def _untouched(body: bytes) -> list[tuple[str, str]]:
    """The top-level fields that must stay as they are: name and exact spelling of the value, in order."""
    text = body.decode()
    decoder = json.JSONDecoder()
    fields: list[tuple[str, str]] = []
    at = _skip(text, 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        if name not in ("model", "stream_options"):
            fields.append((name, text[start:at]))
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    return fields


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


@dataclass
class Tally:
    """How many requests, and how many of the things they said, came through."""

    requests: int = 0
    perfect: int = 0
    said: int = 0
    held: int = 0
    admitted: int = 0
    knobs: int = 0
    turned: int = 0


def _judge(target: Target, requests: Mapping[str, dict[str, Any]]) -> tuple[Tally, dict[str, list[str]]]:
    tally = Tally()
    wrong: dict[str, list[str]] = {}
    with listening(target, [bool(body.get("stream")) for body in requests.values()]) as (running, upstream):
        for number, (name, body) in enumerate(requests.items()):
            reply = running.post(json.dumps(body | {"model": f"rec-{number}"}).encode())
            tally.requests += 1
            if reply.status != 200:
                found = [f"answered {reply.status}: {reply.body[:300]!r}"]
            else:
                received = json.loads(upstream.received[-1].body)
                found = target.problems(received)
                found += _unsaid(body, Said(received), reply.headers.get("x-uni-api-losses", ""), tally)
            tally.perfect += not found
            if found:
                wrong[name] = found
    return tally, wrong


def _unsaid(body: dict[str, Any], said: Said, losses: str, tally: Tally) -> list[str]:
    found = []
    for path, text in leaves(body):
        tally.said += 1
        if said.holds(text):
            tally.held += 1
        elif excused(path, losses):
            tally.admitted += 1
        else:
            found.append(f"{path}: {text[:80]!r} is gone")
    for name in knobs(body):
        tally.knobs += 1
        if any(said.names(word) for word in KNOBS[name]):
            tally.turned += 1
        elif not any(word in losses for word in KNOBS[name]):
            found.append(f"{name}: is gone (losses: {losses!r})")
    return found


def _offline(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with every link to an image leading nowhere, so that no test depends on the network."""
    text = json.dumps(body)
    moved: dict[str, Any] = json.loads(re.sub(r'("url": "https?://)[^/"]+', r"\1nowhere.invalid", text))
    return moved


def test_a_link_out_of_reach_is_left_to_the_target() -> None:
    link = "https://nowhere.invalid/cat.png"
    content = [{"type": "image_url", "image_url": {"url": link}}, {"type": "text", "text": "What is this?"}]
    with listening(TARGETS["gemini"], [False]) as (running, upstream):
        reply = running.post(
            json.dumps({"model": "rec-0", "messages": [{"role": "user", "content": content}]}).encode()
        )
        body = json.loads(upstream.received[-1].body)
    assert body["contents"][0]["parts"][0] == {"fileData": {"mimeType": "image/png", "fileUri": link}}
    assert "turns.media" in reply.headers["x-uni-api-losses"]


def _report(name: str, tally: Tally, wrong: Mapping[str, list[str]]) -> str:
    head = (
        f"{name}: {tally.perfect}/{tally.requests} requests valid and whole; of {tally.said} things said "
        f"{tally.held} are held ({tally.held / max(1, tally.said):.2%}) and {tally.admitted} admitted as lost; "
        f"of {tally.knobs} knobs {tally.turned} are turned"
    )
    return "\n".join([head, *(f"  {key}: {'; '.join(found[:4])}" for key, found in list(wrong.items())[:15])])


@needs_records
@pytest.mark.parametrize("name", TRANSLATED)
def test_recorded_chat_requests_translate(name: str) -> None:
    requests = {record["id"]: _offline(record["request_json"]) for record in _recorded("openai-chat")}
    tally, wrong = _judge(TARGETS[name], requests)
    print(_report(name, tally, wrong))
    assert not {key for key in wrong if f"{name} {key}" not in ACCEPTED}, _report(name, tally, wrong)
    assert tally.held >= 0.99 * tally.said


def test_cache_marks_reach_anthropic() -> None:
    target = TARGETS["anthropic"]
    with listening(target, [False]) as (running, upstream):
        running.post(json.dumps(RICH["cache marks"] | {"model": "rec-0"}).encode())
        body = json.loads(upstream.received[-1].body)
    short, long = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
    assert body["system"][-1]["cache_control"] == short
    assert body["messages"][0]["content"][0]["cache_control"] == long
    assert body["tools"][0]["cache_control"] == short


@pytest.mark.parametrize("name", TRANSLATED)
def test_rich_requests_translate(name: str) -> None:
    tally, wrong = _judge(TARGETS[name], RICH)
    print(_report(name, tally, wrong))
    assert not {key for key in wrong if f"{name} {key}" not in ACCEPTED}, _report(name, tally, wrong)
