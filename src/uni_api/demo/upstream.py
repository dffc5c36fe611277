"""A chat completion upstream that is no model: it tells what it is, and calls the tools it is offered."""

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

PACE = 0.03
"""Seconds between two pieces of a stream, so that one can see it flow."""

_encode = msgspec.json.Encoder().encode
_WORDS = re.compile(r"\S+\s*")


class DemoResponse:
    """One answer, given in pieces with `pause` seconds between them."""

    status = 200
    ended = True
    framed = b""
    framed_from = 0

    def __init__(self, kind: bytes, pieces: Iterator[bytes], pause: float) -> None:
        self._kind = kind
        self._pieces = pieces
        self._pause = pause
        self._first = True

    def header(self, name: bytes, /) -> bytes | None:
        return self._kind if name == b"content-type" else None

    def at_hand(self) -> bytes:
        return b""

    async def pour(self, sink: Callable[[bytes], bool], /) -> bool:
        while piece := await self.chunk():
            if not sink(piece):
                return True
        return False

    async def chunk(self) -> bytes:
        if self._pause and not self._first:
            await asyncio.sleep(self._pause)
        self._first = False
        return next(self._pieces, b"")

    async def read(self, limit: int, /) -> bytes:
        return b"".join(self._pieces)

    def close(self) -> None:
        self._pieces = iter(())

    def __repr__(self) -> str:
        return f"<DemoResponse {self._kind.decode()}>"


class DemoUpstream:
    """Answers any chat request. Tokens are counted roughly: one for four bytes."""

    def __init__(self, *, pace: float = PACE, clock: Callable[[], float] = time.time) -> None:
        self._pace = pace
        self._clock = clock
        self._count = itertools.count(1)

    async def send(self, body: bytes, /) -> DemoResponse:
        request = msgspec.json.decode(body)
        answer = _Answer(request, f"chatcmpl-demo{next(self._count)}", int(self._clock()))
        if request.get("stream"):
            return DemoResponse(b"text/event-stream", answer.events(), self._pace)
        return DemoResponse(b"application/json", iter([_encode(answer.whole())]), 0)

    def __repr__(self) -> str:
        return "<DemoUpstream>"


class _Answer:
    def __init__(self, request: dict[str, Any], id: str, created: int) -> None:
        self._model = request["model"]
        self._frame = {"id": id, "created": created, "model": self._model, "system_fingerprint": "demo"}
        asked = _last_user_text(request)
        self._calls = [] if _answered_tools(request) else _calls(request)
        self._text = "" if self._calls else _speech(self._model, asked)
        prompt = max(1, len(_encode(request.get("messages"))) // 4)
        completion = max(1, len(self._text) // 4 + sum(len(_encode(call)) for call in self._calls) // 4)
        self._usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        self._finish = "tool_calls" if self._calls else "stop"

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self._text or None, "refusal": None}
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return {**self._frame, "object": "chat.completion", "choices": [choice], "usage": self._usage}

    def events(self) -> Iterator[bytes]:
        yield self._event({"role": "assistant", "content": ""})
        for index, call in enumerate(self._calls):
            yield self._event({"tool_calls": [{"index": index, **call}]})
        for word in _WORDS.findall(self._text):
            yield self._event({"content": word})
        yield self._event({}, finish=self._finish)
        yield self._data({**self._frame, "object": "chat.completion.chunk", "choices": [], "usage": self._usage})
        yield b"data: [DONE]\n\n"

    def _event(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._data({**self._frame, "object": "chat.completion.chunk", "choices": [choice]})

    @staticmethod
    def _data(value: dict[str, Any]) -> bytes:
        return b"data: " + _encode(value) + b"\n\n"


def _speech(model: str, asked: str) -> str:
    heard = f' You said: "{asked[:200]}".' if asked else ""
    return (
        f"This is the uni-api demo, not a language model.{heard} Your request went through the gateway as any other "
        f"would: key check, model rules, routing ('{model}'), and this stream. Put a real provider into api.yaml, and "
        "the same request will reach it."
    )


def _last_user_text(request: dict[str, Any]) -> str:
    for message in reversed(request.get("messages") or []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = [part.get("text") for part in content or [] if isinstance(part, dict)]
            return " ".join(part for part in parts if isinstance(part, str))
    return ""


def _answered_tools(request: dict[str, Any]) -> bool:
    messages = request.get("messages") or [None]
    return isinstance(messages[-1], dict) and messages[-1].get("role") in ("tool", "function")


def _calls(request: dict[str, Any]) -> list[dict[str, Any]]:
    """One call of every function on offer, with the offer's own parameter names echoed as arguments."""
    if request.get("tool_choice") == "none":
        return []
    calls: list[dict[str, Any]] = []
    for tool in request.get("tools") or []:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            properties = parameters.get("properties") if isinstance(parameters, dict) else None
            echoed = {name: f"demo {name}" for name in properties or {}}
            call = {"name": function["name"], "arguments": _encode(echoed).decode()}
            calls.append({"id": f"call_demo{len(calls) + 1}", "type": "function", "function": call})
    return calls
