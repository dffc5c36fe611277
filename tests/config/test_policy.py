import pytest

from uni_api.config.policy import ByModel, Limit, Price, PriceList

TABLE = ByModel(entries=(("gpt", 1), ("gpt-5.1", 2), ("exact", 3)), default=9)


@pytest.mark.parametrize(
    ("name", "found"), [("gpt", 1), ("gpt-5.1", 2), ("gpt-5.1-mini", 1), ("my-GPT", 1), ("exact", 3), ("else", None)]
)
def test_the_exact_name_counts_before_the_first_part_in_the_files_order(name: str, found: int | None) -> None:
    assert TABLE.find(name) == found
    assert TABLE.of(name) == (9 if found is None else found)


def test_a_table_without_default_has_nothing_for_the_rest() -> None:
    assert ByModel(entries=(("a", 0),)).of("b") is None
    assert ByModel(entries=(("a", 0),), default=5).of("a") == 0


def test_an_entry_is_told_with_its_key() -> None:
    assert TABLE.entry("gpt-5.1-mini") == ("gpt", 1)
    assert TABLE.entry("else") is None


def test_a_price_goes_by_the_beginning_of_the_name() -> None:
    prices = PriceList((("gpt-5", Price(1, 2)), ("gpt-5-mini", Price(3, 4))), Price(5, 6))
    assert prices.of("gpt-5-mini") == Price(1, 2)
    assert prices.of("my-gpt-5") == Price(5, 6)
    assert PriceList().of("gpt-5") is None


def test_only_a_limit_of_requests_does_not_care_what_they_come_to() -> None:
    assert [limit.weighs for limit in (Limit(9, 60), Limit(9, 60, tokens=True), Limit(9))] == [False, True, True]
