"""The kind of an error: by its word, by its status, and by what it says."""

import re

import pytest

from uni_api.dialects.error_table import ErrorTable, words_of
from uni_api.errors import FaultKind

TABLE = ErrorTable(
    types={"slow_down": ("rate", 429), "wrong": ("bad_request", 400)},
    statuses={401: "auth", 429: "rate"},
    finer={
        "bad_request": (("too_long", re.compile("too long")), ("filtered", re.compile("policy"))),
        "rate": (("quota", re.compile("per day")),),
    },
)


@pytest.mark.parametrize(
    ("word", "status", "message", "kind"),
    [
        ("slow_down", 400, "", "rate"),
        ("slow_down", 400, "tokens per day", "quota"),
        ("unknown", 401, "", "auth"),
        (None, 429, "", "rate"),
        (None, 422, "", "bad_request"),
        (None, 400, "too long for our policy", "too_long"),
        (None, 400, "against our policy", "filtered"),
        (None, 500, "too long", "overloaded"),
        (None, 200, "", "overloaded"),
    ],
)
def test_the_word_counts_before_the_status_and_the_message_refines_both(
    word: str | None, status: int, message: str, kind: FaultKind
) -> None:
    assert TABLE.kind(word, status, message) == kind


@pytest.mark.parametrize(
    ("word", "status", "shown"),
    [("slow_down", 400, 400), ("slow_down", 200, 429), ("unknown", 200, 502), (None, 0, 502)],
)
def test_a_status_that_tells_nothing_is_that_of_the_word(word: str | None, status: int, shown: int) -> None:
    assert TABLE.status(word, status) == shown


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b" plain text \n", "plain text"),
        (b"<html><title> Bad Gateway </title></html>", "Bad Gateway"),
        (b"<Error><Message>no access</Message></Error>", "no access"),
        (b"<html>nothing to say</html>", ""),
        (b'{"half', ""),
        (b"x" * 1000, "x" * 500),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_words_of_a_body_that_is_no_json(body: bytes, words: str) -> None:
    assert words_of(body, "title", "Message") == words


def test_only_the_tags_that_are_asked_for_are_read() -> None:
    assert words_of(b"<Error><Message>no access</Message></Error>", "title") == ""
