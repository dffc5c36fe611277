import pickle

import pytest

from uni_api.secret import Secret


def test_nothing_printed_holds_the_text() -> None:
    secret = Secret("sk-very-secret")
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", secret.label):
        assert "sk-very" not in shown


def test_label_is_the_same_for_the_same_text_and_no_part_of_it() -> None:
    assert Secret("sk-a").label == Secret("sk-a").label != Secret("sk-b").label
    assert len(Secret("sk-a").label) == 8


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("sk-a") == Secret("sk-a") != Secret("sk-b")
    assert Secret("sk-a") != "sk-a"
    assert {Secret("sk-a"), Secret("sk-a"), Secret("sk-b")} == {Secret("sk-b"), Secret("sk-a")}


def test_bytes_that_are_no_text_are_a_secret_too() -> None:
    text = b"sk-\xff\xfe".decode("utf-8", "surrogateescape")
    assert Secret(text).reveal() == text


def test_a_secret_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Secret("sk-a"))
