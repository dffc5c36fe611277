"""One `reasoning_content` for every spelling of reasoning, where a channel asks for it, and what comes back of it.

Recorded answers say what reasoning looks like; what a host wants back in the next turn is told by upstreams of our own.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest

from tests.cassettes.records import OPENAI_FAMILIES, Record, needs_records
from tests.cassettes.test_families import exchanges, expected, is_error, normalizing, pieces
from tests.fakes.answers import CHAT
from tests.fakes.replay import Replay
from tests.fakes.upstream import Script, Upstream, answer, event, stream
from tests.gateway import Gateway, channel, config, gateway
from uni_api.config.plan import Channel, Client, Plan
from uni_api.dialects import openai_chat
from uni_api.errors import Fault
from uni_api.providers.base import Door, Site
from uni_api.providers.openai import OpenAI
from uni_api.relay import Answer, Relay
from uni_api.secret import Secret

OTHER_SPELLINGS = frozenset({"reasoning", "thinking", "thinking_blocks"})

_ASKED = [{"role": "user", "content": "Hello"}]


def reasoned(family: str) -> tuple[Record, ...]:
    """The answers of `family` that tell reasoning."""
    return tuple(
        record
        for record in exchanges(family)
        if not is_error(record) and any(voice.reasoning for voice in expected(record).voices.values())
    )


@pytest.fixture(scope="module")
def stage() -> Iterator[Gateway]:
    with ExitStack() as stack:
        providers = [
            normalizing(family, stack.enter_context(Replay(reasoned(family)))) for family in (*OPENAI_FAMILIES,)
        ]
        clients = [{"api": f"sk-{family}", "model": [f"{family}/*"]} for family in OPENAI_FAMILIES]
        yield stack.enter_context(gateway({"providers": providers, "api_keys": clients}))


def messages(running: Gateway, family: str, number: int, *, streamed: bool) -> list[dict[str, Any]]:
    """The messages or deltas of an answer, as they stand in its JSON."""
    asked = {"model": f"rec-{number}", "messages": _ASKED, "stream": streamed}
    reply = running.post(json.dumps(asked).encode(), {"Authorization": f"Bearer sk-{family}"})
    assert reply.status == 200, reply.body
    told = pieces({"stream": streamed, "response_body": reply.body.decode()})
    return [choice.get("message") or choice.get("delta") or {} for body in told for choice in body["choices"]]


@needs_records
@pytest.mark.parametrize("family", OPENAI_FAMILIES)
def test_reasoning_is_told_in_one_spelling(stage: Gateway, family: str) -> None:
    spelt = 0
    for number, record in enumerate(reasoned(family)):
        told = messages(stage, family, number, streamed=record["stream"])
        reasoning = "".join(message.get("reasoning_content") or "" for message in told)
        assert reasoning == expected(record).voices[0].reasoning, record["id"]
        for message in told:
            assert not OTHER_SPELLINGS & message.keys(), record["id"]
            assert isinstance(message.get("content") or "", str), record["id"]
            assert all(is_carried(entry) for entry in message.get("reasoning_details", ())), record["id"]
        text = "".join(message.get("content") or "" for message in told)
        assert not text.lstrip().startswith("<think>"), record["id"]
        spelt += 1
    print(f"{family:14} {spelt} answers with reasoning")
    assert spelt or family == "azure"


def is_carried(detail: dict[str, Any]) -> bool:
    """Whether an entry is there for its seal, packed for the way back."""
    return any(str(detail.get(name)).startswith("ua1.") for name in ("signature", "data"))


# --- the way back ---

_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":  1}'}}
_TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


def _completion(message: dict[str, Any]) -> Script:
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "tool_calls"}
    return answer(body | {"choices": [choice]})


def _chunks(*deltas: dict[str, Any]) -> Script:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    told = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    end = head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return stream(*map(event, told), event(end), event("[DONE]"))


def _turns(script: Script, *, streamed: bool = False, normalize: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """An answer as the client has it, and what its host receives when the client sends it back with a result."""
    preferences = {"normalize_reasoning": normalize}
    with Upstream({"m": [script, CHAT]}) as upstream:
        plan = config(channel("h", f"{upstream.url}/v1/chat/completions", ["m"], engine="gpt", preferences=preferences))
        with gateway(plan) as running:
            asked = {"model": "m", "messages": _ASKED, "tools": _TOOLS, "stream": streamed}
            reply = running.post(json.dumps(asked).encode())
            told = pieces({"stream": streamed, "response_body": reply.body.decode()})
            message = _gathered(told) if streamed else told[0]["choices"][0]["message"]
            result = {"role": "tool", "tool_call_id": "call_1", "content": "seen"}
            again = asked | {"messages": [*_ASKED, message, result], "stream": False}
            assert running.post(json.dumps(again, ensure_ascii=False).encode()).status == 200
        received = json.loads(upstream.received[-1].body)["messages"][1]
    return message, received


def _gathered(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """A message put together of its deltas, as clients do it."""
    out: dict[str, Any] = {"role": "assistant"}
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        for name in ("content", "reasoning_content"):
            if delta.get(name):
                out[name] = out.get(name, "") + delta[name]
        for name in ("reasoning_details", "tool_calls"):
            out.setdefault(name, []).extend(delta.get(name, ()))
        if "extra_content" in delta:
            out["extra_content"] = delta["extra_content"]
    calls = [call for call in out["tool_calls"] if call.get("id")]
    for call in calls:
        pieces = [one["function"]["arguments"] for one in out["tool_calls"] if one["index"] == call["index"]]
        call["function"]["arguments"] = "".join(pieces)
    return out | {"tool_calls": calls}


_THOUGHT = " First, I look…\n\nThen \u2028 I say. "


@pytest.mark.parametrize("normalize", [False, True])
def test_a_host_that_wants_its_reasoning_back_gets_every_byte(normalize: bool) -> None:
    """As DeepSeek demands it of turns with calls."""
    script = _completion({"content": "", "reasoning_content": _THOUGHT, "tool_calls": [_CALL]})
    message, received = _turns(script, normalize=normalize)
    assert message["reasoning_content"] == _THOUGHT
    assert received["reasoning_content"] == _THOUGHT
    assert received["tool_calls"] == [_CALL]


def test_streamed_reasoning_comes_back_byte_for_byte() -> None:
    deltas = [{"reasoning_content": character} for character in _THOUGHT]
    message, received = _turns(_chunks(*deltas, {"tool_calls": [{"index": 0, **_CALL}]}), streamed=True)
    assert message["reasoning_content"] == _THOUGHT
    assert received["reasoning_content"] == _THOUGHT
    assert received["tool_calls"][0]["function"] == _CALL["function"]


SEALED: dict[str, tuple[dict[str, Any], str]] = {
    "details": (
        {
            "reasoning": "hm",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": "s/+=", "format": "maker-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "d/+=", "id": "rs_1", "format": "maker-v1", "index": 1},
            ],
        },
        "reasoning_details",
    ),
    "blocks": (
        {
            "reasoning_content": "hm",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "hm", "signature": "s/+="},
                {"type": "redacted_thinking", "data": "d/+="},
            ],
        },
        "thinking_blocks",
    ),
    "parts": (
        {
            "content": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm", "signature": "s/+="}]},
                {"type": "text", "text": "Let me see."},
            ],
        },
        "content",
    ),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("form", SEALED)
def test_seals_come_back_in_the_form_of_their_host(form: str, streamed: bool) -> None:
    told, field = SEALED[form]
    message = {"content": "Let me see.", **told}
    deltas = [told] if form == "parts" else [told, {"content": "Let me "}, {"content": "see."}]
    call = {"tool_calls": [{"index": 0, **_CALL}]}
    script = _chunks(*deltas, call) if streamed else _completion(message | {"tool_calls": [_CALL]})
    seen, received = _turns(script, streamed=streamed)
    assert seen["reasoning_content"].startswith("hm")
    assert not OTHER_SPELLINGS & seen.keys()
    assert all(map(is_carried, seen["reasoning_details"]))
    assert received[field] == told[field]
    assert "ua1." not in json.dumps(received)


def test_without_the_wish_the_bytes_are_left_alone() -> None:
    own = {"content": "<think>hm</think>a", "reasoning": "hm", "tool_calls": [_CALL]}
    message, received = _turns(_completion(own), normalize=False)
    assert message == {"role": "assistant", **own} == received


class Deaf:
    """An HTTP client that notes what is sent and reaches nobody."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    async def send(self, head: Any, body: bytes, **more: Any) -> Any:
        self.bodies.append(json.loads(body))
        raise Fault("connect", "nobody is there")


def _sent(host: str, history: list[dict[str, Any]]) -> Any:
    """The messages that a channel at `host` is sent."""
    where = Channel(
        name="h",
        position=0,
        provider=OpenAI(),
        doors=(Door(Site(base_url=f"https://{host}/v1")),),
        models={"m": ("m",)},
    )
    client = Client(key=Secret("k"), position=0, auto_retry=False)
    http = Deaf()
    relay = Relay(Plan(channels=(where,), clients={b"k": client}), cast(Any, http), cast(Any, None))
    body = json.dumps({"model": "m", "messages": history}).encode()

    async def run() -> Answer:
        return await relay.exchange(openai_chat, body, client, b"r").run()

    assert asyncio.run(run()).status == 502
    return http.bodies[-1]["messages"]


def test_a_host_that_refuses_reasoning_in_a_history_is_sent_none() -> None:
    told: dict[str, Any] = {"role": "assistant", "content": "a", "tool_calls": [_CALL]}
    history: list[dict[str, Any]] = [*_ASKED, told | {"reasoning_content": _THOUGHT}, *_ASKED]
    assert _sent("api.groq.com", history) == [*_ASKED, told, *_ASKED]
    assert _sent("api.deepseek.com", history) == history
