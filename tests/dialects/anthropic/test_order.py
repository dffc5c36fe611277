"""The API's rules of order, on conversations of every shape."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.typed import anthropic_problems
from uni_api.canon import Call, Foreign, Losses, Media, Part, Reasoning, Request, Result, Seal, Text, Thinking, Turn
from uni_api.dialects.anthropic import write_request

IDS = st.sampled_from(["a", "b", "a:b", "a_b", "", "c"])
NAMES = st.sampled_from(["one", "two", "an.odd name"])
TEXTS = st.builds(Text, text=st.sampled_from(["", " ", "word", "word \n"]))
CALLS = st.builds(Call, id=IDS, name=NAMES, arguments=st.sampled_from(["", "{}", '{"a":1}', "[]", "{"]))
RESULTS = st.builds(Result, call=IDS, parts=st.lists(TEXTS, max_size=2).map(tuple), error=st.booleans())
OTHERS = st.sampled_from(
    [
        Thinking(text="t", seal=Seal(realm="r", token="s")),
        Thinking(text="t"),
        Media(kind="image", url="https://example.org/a.png"),
        Foreign(dialect="elsewhere", block={}),
    ]
)
PARTS: st.SearchStrategy[Part] = st.one_of(TEXTS, CALLS, RESULTS, OTHERS)
TURNS = st.builds(
    Turn, role=st.sampled_from(["system", "user", "assistant"]), parts=st.lists(PARTS, max_size=4).map(tuple)
)
MODELS = st.sampled_from(
    ["claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-8", "claude-fable-5-1", "other"]
)


@given(st.lists(TURNS, max_size=8), MODELS, st.booleans())
def test_every_conversation_keeps_the_rules(turns: list[Turn], model: str, thinks: bool) -> None:
    reasoning = Reasoning(effort="low") if thinks else None
    body = write_request(Request(model=model, turns=tuple(turns), reasoning=reasoning), Losses())
    assert anthropic_problems(body) == []
    messages: list[dict[str, Any]] = [
        {**message, "content": _blocks(message["content"])} for message in body["messages"]
    ]
    assert messages
    ids: list[str] = []
    for index, message in enumerate(messages):
        before = messages[index - 1] if index else None
        after = messages[index + 1] if index + 1 < len(messages) else None
        assert message["content"]
        if before is not None:
            assert before["role"] != message["role"]
        if message["role"] == "system":
            assert before is not None
            assert before["role"] == "user"
            assert after is None or after["role"] == "assistant"
        calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        ids += calls
        if calls:
            assert after is not None
            answered = [block.get("tool_use_id") for block in after["content"][: len(calls)]]
            assert sorted(answered) == sorted(calls)
        owed = [block["id"] for block in before["content"] if block["type"] == "tool_use"] if before else []
        assert sum(block["type"] == "tool_result" for block in message["content"]) == len(owed)
        for block in message["content"]:
            assert block["type"] != "text" or block["text"].strip()
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", id) for id in ids)
    last = messages[-1]
    if last["role"] == "assistant":
        text = last["content"][-1]
        assert text["type"] == "text"
        assert text["text"] == text["text"].rstrip()
        assert "thinking" not in body or last["content"][0]["type"] == "thinking"


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
