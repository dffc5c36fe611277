import pytest

from tests.config.files import plan, problems
from uni_api.config.policy import Moderation

OMNI, OLD = "omni-moderation-latest", "text-moderation-latest"


def file(model: str, *, channels: str = f"[gpt, {OMNI}]", more: str = "", preferences: str = "") -> str:
    """A file whose second key is moderated and has `model` as its list; `channels` are the models of `east`."""
    return (
        "providers:\n"
        f"  - {{provider: east, base_url: 'https://east.test/v1', api: k, model: {channels}}}\n"
        f"  - {{provider: claude, base_url: 'https://api.anthropic.com', api: k, model: [c, {OMNI}]}}\n"
        f"{more}"
        "api_keys:\n"
        f"  - {{api: sk-inner, model: [east/{OMNI}]}}\n"
        "  - api: sk-outer\n"
        f"    model: {model}\n"
        "    preferences:\n"
        "      ENABLE_MODERATION: true\n"
        f"{preferences}"
    )


def moderation(text: str) -> Moderation | None:
    return next(client.moderation for client in plan(text).clients.values() if client.position == 1)


@pytest.mark.parametrize(
    ("preferences", "failure"),
    [("", "refuse"), ("      moderation_failure: refuse\n", "refuse"), ("      moderation_failure: allow\n", "allow")],
)
def test_what_a_failure_leads_to(preferences: str, failure: str) -> None:
    found = moderation(file("[all]", preferences=preferences))
    assert found is not None and found.failure == failure


def test_a_word_that_nobody_knows_refuses() -> None:
    loaded = plan(file("[all]", preferences="      moderation_failure: maybe\n"))
    assert [client.moderation for client in loaded.clients.values()] == [None, Moderation("refuse")]
    assert any("moderation_failure" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(
    "model",
    [
        "",
        "[all]",
        "[east/*]",
        f"[east/{OMNI}]",
        f"[claude/c, {OMNI}]",
        f"[claude/c, <{OMNI}>]",
        "[claude/*, sk-inner/*]",
        f"[claude/*, sk-inner/{OMNI}]",
    ],
)
def test_rules_that_lead_to_a_model(model: str) -> None:
    assert moderation(file(model)) == Moderation()


def test_the_older_model_and_other_names_do_too() -> None:
    assert moderation(file("[east/*]", channels=f"[gpt, {OLD}]")) == Moderation()
    assert moderation(file("[east/*]", channels=f"[gpt, omni-2024: {OMNI}]")) == Moderation()


@pytest.mark.parametrize("engine", ["moderation", "gpt"])
def test_a_channel_for_moderation_alone(engine: str) -> None:
    more = (
        f"  - {{provider: guard, engine: {engine}, base_url: 'https://guard.test/v1/moderations', api: k, "
        f"model: [{OLD}]}}\n"
    )
    assert moderation(file("[claude/*, guard/*]", more=more)) == Moderation()


def test_a_channel_that_asks_its_host_for_models_can_t_be_judged() -> None:
    more = "  - {provider: asks, base_url: 'https://asks.test/v1', api: k}\n"
    assert moderation(file("[asks/*]", more=more)) == Moderation()
    (problem,) = problems(file("[asks/gpt]", more=more))
    assert "ENABLE_MODERATION" in problem


@pytest.mark.parametrize(
    ("model", "channels", "mend"),
    [
        ("[east/gpt]", f"[gpt, {OMNI}]", f"add - east/{OMNI} to its model list"),
        ("[claude/*]", f"[gpt, {OMNI}]", f"add - east/{OMNI} to its model list"),
        ("[claude/*]", f"[gpt, {OLD}]", f"add - east/{OLD} to its model list"),
        ("[sk-inner/gpt]", f"[gpt, {OMNI}]", f"add - east/{OMNI} to its model list"),
        ("[all]", "[gpt]", f"add {OMNI} to the model list of east, and - east/{OMNI} to that of this key"),
        ("", "[gpt]", f"add {OMNI} to the model list of east"),
    ],
)
def test_rules_that_lead_to_none_are_a_problem_with_its_mend(model: str, channels: str, mend: str) -> None:
    (problem,) = problems(file(model, channels=channels))
    assert problem.startswith("api.yaml:9:")
    assert "api_keys[1].preferences.ENABLE_MODERATION: this key may use no model that moderates; " in problem
    assert problem.endswith(mend)


def test_where_no_channel_could_moderate() -> None:
    text = (
        "providers: [{provider: c, base_url: 'https://api.anthropic.com', api: k, model: [c]}]\n"
        "api_keys: [{api: sk-1, model: [c/*], preferences: {ENABLE_MODERATION: true}}]\n"
    )
    (problem,) = problems(text)
    assert f"add {OMNI} to the model list of a provider that offers it, and - <provider>/{OMNI} to" in problem


def test_a_channel_with_a_mistake_is_not_missed_as_well() -> None:
    more = f"  - {{provider: late, base_url: 5, api: k, model: [{OMNI}]}}\n"
    assert all("ENABLE_MODERATION" not in each for each in problems(file("[late/*]", more=more)))


def test_moderation_that_is_off_needs_nothing() -> None:
    text = file("[claude/*]").replace("ENABLE_MODERATION: true", "ENABLE_MODERATION: false")
    assert moderation(text) is None
