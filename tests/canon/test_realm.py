from typing import Any

import pytest

from uni_api.canon import (
    Call,
    FileRef,
    Foreign,
    Losses,
    Media,
    Part,
    Request,
    Result,
    Seal,
    Text,
    Thinking,
    Turn,
    keep_realm,
)

HOME = Seal(realm="home", token="opaque")
AWAY = Seal(realm="away", token="opaque")


def asked(*parts: Part) -> Request:
    return Request(
        model="m",
        turns=(Turn(role="user", parts=(Text(text="Hi."),)), Turn(role="assistant", parts=parts)),
    )


def kept(*parts: Part) -> tuple[tuple[Part, ...], list[tuple[str, str]]]:
    losses = Losses()
    request = keep_realm(asked(*parts), "home", losses)
    return request.turns[1].parts, [(loss.path, loss.kind) for loss in losses.items]


@pytest.mark.parametrize(
    "part",
    [
        Text(text="a", seal=HOME),
        Thinking(text="a", seal=HOME),
        Thinking(withheld=True, seal=HOME),
        Call(id="c", name="n", seal=HOME),
        Media(kind="image", file=FileRef(realm="home", id="f")),
        Media(kind="image", url="https://example.org/a.png", seal=HOME),
        Result(call="c", parts=(Text(text="r"),)),
        Foreign(dialect="elsewhere", block={"type": "x"}),
    ],
)
def test_what_the_realm_can_open_is_the_same_object(part: Part) -> None:
    request = asked(part)
    losses = Losses()
    assert keep_realm(request, "home", losses) is request
    assert not losses


@pytest.mark.parametrize(
    "part", [Thinking(text="a", seal=AWAY), Thinking(text="a"), Thinking(withheld=True, seal=AWAY)]
)
def test_thoughts_of_others_are_left_out(part: Part) -> None:
    assert kept(Text(text="x"), part, Text(text="y")) == (
        (Text(text="x"), Text(text="y")),
        [("turns[1].parts[1]", "tuning")],
    )


def test_thoughts_that_never_had_a_seal_may_stay() -> None:
    request = Request(model="m", turns=(Turn(role="assistant", parts=(Thinking(text="a"), Thinking(seal=AWAY))),))
    turn = keep_realm(request, "home", Losses(), plain_thinking=True).turns[0]
    assert turn.parts == (Thinking(text="a"),)


def test_a_thought_that_says_nothing_is_no_loss() -> None:
    assert kept(Thinking(withheld=True)) == ((), [])


@pytest.mark.parametrize(
    ("part", "bare"),
    [
        (Text(text="a", seal=AWAY), Text(text="a")),
        (Call(id="c", name="n", arguments="{}", seal=AWAY), Call(id="c", name="n", arguments="{}")),
        (Media(kind="image", data=b"x", seal=AWAY), Media(kind="image", data=b"x")),
    ],
)
def test_other_parts_lose_a_foreign_seal_only(part: Part, bare: Part) -> None:
    assert kept(part) == ((bare,), [("turns[1].parts[0].seal", "hint")])


def test_files_stored_elsewhere_are_left_out_of_results_too() -> None:
    away: Any = Media(kind="image", file=FileRef(realm="away", id="f"))
    assert kept(away) == ((), [("turns[1].parts[0]", "meaning")])
    assert kept(Result(call="c", parts=(Text(text="r"), away))) == (
        (Result(call="c", parts=(Text(text="r"),)),),
        [("turns[1].parts[0].parts[1]", "meaning")],
    )
