import sys

import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan, problems
from uni_api.secret import Secret

CANARY = "canary-1f0b4e6c"


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        f"redis://:{CANARY}@h:6379/2",
        f"rediss://user:{CANARY}@[::1]:6380",
        "valkey://h/0?socket_timeout=0.5",
        "valkeys://h",
        f"unix://:{CANARY}@/run/redis.sock?db=2",
    ],
)
def test_where_it_is_comes_from_the_file_or_the_environment(url: str) -> None:
    preferences = f"preferences: {{state: '{url}'}}"
    assert plan(PROVIDERS + CLIENTS + preferences, UNI_API_STATE_URL="redis://other").state == Secret(url)
    assert plan(PROVIDERS + CLIENTS, UNI_API_STATE_URL=f" {url} ").state == Secret(url)
    assert CANARY not in repr(plan(PROVIDERS + CLIENTS + preferences).state)


def test_nobody_shares_unless_told() -> None:
    assert plan(PROVIDERS + CLIENTS).state is None


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{CANARY}@h",
        f"redis://:{CANARY}@",
        f"redis://:{CANARY}@h:99999",
        f"redis://:{CANARY}@h/name",
        f"redis://:{CANARY}@[h",
        "unix://",
        f"redis://:{CANARY} @h",
        "true",
    ],
)
def test_a_wrong_url_is_told_with_the_mend(url: str) -> None:
    [problem] = problems(PROVIDERS + CLIENTS + f"preferences: {{state: '{url}'}}")
    assert "preferences.state: not a usable address; write redis://:password@host:6379/0" in problem
    [of_environment] = problems(PROVIDERS + CLIENTS, UNI_API_STATE_URL=url)
    assert of_environment.startswith("environment variable UNI_API_STATE_URL: not a usable address; write redis://")
    assert CANARY not in problem + of_environment


def test_a_missing_package_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    [problem] = problems(PROVIDERS + CLIENTS + "preferences: {state: 'redis://h'}")
    [of_environment] = problems(PROVIDERS + CLIENTS, UNI_API_STATE_URL="redis://h")
    assert problem.endswith("needs the package redis; install it with: pip install 'uni-api[redis]'")
    assert of_environment.endswith("pip install 'uni-api[redis]'")
    assert plan(PROVIDERS + CLIENTS).state is None
