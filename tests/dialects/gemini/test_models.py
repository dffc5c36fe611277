"""The table of families: the names that are in use find their row."""

import pytest

from uni_api.dialects.gemini._models import family_of


@pytest.mark.parametrize(
    ("model", "thinking", "can_stop", "signed"),
    [
        ("gemini-1.5-flash", "none", True, False),
        ("gemini-2.0-flash", "none", True, False),
        ("gemini-2.5-pro", "budget", False, False),
        ("models/gemini-2.5-pro-preview-06-05", "budget", False, False),
        ("gemini-2.5-flash", "budget", True, False),
        ("gemini-2.5-flash-lite-preview-09-2025", "budget", True, False),
        ("gemini-2.5-flash-image", "none", True, False),
        ("gemini-2.5-flash-preview-tts", "none", True, False),
        ("gemini-3-pro-preview", "level", False, True),
        ("gemini-3.1-pro-preview", "level", False, True),
        ("gemini-3-flash-preview", "level", False, True),
        ("gemini-3.1-flash-lite-preview", "level", False, True),
        ("gemini-3-pro-image-preview", "level", False, False),
        ("gemini-flash-latest", "level", False, True),
        ("gemini-pro-latest", "level", False, True),
        ("gemma-3-27b-it", "none", True, False),
        ("learnlm-2.0-flash", "none", True, False),
    ],
)
def test_families(model: str, thinking: str, can_stop: bool, signed: bool) -> None:
    family = family_of(model)
    assert (family.thinking, family.can_stop, family.needs_signatures) == (thinking, can_stop, signed)


def test_levels_differ() -> None:
    assert family_of("gemini-3-pro-preview").levels == ("low", "high")
    assert family_of("gemini-3.1-pro-preview").levels == ("low", "medium", "high")
    assert family_of("gemini-3.7-flash").levels == ("low", "medium", "high")
    assert family_of("gemini-flash-latest").levels == ("low", "medium", "high")
    for model in ("gemini-3-flash-preview", "gemini-3.6-flash", "gemini-3.8-flash-lite", "gemini-flash-lite-latest"):
        assert family_of(model).levels == ("minimal", "low", "medium", "high")


@pytest.mark.parametrize(
    ("model", "newest"),
    [
        ("gemini-2.5-flash", False),
        ("gemini-3-flash-preview", False),
        ("gemini-3.5-flash", False),
        ("gemini-3.1-flash-lite-preview", False),
        ("gemini-3.1-pro-preview", False),
        ("gemini-3.5-flash-lite", True),
        ("gemini-3.6-flash", True),
        ("gemini-3.8-flash", True),
        ("gemini-4-pro", True),
        ("gemini-flash-latest", True),
    ],
)
def test_newer_models_have_fixed_sampling_and_no_prefill(model: str, newest: bool) -> None:
    family = family_of(model)
    assert (family.sampling, family.prefill) == (not newest, not newest)


def test_an_unknown_model_is_asked_for_no_thoughts_unless_the_client_does() -> None:
    assert not family_of("house-model").shows
