"""Which home a Plan's state has, and what is said when it can't."""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.config.files import CLIENTS, PROVIDERS
from tests.state.redis_server import free_port
from uni_api.config.load import loads
from uni_api.errors import ConfigError
from uni_api.state import LocalState, State, Want, open_state


def _opened(text: str, environ: Mapping[str, str] = MappingProxyType({})) -> State:
    async def run() -> State:
        state = open_state(loads((PROVIDERS + CLIENTS + text).encode(), environ=environ), environ, time.time)
        await state.take([Want("a", 1, 86_400.0)])
        await state.aclose()
        return state

    return asyncio.run(run())


def test_without_a_url_it_is_kept_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(_opened("", {"UNI_API_DATA": str(tmp_path / "own")}), LocalState)
    assert (tmp_path / "own" / "state.json").exists() and not (tmp_path / "data").exists()
    assert isinstance(_opened(""), LocalState)
    assert (tmp_path / "data" / "state.json").exists()


def test_with_a_url_it_is_shared() -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    assert "RedisState" in repr(_opened(f"preferences: {{state: '{url}'}}"))
    assert "RedisState" in repr(_opened("", {"UNI_API_STATE_URL": url}))


def test_a_missing_package_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "redis" or name.startswith("uni_api.state.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)  # such as one that is too old
    with pytest.raises(ConfigError, match=r"pip install 'uni-api\[redis\]'"):
        _opened("preferences: {state: 'redis://h'}")


def test_a_url_that_the_package_refuses_is_told_without_it() -> None:
    with pytest.raises(ConfigError, match="can't use this URL") as caught:
        _opened("preferences: {state: 'redis://:canary@h?what=1'}")
    assert "canary" not in str(caught.value)
