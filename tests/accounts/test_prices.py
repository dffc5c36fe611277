from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.keys import Clock, limited, plan
from tests.routing.plans import channel, client
from uni_api.accounts.catalog import Catalog, Tariff
from uni_api.accounts.prices import DEFAULT, REVISED, Prices, cost
from uni_api.canon import Usage
from uni_api.config.policy import Price, PriceList
from uni_api.routing import Candidate

FILE = PriceList((("gpt-5", Price(2, 4)), ("gpt-5-mini", Price(1, 2))))


class Known:
    """A catalogue of one model, whose long prompts cost more. `asked` grows by a question."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, float]] = []
        self.loaded = 0

    def load(self) -> Catalog:
        self.loaded += 1
        return self

    def tariff(self, model: str, address: str | None, now: float) -> Tariff | None:
        self.asked.append((model, address, now))
        return ((0, Price(5, 6)), (200, Price(10, 12))) if model == "up" else None


def prices(known: Known, listed: PriceList = FILE, clock: Clock | None = None) -> Prices:
    return Prices(plan(limited("sk-1", dollars=1), prices=listed), clock or Clock(), known.load)


def candidate(model: str) -> Candidate:
    return Candidate(channel("a", [model]), "alias", model)


@pytest.mark.parametrize(
    ("model", "price"), [("gpt-5", Price(2, 4)), ("gpt-5-mini", Price(2, 4)), ("my-gpt-5", DEFAULT), ("GPT-5", DEFAULT)]
)
def test_the_file_goes_by_the_beginning_of_the_name_in_its_order(model: str, price: Price) -> None:
    assert prices(Known()).of(model, None, 0) == price


def test_the_catalogue_is_asked_by_the_name_of_the_upstream() -> None:
    known = Known()
    found = prices(known)
    assert found.of("alias", candidate("up"), 200) == Price(5, 6)
    assert found.of("alias", candidate("up"), 201) == Price(10, 12)
    assert found.of("alias", candidate("other"), 0) == DEFAULT
    assert found.of("gpt-5", candidate("up"), 0) == Price(2, 4)
    assert [model for model, _, _ in known.asked] == ["up", "other"]
    assert known.asked[0][1] == "https://upstream.test/v1"


def test_the_catalogue_is_asked_again_after_a_while() -> None:
    known, clock = Known(), Clock()
    found = prices(known, clock=clock)
    for _ in range(3):
        found.of("alias", candidate("up"), 0)
    clock.at += REVISED
    found.of("alias", candidate("up"), 0)
    assert [now for _, _, now in known.asked] == [clock.at - REVISED, clock.at]


@pytest.mark.parametrize(
    ("clients", "listed", "loaded"),
    [
        ([client("sk-1")], FILE, 0),
        ([limited("sk-1")], FILE, 0),
        ([limited("sk-1", dollars=0)], FILE, 1),
        ([limited("sk-1", dollars=5)], PriceList(FILE.entries, Price(1, 2)), 0),
    ],
    ids=["no limits", "no credits", "credits", "a default in the file"],
)
def test_the_catalogue_is_loaded_only_when_it_may_be_asked(
    clients: Sequence[object], listed: PriceList, loaded: int
) -> None:
    known = Known()
    Prices(plan(*clients, prices=listed), Clock(), known.load)  # type: ignore[arg-type]
    assert known.loaded == loaded


def test_costs_are_in_billionths_of_a_dollar() -> None:
    assert cost(Usage(input=1_000_000, output=1_000_000), Price(0.3, 1)) == 1_300_000_000
    assert cost(Usage(input=1), Price(0.0004, 0)) == 0
    assert cost(Usage(input=3), Price(0.0004, 0)) == 1


def test_parts_of_a_prompt_have_their_own_prices() -> None:
    usage = Usage(input=100, cache_read=10, cache_write=6, cache_write_1h=2, output=50, input_audio=20, output_audio=30)
    price = Price(1, 2, cache_read=0.1, cache_write=1.25, cache_write_1h=3, input_audio=10, output_audio=20)
    assert cost(usage, price) == (80 * 1000) + 20 * 10_000 + 1_000 + 4 * 1_250 + 2 * 3_000 + 20 * 2_000 + 30 * 20_000
    assert cost(usage, Price(1, 2)) == usage.prompt * 1_000 + usage.output * 2_000


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1_000), st.floats(0, 1_000))
def test_costs_are_the_tokens_by_the_price(prompt: int, output: int, per_input: float, per_output: float) -> None:
    usage = Usage(input=prompt, output=output)
    found = cost(usage, Price(per_input, per_output))
    assert abs(found - 1_000 * (prompt * per_input + output * per_output)) <= 1 + found * 1e-9


USAGES = st.builds(Usage, input=st.integers(0, 400), cache_read=st.sampled_from([0, 30]), output=st.integers(0, 400))


@given(
    st.lists(st.tuples(USAGES, st.sampled_from(["alias", "gpt-5"]), st.sampled_from(["up", "flat", None])), max_size=9)
)
def test_what_is_at_hand_costs_the_same(asked: list[tuple[Usage, str, str | None]]) -> None:
    found, afresh = prices(Known()), prices(Known())
    served = {"up": candidate("up"), "flat": candidate("flat"), None: None}
    for usage, model, name in asked:
        price = afresh.of(model, served[name], usage.prompt)
        assert found.cost(model, served[name], usage) == cost(usage, price)
        price = afresh.of(model, served[name], usage.input)
        plain = Usage(input=usage.input, output=usage.output)
        assert found.likely(model, served[name], usage.input, usage.output) == cost(plain, price)


def test_a_price_at_hand_is_asked_for_again_too() -> None:
    known, clock = Known(), Clock()
    found, flat = prices(known, clock=clock), candidate("flat")
    for _ in range(3):
        assert found.likely("alias", flat, 1_000, 1_000) == found.cost("alias", flat, Usage(input=1_000, output=1_000))
    clock.at += REVISED
    found.likely("alias", flat, 1, 1)
    clock.at += REVISED
    found.cost("alias", flat, Usage(input=1))
    assert [now for _, _, now in known.asked] == [clock.at - 2 * REVISED, clock.at - REVISED, clock.at]
