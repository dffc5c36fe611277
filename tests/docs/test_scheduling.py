"""The table of scheduling algorithms, compared with what may be written."""

from typing import get_args

from tests.docs.pages import code, table
from uni_api.config.plan import Scheduling


def test_every_algorithm_is_explained() -> None:
    rows = table("docs/configuration.md", "algorithm", "the first is", "then come")
    assert [code(row[0]) for row in rows] == [[word] for word in get_args(Scheduling)]
