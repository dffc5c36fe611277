"""fold and unfold: a stream and a reply say the same."""

import pytest
from hypothesis import given

from tests.dialects import laws
from uni_api.canon import (
    Broke,
    Call,
    Choice,
    Citation,
    Cited,
    Closed,
    Finish,
    Finished,
    Foreign,
    Grew,
    Media,
    Metered,
    Noted,
    Opened,
    Reply,
    Rest,
    Scored,
    Seal,
    Sealed,
    Started,
    Text,
    Thinking,
    Token,
    Usage,
    fold,
    unfold,
)
from uni_api.errors import Fault

SEAL = Seal(realm="r", token="t")


@given(laws.replies(most_choices=3))
def test_folding_what_was_unfolded_gives_the_reply(reply: Reply) -> None:
    events = list(unfold(reply))
    laws.check_grammar(events)
    assert fold(events) == reply


def test_everything_that_can_happen() -> None:
    link = Citation(url="https://a.example")
    reply = fold(
        [
            Started(id="i", model="m", created=1),
            Opened(0, Thinking()),
            Grew(0, "h"),
            Opened(1, Call(id="c", name="f"), 1),
            Grew(1, "{"),
            Grew(0, "m"),
            Sealed(0, SEAL),
            Closed(0),
            Grew(1, "}"),
            Sealed(1, SEAL),
            Closed(1),
            Opened(2, Text()),
            Cited(2, link),
            Grew(2, "a"),
            Sealed(2, SEAL),
            Scored((Token(text="a", logprob=0.0),)),
            Scored((Token(text="b", logprob=0.0),)),
            Closed(2),
            Opened(3, Media(kind="image", data=b"x")),
            Sealed(3, SEAL),
            Closed(3),
            Metered(Usage(input=1)),
            Metered(Usage(input=2)),
            Noted(Rest("d", {"a": 1, "b": 1}, frozenset({"a"}))),
            Noted(Rest("d", {"b": 2}, frozenset({"b"}))),
            Noted(Rest("d", {"c": 3}), 1),
            Finished(Finish("calls"), 1),
            Finished(Finish("stop")),
        ]
    )
    assert reply == Reply(
        id="i",
        model="m",
        created=1,
        choices=(
            Choice(
                parts=(
                    Thinking(text="hm", seal=SEAL),
                    Text(text="a", citations=(link,), seal=SEAL),
                    Media(kind="image", data=b"x", seal=SEAL),
                ),
                finish=Finish("stop"),
                logprobs=(Token(text="a", logprob=0.0), Token(text="b", logprob=0.0)),
            ),
            Choice(
                parts=(Call(id="c", name="f", arguments="{}", seal=SEAL),),
                finish=Finish("calls"),
                rest=Rest("d", {"c": 3}),
            ),
        ),
        usage=Usage(input=2),
        rest=Rest("d", {"a": 1, "b": 2}, frozenset({"a", "b"})),
    )
    assert fold(unfold(reply)) == reply


def test_a_part_may_open_with_some_of_its_text() -> None:
    assert fold([Opened(0, Text(text="a")), Grew(0, "b")]).choices[0].parts == (Text(text="ab"),)


def test_an_empty_stream_is_one_empty_choice() -> None:
    assert fold([]) == Reply(choices=(Choice(),))


def test_a_stream_that_broke_raises_its_fault() -> None:
    fault = Fault("overloaded", "gone")
    with pytest.raises(Fault) as caught:
        fold([Started(), Broke(fault)])
    assert caught.value is fault


def test_some_parts_bear_no_seal_and_no_citation() -> None:
    block = Opened(0, Foreign(dialect="d", block={}))
    with pytest.raises(TypeError, match="a Foreign bears no seal"):
        fold([block, Sealed(0, SEAL)])
    with pytest.raises(TypeError, match="a Thinking bears no citation"):
        fold([Opened(0, Thinking()), Cited(0, Citation())])


def test_usage_adds_up() -> None:
    usage = Usage(input=1, cache_read=2, cache_write=3, output=4, reasoning=2)
    assert (usage.prompt, usage.total) == (6, 10)
