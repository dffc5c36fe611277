"""Upstreams that misbehave: the client gets a clear error or a stream that ends with one, never a 500 or silence."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from tests.fakes.answers import CHAT_STREAM, GENERATED_STREAM, MESSAGE_STREAM
from tests.fakes.upstream import END, Close, Repeat, Reset, Script, Send, Upstream, answer, event, piece, stream_head
from tests.fakes.wire import head
from tests.gateway import gateway
from tests.hostile.clear import assert_clear, assert_discreet
from tests.hostile.house import CLIENT_KEY, ENGINES, House, assert_kept_secret, plan
from tests.hostile.raw import Reply, request, talk
from tests.hostile.test_bodies import WRONG, Literal, places, replaced

_GOOD_STREAM = {"gpt": CHAT_STREAM, "claude": MESSAGE_STREAM, "gemini": GENERATED_STREAM}
_SSE = (("Content-Type", "text/event-stream"),)


def _leaky(status: int) -> Script:
    """A refusal that quotes the key, as real ones do."""
    return answer({"error": {"message": "Incorrect API key provided: sk-canary-upstream-@.", "type": "auth"}}, status)


BAD: dict[str, Script] = {
    "noise": [Send(b"\x00\xff\xfenoise\r\n\r\nmore noise"), Close()],
    "closes at once": [Close()],
    "resets at once": [Reset()],
    "half a status line": [Send(b"HTTP/1.1 20"), Close()],
    "half a head": [Send(b"HTTP/1.1 200 OK\r\nContent-Type: appl"), Close()],
    "an endless head": [Send(b"HTTP/1.1 200 OK\r\n"), Repeat(b"X-More: " + b"x" * 4000 + b"\r\n")],
    "another protocol": [Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()],
    "two lengths": [Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), Close()],
    "empty 200": answer(b""),
    "204": [Send(b"HTTP/1.1 204 No Content\r\n\r\n")],
    "302": [Send(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")],
    "101": [Send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), Close()],
    "html": answer(b"<html><body>Welcome to nginx</body></html>", kind="text/html"),
    "html 502": answer(b"<html><body>Bad gateway</body></html>", 502, kind="text/html"),
    "null": answer(b"null"),
    "a list": answer(b"[]"),
    "a list of errors": answer([{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}], 400),
    "an error as text": answer(b'"out of order"', 500),
    "an error in a 200": answer({"error": {"message": "out of order", "type": "server_error", "code": 500}}),
    "an empty object": answer({}),
    "broken json": answer(b'{"id": "x", "choices": [{"index": 0, "mess'),
    "deep json": answer(b"[" * 100_000 + b"]" * 100_000),
    "invalid utf-8": answer(b'{"choices":[{"message":{"content":"\xff\xfe"}}]}'),
    "cut off by length": [
        Send(head(200, (("Content-Length", "500"), ("Content-Type", "application/json"))) + b"{"),
        Close(),
    ],
    "cut off in a chunk": [stream_head(), Send(b"40\r\ndata: {"), Close()],
    "a bad chunk size": [stream_head(), Send(b"zz\r\ndata: {}\r\n\r\n"), Close()],
    "bad gzip": answer(b"not gzip", headers=(("Content-Encoding", "gzip"),)),
    "an unknown encoding": answer(b"???", headers=(("Content-Encoding", "zstd"),)),
    "stream: empty": [stream_head(), END],
    "stream: comments only": [stream_head(), piece(b": hello\n\n: hello\n\n"), END],
    "stream: only DONE": [stream_head(), piece(b"data: [DONE]\n\n"), END],
    "stream: no json": [stream_head(), piece(event("not json")), END],
    "stream: null": [stream_head(), piece(event("null")), END],
    "stream: numbers": [stream_head(), piece(event("7") * 50), END],
    "stream: an error first": [stream_head(), piece(event({"error": {"message": "overloaded"}}, "error")), END],
    "stream: html": [Send(head(200, (*_SSE, ("Connection", "close"))) + b"<html></html>"), Close()],
    "stream: deep json": [stream_head(), piece(event("[" * 100_000)), END],
    "leaky 401": _leaky(401),
    "leaky 403": _leaky(403),
    "leaky 400": _leaky(400),
    "leaky 500": _leaky(500),
    "leaky 200": answer({"error": {"message": "Incorrect API key provided: sk-canary-upstream-@.", "code": 401}}),
    "leaky html": answer(b"<html>no such key: sk-canary-upstream-@</html>", 403, kind="text/html"),
    "leaky stream": [
        stream_head(),
        piece(event({"error": {"message": "key sk-canary-upstream-@ is refused"}}, "error")),
        END,
    ],
}
"""None of these is an answer. `@` stands for the engine in the key that the channel was given."""


def _model(engine: str, name: str) -> str:
    return f"{engine}-{list(BAD).index(name)}"


def _keyed(script: Script, engine: str) -> Script:
    """`script` with the key of `engine`; its length stays right because the names have the length of the mark."""
    found: list[Any] = []
    for step in script:
        if isinstance(step, Send) and b"sk-canary-upstream-@" in step.data:
            step = _rekeyed(step, engine)
        found.append(step)
    return found


def _rekeyed(step: Send, engine: str) -> Send:
    data = step.data.replace(b"sk-canary-upstream-@", b"sk-canary-upstream-" + engine.encode())
    more = len(engine) - 1
    head_, mark, body = data.partition(b"\r\n\r\n")
    if head_.startswith(b"HTTP/"):
        lines = [
            b"Content-Length: %d" % len(body) if line.startswith(b"Content-Length") else line
            for line in head_.split(b"\r\n")
        ]
        return Send(b"\r\n".join(lines) + mark + body)
    size, mark, rest = data.partition(b"\r\n")
    return Send(b"%x" % (int(size, 16) + more) + mark + rest)


@pytest.fixture(scope="module")
def stage() -> Iterator[House]:
    scripts = {_model(engine, name): _keyed(script, engine) for engine in ENGINES for name, script in BAD.items()}
    names = {name: name.partition("-")[0] for name in scripts}
    names |= {f"{engine}-mutant": engine for engine in ENGINES}
    names |= {f"{engine}-sudden": engine for engine in ENGINES}
    with Upstream(scripts) as upstream, gateway(plan(upstream, names)) as running:
        yield House(running, upstream)
        assert_kept_secret(running)


def ask(house: House, model: str, stream: bool) -> Reply:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": stream}
    (reply,) = talk(house.port, request(json.dumps(body).encode(), key=CLIENT_KEY))
    return reply


def told(reply: Reply) -> list[Any]:
    """The data of every event of a stream; `[DONE]`, and other data that is no JSON, stays text."""
    found: list[Any] = []
    for line in reply.body.decode().split("\n"):
        if line.startswith("data: "):
            try:
                found.append(json.loads(line[6:]))
            except ValueError:
                found.append(line[6:])
    return found


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_no_answer_is_an_error(stage: House, engine: str, name: str, streamed: bool) -> None:
    reply = ask(stage, _model(engine, name), streamed)
    assert 400 <= reply.status < 600, (reply.status, reply.body[:300])
    error = assert_clear(reply, reply.status)
    assert error["code"] != "internal_error"
    assert reply.headers["x-uni-api-provider"] == engine


ENDINGS: dict[str, Script] = {
    "closes": [Close()],
    "resets": [Reset()],
    "ends in good order": [END],
    "goes on with noise": [piece(event("noise")), END],
    "breaks the chunking": [Send(b"zz\r\n"), Close()],
    "says an error with the key": [piece(event({"error": {"message": "no sk-canary-upstream-@"}}, "error")), END],
    "says an error": [piece(event({"error": {"message": "overloaded", "type": "overloaded_error"}}, "error")), END],
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_stream_that_breaks_off_never_ends_well(stage: House, engine: str, ending: str) -> None:
    """An error event, or an error status when nothing had been said yet; never a made-up end."""
    starts: dict[str, Script] = {
        "gpt": [stream_head(), piece(event({"choices": [{"index": 0, "delta": {"content": "Hel"}}]})), END],
        "claude": MESSAGE_STREAM[:-3],
        "gemini": [stream_head(), piece(event({"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]})), END],
    }
    good = starts[engine]
    for beginning in (good[:2], good[: max(2, len(good) - 1)]):
        stage.upstream.scripts[f"{engine}-sudden"] = [*beginning, *_keyed(ENDINGS[ending], engine)]
        reply = ask(stage, f"{engine}-sudden", True)
        if reply.status != 200:
            assert_clear(reply, reply.status)
            continue
        assert_discreet(reply)
        events = told(reply)
        assert "[DONE]" not in events, events
        assert set(events[-1]) == {"error"} and events[-1]["error"]["message"], events[-1]
        assert not any(
            choice.get("finish_reason") for one in events if isinstance(one, dict) for choice in one.get("choices", [])
        )


_RICH_REPLIES: dict[str, dict[str, Any]] = {
    "claude": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmF0dXJl"},
            {"type": "redacted_thinking", "data": "b3BhcXVl"},
            {"type": "text", "text": "Hi.", "citations": [{"type": "char_location", "cited_text": "x"}]},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 1},
    },
    "gemini": {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "Hi.", "thoughtSignature": "c2ln"},
                        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "1"}, "thoughtSignature": "c2ln"},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
                "groundingMetadata": {"groundingChunks": [{"web": {"uri": "http://x", "title": "y"}}]},
            }
        ],
        "promptFeedback": {"blockReasonMessage": "x"},
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        "modelVersion": "gemini",
        "responseId": "r",
    },
}


@pytest.mark.parametrize("engine", _RICH_REPLIES)
def test_wrong_types_in_every_field_of_an_answer(stage: House, engine: str) -> None:
    """A translated answer is a valid chat completion, or there is a clear error."""
    unclear: list[str] = []
    good = _RICH_REPLIES[engine]
    for path in places(good):
        for value in WRONG:
            stage.upstream.scripts[f"{engine}-mutant"] = answer(replaced(good, path, value))
            reply = ask(stage, f"{engine}-mutant", False)
            try:
                if reply.status == 200:
                    assert_discreet(reply)
                    ChatCompletion.model_validate_json(reply.body)
                else:
                    error = assert_clear(reply, reply.status)
                    assert error["code"] != "internal_error", error
            except (AssertionError, ValidationError) as error:
                shown = value.text if isinstance(value, Literal) else value
                unclear.append(f"{'.'.join(map(str, path))} = {shown!r}: {str(error)[:300]}")
    assert not unclear, "\n".join([f"{len(unclear)} unclear answers", *unclear[:20]])


_EVENTS: dict[str, list[dict[str, Any]]] = {
    "claude": [
        {"type": "message_start", "message": {**_RICH_REPLIES["claude"], "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi."}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ],
    "gemini": [_RICH_REPLIES["gemini"]],
}


@pytest.mark.parametrize("engine", _EVENTS)
def test_wrong_types_in_every_field_of_a_stream(stage: House, engine: str) -> None:
    unclear: list[str] = []
    good = _EVENTS[engine]
    for path in places(good):
        if len(path) < 2:
            continue
        for value in WRONG:
            number = path[0]
            changed: list[Any] = [json.dumps(one).encode() for one in good]
            changed[number] = replaced(good[number], path[1:], value)
            body = b"".join(event(one, str(good[at].get("type", ""))) for at, one in enumerate(changed))
            stage.upstream.scripts[f"{engine}-mutant"] = [stream_head(), piece(body), END]
            reply = ask(stage, f"{engine}-mutant", True)
            try:
                _check_stream(reply)
            except (AssertionError, ValidationError, ValueError) as error:
                shown = value.text if isinstance(value, Literal) else value
                unclear.append(f"{'.'.join(map(str, path))} = {shown!r}: {str(error)[:300]}")
    assert not unclear, "\n".join([f"{len(unclear)} unclear answers", *unclear[:20]])


def _check_stream(reply: Reply) -> None:
    """Valid chunks and a proper end, or an error event as the last one, or an error status."""
    if reply.status != 200:
        assert assert_clear(reply, reply.status)["code"] != "internal_error", reply.body
        return
    assert_discreet(reply)
    events = told(reply)
    assert events
    last = events.pop()
    assert last == "[DONE]" or set(last) == {"error"}, last
    for one in events:
        ChatCompletionChunk.model_validate(one)


def test_headers_of_the_upstream_stay_there(stage: House) -> None:
    nosy = (
        ("Set-Cookie", "session=canary-upstream"),
        ("Server", "upstream/1.0"),
        ("openai-organization", "org-canary-upstream"),
        ("cf-ray", "canary-upstream"),
        ("Keep-Alive", "timeout=canary-upstream"),
        ("x-request-id", "canary-upstream"),
    )
    good = copy.deepcopy(_GOOD_STREAM["gpt"])
    stage.upstream.scripts["gpt-mutant"] = answer(
        {"id": "1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}]}, headers=nosy
    )
    reply = ask(stage, "gpt-mutant", False)
    assert reply.status == 200
    assert_discreet(reply)
    fields = (("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked"), *nosy)
    stage.upstream.scripts["gpt-mutant"] = [Send(head(200, fields)), *good[1:]]
    reply = ask(stage, "gpt-mutant", True)
    assert reply.status == 200 and told(reply)[-1] == "[DONE]"
    assert_discreet(reply)
