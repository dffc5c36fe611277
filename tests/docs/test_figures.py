"""The figures on the front page are those of the benchmarks' page."""

from tests.docs.pages import table

HEADER = ("measure", "gateway", "nginx", "ratio")


def test_figures_agree() -> None:
    assert table("README.md", *HEADER) == table("bench/README.md", *HEADER)
