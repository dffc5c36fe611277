"""Prices that are known without being in the file: those of the package `genai-prices`, if it is installed.

Its data comes with the package; nothing is fetched.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from uni_api.config.policy import Price

logger = logging.getLogger("uni_api.accounts")

Tariff = tuple[tuple[int, Price], ...]
"""Prices by the size of the prompt: each holds for prompts of more tokens than it names, until the next one does."""

_FIELDS: Mapping[str, str] = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
}


class Catalog(Protocol):
    """Knows the prices of models."""

    def tariff(self, model: str, address: str | None, now: float) -> Tariff | None:
        """What `model`, by the upstream's name, costs at the host with this address, or else anywhere."""


def installed() -> Catalog | None:
    """The catalogue, loaded now (a fifth of a second); None when the package is not there, which is told in the log."""
    try:
        return _GenaiPrices()
    except ImportError:
        logger.warning(
            "genai-prices is not installed: models without a model_price are taken to cost the default; "
            "pip install 'uni-api[prices]'"
        )
        return None


class _GenaiPrices:
    def __init__(self) -> None:
        from genai_prices import Usage, calc_price

        self._calculated = calc_price
        self._usage = Usage(input_tokens=0, output_tokens=0)
        self.tariff("", None, 0.0)  # nobody has it, but now the data are loaded

    def tariff(self, model: str, address: str | None, now: float) -> Tariff | None:
        when = datetime.fromtimestamp(now, UTC)
        asked: list[dict[str, Any]] = [{}] if address is None else [{"provider_api_url": address}, {}]
        for where in asked:
            try:
                found = self._calculated(self._usage, model, genai_request_timestamp=when, **where)
            except (LookupError, ValueError):
                continue
            return _tariff(found.model_price)
        return None


def _tariff(prices: Any) -> Tariff | None:
    told = {name: getattr(prices, field) for name, field in _FIELDS.items()}
    if told["input"] is None and told["output"] is None:
        return None
    starts = {tier.start for price in told.values() for tier in getattr(price, "tiers", ())}
    return tuple((start, _price(told, start)) for start in sorted({0, *starts}))


def _price(told: Mapping[str, Any], start: int) -> Price:
    """What holds for prompts of a little more than `start` tokens."""
    found = {name: _at(price, start) for name, price in told.items()}
    return Price(found.pop("input") or 0.0, found.pop("output") or 0.0, **found)


def _at(price: Any, start: int) -> float | None:
    if price is None:
        return None
    amount = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if tier.start <= start:
            amount = tier.price
    return float(amount)
