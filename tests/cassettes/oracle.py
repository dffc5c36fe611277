"""What the recorded answers say when nobody stands between: an official SDK talks to the replay upstream directly."""

import asyncio
import json
from typing import Any

from tests.cassettes import clients
from tests.cassettes.records import Record
from tests.cassettes.views import View
from tests.fakes.replay import Replay

Heard = dict[int, View | Exception]
"""By the record's number: what was said, or the exception that the SDK raised."""

Dumps = dict[int, list[dict[str, Any]] | Exception]
"""By the record's number: every object that the OpenAI SDK gave, field by field."""

_GEMINI_FINISH_NUMBERS = {0: "FINISH_REASON_UNSPECIFIED", 1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION"}


def hear_anthropic(records: tuple[Record, ...]) -> Heard:
    async def run(url: str) -> Heard:
        async with clients.anthropic_client(url) as client:
            return await clients.gather(
                lambda number: clients.anthropic_view(client, f"rec-{number}", records[number]["stream"]),
                range(len(records)),
            )

    with Replay(records) as upstream:
        return asyncio.run(run(upstream.url))


def hear_gemini(records: tuple[Record, ...]) -> Heard:
    heard: Heard = {}
    named = [_with_named_enums(record) for record in records]
    with Replay(named) as upstream, clients.gemini_client(upstream.url) as client:
        for number, record in enumerate(records):
            try:
                heard[number] = clients.gemini_view(client, f"rec-{number}", record["stream"])
            except Exception as error:
                heard[number] = error
    return heard


def _with_named_enums(record: Record) -> Record:
    """A few answers were recorded with enums as numbers, which Google's SDK for Python can't read."""
    if "enum-encoding" not in record["query"]:
        return record
    answers = json.loads(record["response_body"])
    for answer in answers if isinstance(answers, list) else [answers]:
        for candidate in answer.get("candidates", []):
            candidate.pop("safetyRatings", None)
            if "finishReason" in candidate:
                candidate["finishReason"] = _GEMINI_FINISH_NUMBERS[candidate["finishReason"]]
        for detail in answer.get("usageMetadata", {}).values():
            for count in detail if isinstance(detail, list) else []:
                count.pop("modality", None)
    return record | {"response_body": json.dumps(answers)}


def dump_openai(records: tuple[Record, ...], base_url: str, key: str) -> Dumps:
    """Every record, asked for with its own request at `base_url`."""

    async def run() -> Dumps:
        async with clients.openai_client(base_url, key) as client:

            async def ask(number: int) -> list[dict[str, Any]]:
                answer = await clients.dump(client, clients.chat_request(records[number], f"rec-{number}"))
                return [one.model_dump() for one in answer]

            return await clients.gather(ask, range(len(records)))

    return asyncio.run(run())


def hear_openai(records: tuple[Record, ...], base_url: str, key: str, streams: bool | None = None) -> Heard:
    """Every record (only streams, or only the others, if so asked) as the OpenAI SDK hears it at `base_url`."""

    async def run() -> Heard:
        async with clients.openai_client(base_url, key) as client:

            async def ask(number: int) -> View:
                return clients.view(await clients.dump(client, clients.chat_request(records[number], f"rec-{number}")))

            chosen = [n for n, record in enumerate(records) if streams is None or record["stream"] == streams]
            return await clients.gather(ask, chosen)

    return asyncio.run(run())
