"""Medians, ratios, and how they are shown."""

from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct


class Figures(Struct):
    """Everything that was measured. Lists hold one value a round; costs are microseconds of processor time an event."""

    rates: dict[tuple[str, str], list[float]]
    costs: dict[tuple[str, str], list[float]]
    memory: dict[str, float]
    bad: int = 0
    first_answer: float = 0.0

    def ratio(self, table: Mapping[tuple[str, str], Sequence[float]], lane: str) -> float:
        return median(table["gateway", lane]) / median(table["nginx", lane])

    def cost(self, lane: str) -> float:
        return median(self.costs["gateway", lane])


def table(figures: Figures, *, events: int, pace: int) -> str:
    """The comparison as text, one row a measure."""
    rows = [f"{'':36}{'gateway':>10}{'nginx':>10}{'ratio':>8}"]
    for lane, name in (("json", "JSON answers/s"), ("sse", f"SSE streams/s, {events} events each")):
        rows.append(_row(name, figures, figures.rates, lane, "{:,.0f}"))
    rows.append(_row(f"CPU us/event, {pace:,} events/s", figures, figures.costs, "paced", "{:.1f}"))
    rows.append(f"{'memory, MiB':36}{figures.memory['gateway']:>10.0f}{figures.memory['nginx']:>10.0f}")
    rows.append(f"{'bad answers':36}{figures.bad:>10}")
    rows.append(f"{'first proxied answer, s':36}{figures.first_answer:>10.2f}")
    rows.append("")
    rows.append(f"{'CPU us/event through the gateway':36}{'us':>10}{'of verbatim':>18}")
    verbatim = figures.cost("slow")
    rows.append(f"{'  verbatim':36}{verbatim:>10.1f}{1:>18.2f}")
    for lane in ("anthropic", "gemini"):
        rows.append(
            f"{f'  translated from {lane}':36}{figures.cost(lane):>10.1f}{figures.cost(lane) / verbatim:>18.2f}"
        )
    return "\n".join(rows)


def result(figures: Figures) -> str:
    """One line for machines."""
    verbatim = figures.cost("slow")
    return (
        f"RESULT json_ratio={figures.ratio(figures.rates, 'json'):.3f}"
        f" sse_ratio={figures.ratio(figures.rates, 'sse'):.3f}"
        f" event_cost_ratio={figures.ratio(figures.costs, 'paced'):.3f}"
        f" anthropic_cost={figures.cost('anthropic') / verbatim:.2f}"
        f" gemini_cost={figures.cost('gemini') / verbatim:.2f}"
        f" memory_mib={figures.memory['gateway']:.0f}"
        f" bad={figures.bad}"
    )


def _row(name: str, figures: Figures, values: Mapping[tuple[str, str], Sequence[float]], lane: str, shape: str) -> str:
    gateway, nginx = (shape.format(median(values[who, lane])) for who in ("gateway", "nginx"))
    return f"{name:36}{gateway:>10}{nginx:>10}{figures.ratio(values, lane):>8.3f}"
