import pytest

from tests.config.files import CLIENTS, plan

LADDER = [
    ("alias-1", 1),
    ("ALIAS", 2),
    ("upstream-1", 3),
    ("UPstream", 4),
    ("default", 5),
]
"""The keys of a timeout map that fit alias `alias-1` of model `upstream-1`, in the order of their precedence."""


@pytest.mark.parametrize("known", range(len(LADDER) + 1))
@pytest.mark.parametrize("in_file", ["best first", "best last"])
def test_order_in_which_a_timeout_is_looked_up(known: int, in_file: str) -> None:
    """With the `known` best keys taken away from the channel's map, the next one holds; then the global map."""
    own = LADDER[known:]
    ordered = own if in_file == "best first" else own[::-1]
    table = ", ".join(f"{key}: {value}" for key, value in ordered)
    found = plan(
        "providers: [{provider: p, base_url: 'https://a.b', model: [upstream-1: alias-1], "
        f"preferences: {{model_timeout: {{{table}}}}}}}]\n{CLIENTS}"
        f"preferences: {{model_timeout: {{{', '.join(f'{key}: {value + 10}' for key, value in LADDER)}}}}}"
    )
    expected = own[0][1] if own else 11
    assert found.wait_for(found.channels[0], "alias-1", "upstream-1") == expected


@pytest.mark.parametrize(
    ("channel", "everywhere", "environment", "seconds"),
    [
        ("7", "8", "9", 7),
        ("", "8", "9", 8),
        ("{other: 7}", "8", "9", 8),
        ("", "", "9", 9),
        ("", "{other: 8}", "9", 9),
        ("", "", "", 100),
    ],
)
def test_timeout_of_channel_then_file_then_environment(
    channel: str, everywhere: str, environment: str, seconds: float
) -> None:
    found = plan(
        "providers: [{provider: p, base_url: 'https://a.b', model: [m], "
        f"preferences: {{model_timeout: {channel}}}}}]\n"
        f"{CLIENTS}preferences: {{model_timeout: {everywhere}}}",
        TIMEOUT=environment,
    )
    assert found.wait_for(found.channels[0], "m", "m") == seconds


def test_first_of_several_parts_holds() -> None:
    found = plan(
        "providers: [{provider: p, base_url: 'https://a.b', model: [gpt-5.1-mini], "
        f"preferences: {{model_timeout: {{gpt: 1, gpt-5.1: 2}}}}}}]\n{CLIENTS}"
    )
    assert found.wait_for(found.channels[0], "gpt-5.1-mini", "gpt-5.1-mini") == 1
