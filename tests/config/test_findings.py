import pytest

from uni_api.config.findings import Findings, Place, quoted, suggestion


def test_findings_are_sorted_by_place() -> None:
    findings = Findings("f.yaml")
    findings.problem(Place(9, 1), "b", "late")
    findings.problem(Place(2, 7), "", "early")
    assert findings.problems == ("f.yaml:2:7: early", "f.yaml:9:1: b: late")


def test_unknown_keys_are_warnings_unless_strict() -> None:
    mild, strict = Findings("f"), Findings("f", strict=True)
    for findings in (mild, strict):
        findings.unknown(Place(1, 1), "a", "unknown key")
    assert (len(mild.problems), len(mild.warnings)) == (0, 1)
    assert (len(strict.problems), len(strict.warnings)) == (1, 0)


def test_idle_keys_are_told_once() -> None:
    findings = Findings("f")
    for index in range(3):
        findings.idle(Place(index + 1, 5), f"providers[{index}].preferences.cooldown_period")
    findings.idle(Place(8, 3), "preferences.cooldown_period")
    assert findings.warnings == (
        "f:1:5: providers[0].preferences.cooldown_period is read but has no effect yet (nor in 2 other places)",
        "f:8:3: preferences.cooldown_period is read but has no effect yet",
    )


@pytest.mark.parametrize(
    "word",
    [
        "sk-abc",
        "AIzaSyAN2k6IRdgw123456789",
        "gsk_abcdefghijklmnopqrst1234",
        "two\nlines",
        "a;b",
        "C4n4ry-Secret-0123456789",
        "x" * 65,
        "",
    ],
)
def test_words_that_may_be_secret_are_not_quoted(word: str) -> None:
    assert quoted(word) == f"a text of {len(word)} characters"


@pytest.mark.parametrize("word", ["claude-sonnet-4-5-20250929", "api_key_quota_cooldown_period", "a/b:c", "my relay"])
def test_ordinary_words_are_quoted(word: str) -> None:
    assert quoted(word) == f'"{word}"'


def test_suggestion() -> None:
    assert suggestion("modle", ["model", "tools"]) == '; did you mean "model"?'
    assert suggestion("auto_retry", ["AUTO_RETRY"]) == '; did you mean "AUTO_RETRY"?'
    assert suggestion("zzz", ["model"]) == ""


def test_second_net_masks_secrets() -> None:
    findings = Findings("f")
    findings.hide("hunter2hunter2")
    findings.hide("model")
    findings.problem(Place(1, 1), "model", "holds hunter2hunter2")
    assert findings.problems == ("f:1:1: model: holds ***",)
