"""What stays the same while a conversation grows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.dialects.openai_chat.opening import HEAD, opening

TEXT = st.text(max_size=40) | st.sampled_from(['"', "\\", '\\"}', '{"role": "assistant"}', "}]},{", '"role"', "system"])


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def raw(*messages: Any, **how: Any) -> bytes:
    return json.dumps(list(messages), **how).encode("utf-8", "surrogatepass")


def turned(said: dict[str, Any]) -> dict[str, Any]:
    """The same with its role last, as some clients have it."""
    return dict(reversed(said.items()))


QUESTION = message("user", "hi")
PARTS = message("user", [{"type": "text", "text": "a {"}, {"type": "image_url", "image_url": {"url": "https://x"}}])
ANSWER = message("assistant", 'said "so"')
CALL = {"content": None, "role": "assistant", "tool_calls": [{"id": "1", "function": {"arguments": '{"a": {}}'}}]}


@pytest.mark.parametrize("begins", [[QUESTION], [message("system", "be"), QUESTION], [PARTS], [turned(QUESTION)]])
@pytest.mark.parametrize("follows", [[ANSWER], [turned(ANSWER), QUESTION], [CALL, message("tool", "r")], [QUESTION]])
@pytest.mark.parametrize("how", [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])
def test_what_follows_does_not_matter(begins: list[Any], follows: list[Any], how: dict[str, Any]) -> None:
    assert opening(raw(*begins, **how)) == opening(raw(*begins, *follows, **how))


@given(TEXT, TEXT, TEXT, TEXT)
def test_any_texts(operator: str, first: str, answer: str, second: str) -> None:
    begins = [message("developer", operator), message("user", first)]
    grown = [*begins, message("assistant", answer), message("user", second)]
    assert opening(raw(*begins)) == opening(raw(*grown))


@pytest.mark.parametrize(
    "other",
    [
        [message("system", "be"), message("user", "ho")],
        [message("system", "do"), message("user", "hi")],
        [message("user", "hi")],
        [message("system", "be"), message("user", [{"type": "text", "text": "hi"}])],
    ],
)
def test_another_beginning_is_another_conversation(other: list[Any]) -> None:
    assert opening(raw(message("system", "be"), QUESTION)) != opening(raw(*other))


def test_questions_after_a_long_system_prompt_are_told_apart() -> None:
    operator = message("system", 'say "x" or {"role": 1}. ' * 1000)
    one, other = (opening(raw(operator, message("user", question))) for question in ("a", "b"))
    assert one != other
    assert one == opening(raw(operator, message("user", "a"), ANSWER))
    assert len(one) < 3000


def test_no_more_than_the_head_is_looked_at() -> None:
    long = message("user", "x" * HEAD)
    assert opening(raw(long)) == opening(raw(long, ANSWER))


@pytest.mark.parametrize(
    "data", [b"", b'"', b"[]", b'"role"', b'[{"role"', b'[{"role":"user', b"\\" * 9, b"}}}", b"\xff"]
)
def test_anything_has_a_beginning(data: bytes) -> None:
    assert opening(data) == opening(memoryview(data))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind(data: bytes) -> None:
    opening(b'[{"role":"user"' + data)
