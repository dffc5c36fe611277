"""Official SDK clients, and how a suite asks through them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from anthropic import AsyncAnthropic
from google import genai
from google.genai.types import HttpOptions
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.cassettes import views
from tests.cassettes.records import Record

T = TypeVar("T")

AT_ONCE = 16
GREETING = [{"role": "user", "content": "Hello"}]


def chat_request(record: Record, model: str) -> dict[str, Any]:
    """The recorded request where it is a chat request, else a minimal one; asks for usage in streams."""
    recorded = record["request_json"] if record["endpoint"] == "chat.completions" else None
    usable = isinstance(recorded, dict) and isinstance(recorded.get("messages"), list)
    body: dict[str, Any] = dict(recorded) if usable and recorded else {"messages": GREETING}
    body.pop("stream", None)
    body.pop("stream_options", None)
    body["model"] = model
    if record["stream"]:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


async def dump(client: AsyncOpenAI, body: dict[str, Any]) -> list[ChatCompletion] | list[ChatCompletionChunk]:
    """The whole answer: one completion, or every chunk of a stream."""
    if not body.get("stream"):
        return [await client.post("/chat/completions", body=body, cast_to=ChatCompletion)]
    stream = await client.post(
        "/chat/completions",
        body=body,
        cast_to=ChatCompletion,
        stream=True,
        stream_cls=AsyncStream[ChatCompletionChunk],
    )
    return [chunk async for chunk in stream]


def view(answer: list[ChatCompletion] | list[ChatCompletionChunk]) -> views.View:
    if answer and isinstance(answer[0], ChatCompletion):
        return views.of_completion(answer[0])
    return views.of_chunks(chunk for chunk in answer if isinstance(chunk, ChatCompletionChunk))


async def anthropic_view(client: AsyncAnthropic, model: str, stream: bool) -> views.View:
    """What Anthropic's own SDK makes of the answer."""
    asked: dict[str, Any] = {"model": model, "max_tokens": 64, "messages": GREETING}
    if not stream:
        return views.of_message(await client.beta.messages.create(**asked))
    async with client.beta.messages.stream(**asked) as events:
        return views.of_message(await events.get_final_message())


def gemini_view(client: genai.Client, model: str, stream: bool) -> views.View:
    """What Google's own SDK makes of the answer. Its async client leaves generators open, so this is the other one."""
    if not stream:
        return views.of_generated([client.models.generate_content(model=model, contents="Hello")])
    return views.of_generated(list(client.models.generate_content_stream(model=model, contents="Hello")))


def openai_client(base_url: str, key: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=30)


def anthropic_client(base_url: str) -> AsyncAnthropic:
    return AsyncAnthropic(base_url=base_url, api_key="sk-direct", max_retries=0, timeout=30)


def gemini_client(base_url: str) -> genai.Client:
    return genai.Client(api_key="direct", http_options=HttpOptions(base_url=base_url))


async def gather(ask: Callable[[int], Awaitable[T]], numbers: Iterable[int]) -> dict[int, T | Exception]:
    """`ask` for every number, at most `AT_ONCE` at a time; an exception is an answer like any other."""
    gate = asyncio.Semaphore(AT_ONCE)
    answers: dict[int, T | Exception] = {}

    async def one(number: int) -> None:
        async with gate:
            try:
                answers[number] = await ask(number)
            except Exception as error:
                answers[number] = error

    await asyncio.gather(*(one(number) for number in numbers))
    return answers
