import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan, problems
from uni_api.config.policy import Affinity


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("", None),
        ("false", None),
        ("true", Affinity(seconds=600, by="prefix")),
        ("{}", Affinity()),
        ("{seconds: 30}", Affinity(seconds=30)),
        ("{by: session}", Affinity(by="session")),
        ("{by: prefix, seconds: 0.5}", Affinity(seconds=0.5)),
    ],
)
def test_affinity_is_off_unless_it_is_asked_for(written: str, found: Affinity | None) -> None:
    assert plan(f"{PROVIDERS}{CLIENTS}preferences: {{affinity: {written}}}").affinity == found


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("yes please", "preferences.affinity: expected true or false"),
        ("[true]", "preferences.affinity: expected true, false, or a map with seconds and by"),
        ("{seconds: 0}", "preferences.affinity.seconds: expected a number of seconds"),
    ],
)
def test_anything_else_is_a_problem(written: str, said: str) -> None:
    (problem,) = problems(f"{PROVIDERS}{CLIENTS}preferences: {{affinity: {written}}}")
    assert said in problem


def test_an_unknown_way_to_tell_conversations_apart_is_a_warning() -> None:
    loaded = plan(f"{PROVIDERS}{CLIENTS}preferences: {{affinity: {{by: user}}}}")
    assert loaded.affinity == Affinity()
    assert any("preferences.affinity.by" in warning for warning in loaded.warnings)
