"""OpenAI-format answers through canon: what the official SDK hears behind the gateway is what the JSON itself says.

The channel asks for one spelling of reasoning, so that every answer is read and written again. What is expected is
read from the recorded JSON by the few lines below.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.cassettes import oracle
from tests.cassettes.records import FOLDER, OPENAI_FAMILIES, Record, needs_records, records
from tests.cassettes.views import Tokens, View, Voice, differences, value_of
from tests.fakes.cuts import Cut, awkwardly, randomly, whole
from tests.fakes.replay import Delivery, Replay
from tests.gateway import Gateway, channel, gateway

pytestmark = needs_records

FAMILIES = (*OPENAI_FAMILIES, "azure")


@cache
def exchanges(family: str) -> tuple[Record, ...]:
    if family in OPENAI_FAMILIES:
        return records(family)
    with (FOLDER / f"{family}.jsonl").open(encoding="utf-8") as lines:
        every = tuple(json.loads(line) for line in lines)
    return tuple(one for one in every if one["endpoint"] == "chat.completions" and one["status"] == 200)


# --- what the JSON says ---


def pieces(record: Record) -> list[dict[str, Any]]:
    """The JSON objects of an answer: one, or those of a stream."""
    text = record["response_body"]
    if not record["stream"]:
        return [json.loads(text)]
    lines = [line[5:].strip() for line in text.split("\n") if line.startswith("data:")]
    return [json.loads(line) for line in lines if line and line != "[DONE]"]


def reasoning_of(message: dict[str, Any]) -> str:
    """The reasoning that a message or a delta tells in fields of its own: by itself, or else entry by entry."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(told := message.get(name), str) and told:
            return told
    details = message.get("reasoning_details") or []
    return "".join(entry.get("text") or entry.get("summary") or "" for entry in details)


def words_of(content: Any) -> tuple[str, str]:
    """Text and reasoning in a content."""
    if not isinstance(content, list):
        return content or "", ""
    text = "".join(part["text"] for part in content if part["type"] == "text")
    thoughts = [inner["text"] for part in content if part["type"] == "thinking" for inner in part["thinking"]]
    return text, "".join(thoughts)


def untagged(voice: Voice) -> Voice:
    """`voice` with thinking that stands in tags at the head of its text told as reasoning."""
    head, tag, rest = voice.text.lstrip().partition("<think>")
    if tag and not head and not voice.reasoning:
        thought, _, said = rest.partition("</think>")
        voice.reasoning, voice.text = thought.strip(), said.lstrip()
    return voice


def expected(record: Record) -> View:
    voices: dict[int, Voice] = {}
    calls: dict[int, dict[Any, list[str]]] = {}
    tokens = None
    for body in pieces(record):
        tokens = tokens_of(body) or tokens
        for choice in body.get("choices") or []:
            number = choice.get("index") or 0
            voice = voices.setdefault(number, Voice())
            message = choice.get("delta" if record["stream"] else "message") or {}
            text, inline = words_of(message.get("content"))
            voice.text += text
            voice.reasoning += inline + reasoning_of(message)
            voice.refusal += message.get("refusal") or ""
            voice.finish = choice.get("finish_reason") or voice.finish
            add_calls(calls.setdefault(number, {}), message)
    for number, voice in voices.items():
        voice.calls = [(name, value_of(arguments), id) for id, name, arguments in calls[number].values()]
        voice.finish = FINISH.get(str(voice.finish), voice.finish) or ("tool_calls" if voice.calls else "stop")
        untagged(voice)
    return View(voices, tokens)


FINISH = {"eos": "stop", "model_length": "length", "error": "stop"}


def add_calls(drafts: dict[Any, list[str]], message: dict[str, Any]) -> None:
    for at, call in enumerate(message.get("tool_calls") or []):
        named = call.get("function") or call.get("custom") or {}
        draft = drafts.setdefault(call.get("index", at), ["", "", ""])
        draft[0] = call.get("id") or draft[0]
        draft[1] = draft[1] or named.get("name") or ""
        arguments = named.get("arguments", named.get("input")) or ""
        draft[2] += arguments if isinstance(arguments, str) else json.dumps(arguments)


def tokens_of(body: dict[str, Any]) -> Tokens | None:
    usage = body.get("usage") or (body.get("x_groq") or {}).get("usage")
    if not usage:
        return None
    prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    details = usage.get("completion_tokens_details") or {}
    reasoning = details.get("reasoning_tokens") or usage.get("reasoning_tokens") or 0
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    others = (usage.get(name) for name in ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"))
    total = usage.get("total_tokens") or prompt + completion
    return Tokens(prompt, completion, total, cached or next(filter(None, others), 0), reasoning)


# --- what is heard ---


@dataclass(frozen=True)
class Stage:
    """The gateway with a replay upstream behind each family; the key of a family reaches only its own."""

    gateway: Gateway
    upstreams: dict[str, Replay]

    def compare(self, family: str, cut: Cut, streams: bool | None = None) -> tuple[int, dict[str, Any]]:
        upstream = self.upstreams[family]
        upstream.delivery = Delivery(cut=cut)
        heard = oracle.hear_openai(exchanges(family), self.gateway.base_url, f"sk-{family}", streams)
        found = {exchanges(family)[number]["id"]: self.judged(family, number, seen) for number, seen in heard.items()}
        return len(heard), {id: wrong for id, wrong in found.items() if wrong}

    def judged(self, family: str, number: int, seen: View | Exception) -> Any:
        record = exchanges(family)[number]
        if is_error(record):
            return None if isinstance(seen, Exception) else f"an error was heard as {seen}"
        return differences(expected(record), seen) if isinstance(seen, View) else repr(seen)


def is_error(record: Record) -> bool:
    """Whether an answer with status 200 holds an error and no choice, or one that failed."""
    return any(
        body.get("error") or any(choice.get("error") for choice in body.get("choices") or []) for body in pieces(record)
    )


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstreams = {family: stack.enter_context(Replay(exchanges(family))) for family in FAMILIES}
        plan = {
            "providers": [normalizing(family, upstream) for family, upstream in upstreams.items()],
            "api_keys": [{"api": f"sk-{family}", "model": [f"{family}/*"]} for family in upstreams],
        }
        yield Stage(stack.enter_context(gateway(plan)), upstreams)


def normalizing(name: str, upstream: Replay) -> dict[str, Any]:
    """A channel whose answers are read and written again."""
    models = [f"rec-{number}" for number in range(len(upstream.records))]
    return channel(
        name,
        f"{upstream.url}/v1/chat/completions",
        models,
        engine="gpt",
        preferences={"normalize_reasoning": True},
    )


ACCEPTED = {
    "openrouter-eeb6091e67fb": "a blank line and a second finish after the finish: the first finish, tool_calls, holds",
}
"""Differences that are right, by record id, each with its reason."""


def judge(family: str, how: str, total: int, wrong: dict[str, Any]) -> None:
    unexplained = {id: value for id, value in wrong.items() if id not in ACCEPTED}
    print(f"{family:14} {how:32} identical {total - len(wrong)}/{total}")
    assert not unexplained, "\n".join(f"{id}: {str(value)[:700]}" for id, value in list(unexplained.items())[:12])


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_say_the_same(stage: Stage, family: str) -> None:
    judge(family, "whole", *stage.compare(family, whole))


CUTS = {"inside characters and line ends": awkwardly, "at random": randomly(5)}


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_streams_do_not_depend_on_the_cut(stage: Stage, family: str, name: str) -> None:
    judge(family, name, *stage.compare(family, CUTS[name], streams=True))
