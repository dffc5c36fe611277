"""What an answer says, in one form that answers of different providers can be compared in.

Every view is read by an official SDK; nothing here uses the code under test.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from anthropic.types.beta import BetaMessage
from google.genai.types import Candidate, GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk


@dataclass(frozen=True)
class Tokens:
    """Usage as the OpenAI format counts it: cached is a part of prompt, reasoning a part of completion."""

    prompt: int
    completion: int
    total: int
    cached: int = 0
    reasoning: int = 0


@dataclass
class Voice:
    """One choice. `calls` holds name, arguments (as a value where they are JSON) and id, in order."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[tuple[str, Any, str]] = field(default_factory=list)
    finish: str | None = None


@dataclass
class View:
    voices: dict[int, Voice]
    tokens: Tokens | None


@dataclass
class _Draft:
    name: str = ""
    arguments: str = ""
    id: str = ""


def value_of(arguments: str) -> Any:
    """Arguments as a value; the text itself when it is not JSON. No arguments at all are an empty object."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _words(content: Any) -> str:
    """Content that some providers send as a list of typed pieces is told by its JSON."""
    return content if isinstance(content, str) else "" if content is None else json.dumps(content, sort_keys=True)


def of_completion(answer: ChatCompletion) -> View:
    voices = {}
    for choice in answer.choices or []:
        message = choice.message
        extra = message.model_extra or {}
        voices[choice.index or 0] = Voice(
            text=_words(message.content),
            reasoning=extra.get("reasoning_content") or extra.get("reasoning") or "",
            refusal=message.refusal or "",
            calls=[_call_of(call.model_dump()) for call in message.tool_calls or []],
            finish=choice.finish_reason,
        )
    return View(voices, _tokens(answer.usage))


def of_chunks(chunks: Iterable[ChatCompletionChunk]) -> View:
    voices: dict[int, Voice] = {}
    drafts: dict[int, dict[int, _Draft]] = {}
    tokens: Tokens | None = None
    for chunk in chunks:
        tokens = _tokens(chunk.usage) or tokens
        for choice in chunk.choices or []:
            voice = voices.setdefault(choice.index or 0, Voice())
            voice.finish = choice.finish_reason or voice.finish
            if choice.delta is None:
                continue
            extra = choice.delta.model_extra or {}
            voice.text += _words(choice.delta.content)
            voice.reasoning += extra.get("reasoning_content") or extra.get("reasoning") or ""
            voice.refusal += choice.delta.refusal or ""
            for call in choice.delta.tool_calls or []:
                draft = drafts.setdefault(choice.index or 0, {}).setdefault(call.index or 0, _Draft())
                draft.id = call.id or draft.id
                if call.function is not None:
                    draft.name = call.function.name or draft.name
                    draft.arguments += call.function.arguments or ""
                # The SDK's type of a chunk knows no custom calls.
                custom = (call.model_extra or {}).get("custom") or {}
                draft.name = custom.get("name") or draft.name
                draft.arguments += custom.get("input") or ""
    for number, calls in drafts.items():
        voices[number].calls = [(draft.name, value_of(draft.arguments), draft.id) for draft in calls.values()]
    return View(voices, tokens)


def _call_of(call: dict[str, Any]) -> tuple[str, Any, str]:
    named = call.get("function") or call.get("custom") or {}
    arguments = named.get("arguments", named.get("input"))
    return named.get("name") or "", value_of(arguments) if isinstance(arguments, str) else arguments, call["id"] or ""


def _tokens(usage: Any) -> Tokens | None:
    if usage is None:
        return None
    cached = getattr(usage.prompt_tokens_details, "cached_tokens", None)
    reasoning = getattr(usage.completion_tokens_details, "reasoning_tokens", None)
    return Tokens(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, cached or 0, reasoning or 0)


_ANTHROPIC_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def of_message(message: BetaMessage) -> View:
    """What an OpenAI client is expected to be told of an Anthropic message.

    Tools that the provider runs itself are not calls; all input tokens, cached or not, are prompt tokens.
    """
    voice = Voice()
    for block in message.content:
        match block.type:
            case "text":
                voice.text += block.text
            case "thinking":
                voice.reasoning += block.thinking
            case "tool_use":
                voice.calls.append((block.name, block.input, block.id))
            case _:
                pass
    if message.stop_reason is not None:
        voice.finish = _ANTHROPIC_FINISH[message.stop_reason]
    usage: Any = message.usage
    if usage is None:
        return View({0: voice}, None)
    cached = usage.cache_read_input_tokens or 0
    prompt = usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
    details = getattr(usage, "output_tokens_details", None)
    reasoning = getattr(details, "thinking_tokens", None) or 0
    return View({0: voice}, Tokens(prompt, usage.output_tokens, prompt + usage.output_tokens, cached, reasoning))


_GEMINI_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "LANGUAGE",
        ),
        "content_filter",
    ),
}


def of_generated(answers: Iterable[GenerateContentResponse]) -> View:
    """What an OpenAI client is expected to be told of a Gemini answer: one response, or all those of a stream."""
    voices: dict[int, Voice] = {}
    usage: Any = None
    for answer in answers:
        usage = answer.usage_metadata or usage
        if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason is not None:
            voices.setdefault(0, Voice()).finish = "content_filter"
        for candidate in answer.candidates or []:
            _add_candidate(voices.setdefault(candidate.index or 0, Voice()), candidate)
    for voice in voices.values():
        if voice.calls and voice.finish == "stop":
            voice.finish = "tool_calls"
    return View(voices, _gemini_tokens(usage))


def _add_candidate(voice: Voice, candidate: Candidate) -> None:
    for part in (candidate.content.parts if candidate.content else None) or []:
        if part.function_call is not None:
            call = part.function_call
            voice.calls.append((call.name or "", call.args or {}, call.id or ""))
        elif part.text and part.thought:
            voice.reasoning += part.text
        elif part.text:
            voice.text += part.text
    if candidate.finish_reason is not None:
        voice.finish = _GEMINI_FINISH.get(str(candidate.finish_reason.value), "stop")


def _gemini_tokens(usage: Any) -> Tokens | None:
    if usage is None:
        return None
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    thoughts = usage.thoughts_token_count or 0
    completion = (usage.candidates_token_count or 0) + thoughts
    total = usage.total_token_count if usage.total_token_count is not None else prompt + completion
    return Tokens(prompt, completion, total, usage.cached_content_token_count or 0, thoughts)


def differences(expected: View, seen: View) -> dict[str, tuple[Any, Any]]:
    """Field by field, what was expected and what was seen instead. Ids are compared where both sides have one."""
    found: dict[str, tuple[Any, Any]] = {}
    if expected.tokens != seen.tokens:
        found["usage"] = (expected.tokens, seen.tokens)
    if expected.voices.keys() != seen.voices.keys():
        found["choices"] = (sorted(expected.voices), sorted(seen.voices))
    for number in expected.voices.keys() & seen.voices.keys():
        one, other = expected.voices[number], seen.voices[number]
        for name in ("text", "reasoning", "refusal", "finish"):
            if getattr(one, name) != getattr(other, name):
                found[f"{name}[{number}]"] = (getattr(one, name), getattr(other, name))
        if not _same_calls(one.calls, other.calls):
            found[f"calls[{number}]"] = (one.calls, other.calls)
    return found


def _same_calls(one: list[tuple[str, Any, str]], other: list[tuple[str, Any, str]]) -> bool:
    if len(one) != len(other):
        return False
    return all(a[:2] == b[:2] and (a[2] == b[2] or not a[2] or not b[2]) for a, b in zip(one, other, strict=True))
