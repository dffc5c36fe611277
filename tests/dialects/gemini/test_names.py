"""Tool names: every name that is not too long comes back as it was."""

import re

from hypothesis import given
from hypothesis import strategies as st

from uni_api.dialects.gemini._names import client_name, is_cut, wire_name

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\-]{0,127}")


@given(st.text(min_size=1, max_size=15) | st.text("_xX0a-é", min_size=1, max_size=14))
def test_any_name_is_made_legal_and_read_back(name: str) -> None:
    assert LEGAL.fullmatch(wire_name(name))
    assert client_name(wire_name(name)) == name
    assert not is_cut(name)


def test_legal_names_are_not_touched() -> None:
    for name in ("get_weather", "_x", "a.b:c-d", "n" * 128, "get_x_y", "max_x1"):
        assert wire_name(name) == name


def test_long_names_are_cut_and_stay_apart() -> None:
    one, two = "n" * 200 + "1", "n" * 200 + "2"
    assert LEGAL.fullmatch(wire_name(one))
    assert wire_name(one) != wire_name(two)
    assert is_cut(one)
    assert is_cut("")
