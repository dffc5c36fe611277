"""Which home the state of a Plan has."""

from collections.abc import Callable, Mapping
from pathlib import Path

from uni_api.config.plan import Plan
from uni_api.errors import ConfigError
from uni_api.state.base import State
from uni_api.state.local import LocalState

FOLDER = "data"


def open_state(plan: Plan, environ: Mapping[str, str], now: Callable[[], float]) -> State:
    """The state that `plan` asks for: shared through Redis, or this process's own, kept in the folder UNI_API_DATA.

    Must be called inside the event loop. Raises ConfigError when the package for Redis is missing or can't use the URL.
    """
    if plan.state is None:
        return LocalState(now, Path(environ.get("UNI_API_DATA") or FOLDER))
    try:
        from uni_api.state.redis import RedisState  # an extra, and 60 ms: only for those who use it
    except ImportError:
        raise ConfigError(
            ["preferences.state: shared state needs the package redis; install it with: pip install 'uni-api[redis]'"]
        ) from None
    try:
        return RedisState(plan.state, now)
    except ValueError:
        # The client's words may hold the URL, and with it the password.
        raise ConfigError(
            ["preferences.state: the redis package can't use this URL; write redis://:password@host:6379/0"]
        ) from None
