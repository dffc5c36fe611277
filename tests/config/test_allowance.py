import pytest

from tests.config.files import PROVIDERS, plan, problems
from uni_api.config.policy import Allowance, ByModel, Limit, Price, PriceList


def allowance(client: str, overall: str = "") -> Allowance | None:
    text = f"{PROVIDERS}api_keys: [{{api: sk-1, preferences: {{{client}}}}}]\npreferences: {{{overall}}}"
    (found,) = plan(text, strict=True).clients.values()
    return found.allowance


TWO = (Limit(2, 60),)


@pytest.mark.parametrize(
    ("client", "overall", "found"),
    [
        ("", "", None),
        ("credits: -1", "", None),
        ("created_at: 2026-11-01", "", None),
        ("rate_limit: 2/min", "", Allowance(limits=ByModel(default=TWO))),
        ("RATE_LIMIT: 2/min", "", Allowance(limits=ByModel(default=TWO))),
        ("RATE_LIMIT: 9/min, rate_limit: 2/min", "", Allowance(limits=ByModel(default=TWO))),
        ("rate_limit: {a: 2/min}", "", Allowance(limits=ByModel((("a", TWO),)))),
        ("rate_limit: {a: 2/min, default: 2/min}", "", Allowance(limits=ByModel((("a", TWO),), TWO))),
        ("", "rate_limit: 2/min", Allowance(overall=TWO)),
        ("credits: 0", "", Allowance(credits=0)),
        ("credits: 0.0000015", "", Allowance(credits=1_500)),
        (
            "credits: 10, created_at: 2026-11-01T00:00:00+00:00",
            "",
            Allowance(credits=10_000_000_000, since="20261101T000000Z"),
        ),
    ],
)
def test_what_a_key_may_use_up(client: str, overall: str, found: Allowance | None) -> None:
    assert allowance(client, overall) == found


def test_prices_are_in_the_order_of_the_file() -> None:
    text = f'{PROVIDERS}api_keys: [{{api: sk-1}}]\npreferences: {{model_price: {{b: "1,2", default: "5,6", a: "3,4"}}}}'
    assert plan(text).prices == PriceList((("b", Price(1, 2)), ("a", Price(3, 4))), Price(5, 6))


def test_one_price_for_all() -> None:
    text = f'{PROVIDERS}api_keys: [{{api: sk-1}}]\npreferences: {{model_price: "1,2"}}'
    assert plan(text).prices == PriceList(default=Price(1, 2))


@pytest.mark.parametrize(
    ("preferences", "path"),
    [("rate_limit: often", "rate_limit"), ("credits: much", "credits"), ("created_at: soon", "created_at")],
)
def test_what_makes_no_sense_is_refused(preferences: str, path: str) -> None:
    (problem,) = problems(f"{PROVIDERS}api_keys: [{{api: sk-1, preferences: {{{preferences}}}}}]")
    assert f"api_keys[0].preferences.{path}" in problem
