"""Token counts and finish words, as hosts spell them."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from openai.types import CompletionUsage

from tests.dialects import laws
from uni_api.canon import Finish, Usage
from uni_api.dialects.openai_chat.usage import Reason, read_finish, read_usage, usage_in, write_finish, write_usage


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, Usage(input=10, output=5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 1},
            },
            Usage(input=4, cache_read=4, cache_write=2, output=5, reasoning=3, input_audio=1, output_audio=1),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22, "reasoning_tokens": 7},
            Usage(input=10, output=12, reasoning=7),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4},
            Usage(input=4, cache_read=6, output=5),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 5, "num_cached_tokens": 6}, Usage(input=4, cache_read=6, output=5)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 6}, Usage(input=4, cache_read=6, output=5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 4,
                "cache_creation": {"ephemeral_1h_input_tokens": 4},
            },
            Usage(input=3, cache_read=3, cache_write=4, cache_write_1h=4, output=5),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 90}},
            Usage(cache_read=10, output=5),
        ),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(input=3, output=4)),
        ({"prompt_tokens": None, "completion_tokens": "x", "prompt_tokens_details": []}, Usage()),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage()),
    ],
)
def test_spellings_of_usage(told: dict[str, Any], usage: Usage) -> None:
    assert read_usage({"usage": told}) == usage
    for answer in (
        {"usage": told},
        {"usage": None, "x_groq": {"usage": told}},
        {"usage": {}, "choices": [{"usage": told}]},
    ):
        assert usage_in(json.dumps(answer).encode()) == usage


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"3", b"{}", b'{"usage":7}', b'{"usage":{}}', b"[" * 5_000])
def test_no_usage_in_what_is_no_answer(data: bytes) -> None:
    assert usage_in(data) is None


def test_where_usage_is_found() -> None:
    told = {"prompt_tokens": 1, "completion_tokens": 2}
    assert read_usage({"x_groq": {"usage": told}}) == Usage(input=1, output=2)
    assert read_usage({"choices": [{"index": 0, "usage": told}]}) == Usage(input=1, output=2)
    nothing: list[dict[str, Any]] = [{}, {"usage": None}, {"usage": {}}, {"usage": 3}, {"x_groq": 1}, {"choices": []}]
    for answer in nothing:
        assert read_usage(answer) is None


@given(laws.usages)
def test_usage_is_written_as_the_sdk_reads_it(usage: Usage) -> None:
    told = CompletionUsage.model_validate(write_usage(usage))
    assert told.prompt_tokens == usage.input + usage.cache_read + usage.cache_write
    assert told.total_tokens == told.prompt_tokens + told.completion_tokens
    assert told.prompt_tokens_details is not None and told.completion_tokens_details is not None
    assert told.prompt_tokens_details.cached_tokens == usage.cache_read
    assert (told.prompt_tokens_details.cache_write_tokens or 0) == usage.cache_write
    assert told.completion_tokens_details.reasoning_tokens == usage.reasoning
    assert read_usage({"usage": write_usage(usage)}) == usage


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("tool_calls", "calls"),
        ("function_call", "calls"),
        ("content_filter", "filter"),
        ("refusal", "refusal"),
        ("error", "other"),
    ],
)
def test_finish_words(word: str, reason: Any) -> None:
    assert read_finish(word) == Finish(reason, word)


def test_every_reason_has_a_word_of_the_sdk() -> None:
    known = {"stop", "length", "tool_calls", "content_filter", "function_call"}
    words = {reason: write_finish(Finish(reason), calls=False) for reason in get_args(Reason)}
    assert set(words.values()) <= known
    assert words["refusal"] == words["filter"] == "content_filter"
    assert words["pause"] == words["other"] == "stop"


def test_a_missing_finish_is_told_from_the_answer() -> None:
    assert write_finish(None, calls=True) == "tool_calls"
    assert write_finish(None, calls=False) == "stop"
    assert write_finish(Finish("calls"), calls=True, legacy=True) == "function_call"
    assert write_finish(Finish("stop"), calls=True, legacy=True) == "stop"
