"""The prices that come with `genai-prices`."""

import builtins
import logging
from typing import Any

import pytest

from uni_api.accounts.catalog import Catalog, installed
from uni_api.config.policy import Price

NOW = 1_795_500_000.0


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    found = installed()
    assert found is not None
    return found


def test_a_model_at_its_host(catalog: Catalog) -> None:
    tariff = catalog.tariff("gpt-4o", "https://api.openai.com/v1", NOW)
    assert tariff == ((0, Price(2.5, 10.0, cache_read=1.25)),)


def test_a_model_behind_an_unknown_host(catalog: Catalog) -> None:
    assert catalog.tariff("gpt-4o", "https://relay.example.com/v1", NOW) == catalog.tariff("gpt-4o", None, NOW)


def test_hosts_that_sell_the_models_of_others(catalog: Catalog) -> None:
    for model, address in (
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("claude-sonnet-4-5@20250929", "https://us-east5-aiplatform.googleapis.com"),
        ("openai/gpt-5.1", "https://openrouter.ai/api/v1"),
        ("gpt-4o", "https://mine.openai.azure.com"),
    ):
        assert catalog.tariff(model, address, NOW), model


def test_long_prompts_may_cost_more(catalog: Catalog) -> None:
    tariff = catalog.tariff("gemini-2.5-pro", "https://generativelanguage.googleapis.com/v1beta", NOW)
    assert tariff is not None
    assert [start for start, _ in tariff] == [0, 200_000]
    assert tariff[0][1].input < tariff[1][1].input


def test_writing_to_a_cache_has_its_price(catalog: Catalog) -> None:
    tariff = catalog.tariff("claude-sonnet-4-5", "https://api.anthropic.com/v1", NOW)
    assert tariff is not None
    price = tariff[0][1]
    assert price.cache_read is not None and price.cache_write is not None and price.cache_write_1h is not None
    assert price.cache_read < price.input < price.cache_write < price.cache_write_1h


def test_an_unknown_model(catalog: Catalog) -> None:
    assert catalog.tariff("what-i-made-myself", "http://localhost:11434/v1", NOW) is None


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "genai_prices":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with caplog.at_level(logging.WARNING, "uni_api.accounts"):
        assert installed() is None
    assert "pip install 'uni-api[prices]'" in caplog.text
