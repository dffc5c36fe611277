"""What a request costs."""

from collections.abc import Callable

from uni_api.accounts.catalog import Catalog, Tariff, installed
from uni_api.canon import Usage
from uni_api.config.plan import Plan
from uni_api.config.policy import Price
from uni_api.routing import Candidate

DEFAULT = Price(0.3, 1.0)
"""What a model costs that neither the file nor the catalogue knows."""

_DEFAULT: Tariff = ((0, DEFAULT),)

REVISED = 1_800.0
"""Seconds after which the catalogue is asked again: some prices depend on the time of day."""

_MOST_KNOWN = 10_000

Load = Callable[[], Catalog | None]


class Prices:
    """Prices of one Plan: those of the file first, then the catalogue's for the model that serves, then `DEFAULT`.

    The catalogue is loaded at once when some key has credits and the file does not tell every price. Costs are in
    billionths of a dollar; `model` is the client's name for what `candidate` serves.
    """

    def __init__(self, plan: Plan, now: Callable[[], float], load: Load = installed) -> None:
        self._listed = plan.prices
        self._now = now
        self._flat: dict[tuple[str, Candidate | None], Price] = {}
        """Those that hold for a prompt of any size, at hand for every request."""
        self._known: dict[tuple[str, str], Tariff | None] = {}
        self._until = 0.0
        billed = any(one.allowance is not None and one.allowance.credits is not None for one in plan.clients.values())
        self._catalog = load() if billed and plan.prices.default is None else None

    def flat(self, model: str, candidate: Candidate | None) -> Price | None:
        """The price that holds for a prompt of any size; None where it depends, or is not at hand."""
        return self._flat.get((model, candidate)) if self._now() < self._until else None

    def likely(self, model: str, candidate: Candidate | None, prompt: int, output: int) -> int:
        """What so many tokens cost if none of them come from a cache, or are sound."""
        return expected(prompt, output, self.flat(model, candidate) or self.of(model, candidate, prompt))

    def cost(self, model: str, candidate: Candidate | None, usage: Usage) -> int:
        """What `usage` costs."""
        return cost(usage, self.flat(model, candidate) or self.of(model, candidate, usage.prompt))

    def of(self, model: str, candidate: Candidate | None, prompt: int) -> Price:
        """The price of a prompt of so many tokens."""
        now = self._now()
        if now >= self._until or len(self._known) >= _MOST_KNOWN or len(self._flat) >= _MOST_KNOWN:
            self._flat, self._known = {}, {}
            self._until = now + REVISED
        tariff = self._tariff(model, candidate, now)
        price = tariff[0][1]
        if len(tariff) == 1:
            self._flat[model, candidate] = price
        for start, one in tariff:
            if prompt > start:
                price = one
        return price

    def _tariff(self, model: str, candidate: Candidate | None, now: float) -> Tariff:
        listed = self._listed.of(model)
        if listed is not None:
            return ((0, listed),)
        if candidate is None or self._catalog is None:
            return _DEFAULT
        address = candidate.channel.doors[0].site.base_url
        slot = (candidate.model, address)
        if slot not in self._known:
            self._known[slot] = self._catalog.tariff(candidate.model, address or None, now)
        return self._known[slot] or _DEFAULT


def expected(prompt: int, output: int, price: Price) -> int:
    """What so many tokens cost, in billionths of a dollar, if none of them come from a cache, or are sound."""
    return round((prompt * price.input + output * price.output) * 1_000)


def cost(usage: Usage, price: Price) -> int:
    """What `usage` costs, in billionths of a dollar."""
    if not (usage.cache_read or usage.cache_write or usage.input_audio or usage.output_audio):
        return expected(usage.input, usage.output, price)
    written = usage.cache_write - usage.cache_write_1h
    per_write = _else(price.cache_write, price.input)
    dollars_per_million = (
        (usage.input - usage.input_audio) * price.input
        + usage.input_audio * _else(price.input_audio, price.input)
        + usage.cache_read * _else(price.cache_read, price.input)
        + written * per_write
        + usage.cache_write_1h * _else(price.cache_write_1h, per_write)
        + (usage.output - usage.output_audio) * price.output
        + usage.output_audio * _else(price.output_audio, price.output)
    )
    return max(0, round(dollars_per_million * 1_000))


def _else(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price
