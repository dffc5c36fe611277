"""The ledger of what could not be said."""

from uni_api.canon import Loss, Losses, Rest


def test_it_is_true_when_there_is_a_loss() -> None:
    losses = Losses()
    assert not losses and repr(losses) == "<Losses >"
    losses.add("sampling.seed", "tuning", "no seed")
    assert losses and losses.items == [Loss("sampling.seed", "tuning", "no seed")]
    assert repr(losses) == "<Losses sampling.seed (tuning)>"


def test_leftovers_return_to_their_own_dialect_only() -> None:
    rest = Rest("here", {"a": 1, "b": 2, "null": None, ":spelt": "so"}, frozenset({"b"}))
    losses = Losses()
    assert losses.merge({"a": 0}, rest, "here") == {"a": 0, "b": 2, "null": None}
    assert not losses
    assert losses.merge({"a": 0}, rest, "there", "turns[0]") == {"a": 0}
    assert [(loss.path, loss.kind) for loss in losses.items] == [("turns[0].a", "tuning"), ("turns[0].b", "hint")]


def test_nothing_left_is_nothing_lost() -> None:
    losses = Losses()
    assert losses.merge({"a": 1}, None, "here") == {"a": 1}
    losses.drop(None)
    losses.drop(Rest("here", {":note": True, "null": None}))
    assert not losses


def test_only_meaning_breaks_meaning() -> None:
    losses = Losses()
    losses.add("a", "hint", "")
    losses.add("b", "tuning", "")
    assert not losses.break_meaning
    losses.add("c", "meaning", "")
    assert losses.break_meaning


def test_the_summary_fits_in_a_header() -> None:
    losses = Losses()
    losses.add("hidden", "hint", "")
    losses.add("a", "tuning", "")
    losses.add("a", "meaning", "")
    losses.add("b\u20ac", "meaning", "")
    assert losses.summary() == "a, b?"
    for number in range(500):
        losses.add(f"turns[{number}]", "meaning", "")
    assert len(losses.summary()) == 1000 and losses.summary().endswith("...")
