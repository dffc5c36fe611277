"""The chat format, as the upstreams of these tests speak it."""

import json
from typing import Any

from tests.fakes.upstream import Step, answer, event, stream

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = event("[DONE]")


def completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "up",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def delta(content: dict[str, Any] | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": content or {}, "finish_reason": finish}
    return event(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice], **more}
    )


ROLE = delta({"role": "assistant", "content": ""})
USAGE_ONLY = event(
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [], "usage": USAGE}
)


def says(text: str) -> list[Step]:
    return answer(completion(text))


def streams(text: str) -> list[Step]:
    words = [delta({"content": word}) for word in text.split(" ")]
    return stream(ROLE, *words, delta(finish="stop"), USAGE_ONLY, DONE)


def fails(status: int, message: str = "upstream says no", **more: Any) -> list[Step]:
    headers = tuple((str(name), str(value)) for name, value in more.pop("headers", {}).items())
    return answer({"error": {"message": message, "type": "some_error", "code": None, **more}}, status, headers)


def request(model: str = "m", *, stream: bool = False, **more: Any) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()
