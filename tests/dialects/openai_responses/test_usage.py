"""Token counters: disjoint in canon, parts of one another on the wire."""

from typing import Any

import pytest

from uni_api.canon import Usage
from uni_api.dialects.openai_responses.usage import beyond_usage, read_usage


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, Usage()),
        (
            {
                "input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
                "output_tokens": 50,
                "output_tokens_details": {"reasoning_tokens": 40},
                "total_tokens": 150,
            },
            Usage(input=10, cache_read=60, cache_write=30, output=50, reasoning=40),
        ),
        # Reasoning beside the output, as the total shows.
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 3},
                "total_tokens": 18,
            },
            Usage(input=10, output=8, reasoning=3),
        ),
        # More cached than there is: the prompt stays what it is said to be.
        ({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 15}}, Usage(cache_read=10)),
        ({"input_tokens": None, "output_tokens": "5", "input_tokens_details": 3}, Usage()),
    ],
)
def test_counters(usage: Any, expected: Usage) -> None:
    assert read_usage(usage) == expected


def test_what_canon_does_not_count_is_kept() -> None:
    usage = {"input_tokens": 1, "num_sources_used": 3, "input_tokens_details": {"cached_tokens": 0, "images": 2}}
    assert beyond_usage(usage) == {"num_sources_used": 3, "input_tokens_details": {"images": 2}}
