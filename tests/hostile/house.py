"""A gateway with canary secrets, and the upstream behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.answers import CHAT, GENERATED, MESSAGE
from tests.fakes.upstream import Script, Upstream
from tests.gateway import Gateway
from tests.hostile.clear import CANARIES

CLIENT_KEY = "sk-canary-client-4b1d"


@dataclass(frozen=True)
class House:
    """A gateway and the upstream behind its channels."""

    gateway: Gateway
    upstream: Upstream

    @property
    def port(self) -> int:
        return self.gateway.port


ENGINES = {"gpt": "/v1/chat/completions", "claude": "/v1/messages", "gemini": "/v1beta"}


def plan(upstream: Upstream, models: Mapping[str, str], **preferences: Any) -> dict[str, Any]:
    """A channel for each engine; `models` maps client-facing names to engines. The upstream sees the same names."""
    return {
        "providers": [
            {
                "provider": engine,
                "engine": engine,
                "base_url": upstream.url + path,
                "api": f"sk-canary-upstream-{engine}",
                "model": [name for name, spoken in models.items() if spoken == engine],
            }
            for engine, path in ENGINES.items()
            if engine in models.values()
        ],
        "api_keys": [{"api": CLIENT_KEY, "model": ["all"], "role": "admin"}],
        "preferences": {"model_timeout": 20, **preferences},
    }


SCRIPTS: dict[str, Script] = {
    "gpt": CHAT,
    "claude-sonnet-4-5": MESSAGE,
    "gemini-2.5-flash": GENERATED,
}
MODELS = {"gpt": "gpt", "claude-sonnet-4-5": "claude", "gemini-2.5-flash": "gemini"}


def assert_kept_secret(running: Gateway) -> None:
    """Nothing that the process printed holds a secret."""
    for canary in CANARIES:
        assert canary not in running.output(), running.output()[-4000:]
