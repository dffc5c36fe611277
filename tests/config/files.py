"""Small files for the tests of config, and what loading them says."""

import pytest

from uni_api.config.load import loads
from uni_api.config.plan import Plan
from uni_api.errors import ConfigError

PROVIDERS = "providers: [{provider: openai, api: k, model: [m]}]\n"
CLIENTS = "api_keys: [{api: sk-1}]\n"


def plan(text: str, *, strict: bool = False, **environ: str) -> Plan:
    return loads(text.encode(), strict=strict, environ=environ)


def problems(text: str | bytes, *, strict: bool = False, **environ: str) -> tuple[str, ...]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        loads(data, strict=strict, environ=environ)
    assert caught.value.problems, "a refusal without a reason"
    for problem in caught.value.problems:
        assert "\n" not in problem
        assert problem.startswith(("api.yaml:", "environment variable "))
    return caught.value.problems


def provider(body: str) -> str:
    """A file with one channel, whose keys beside `provider` are `body`, in flow style."""
    return f"providers: [{{provider: p, {body}}}]\n{CLIENTS}"
