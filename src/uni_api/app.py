"""Composition root: a Plan -> the rooms, wired together."""

from collections.abc import Awaitable, Callable

from uni_api.config.plan import Plan
from uni_api.demo import DemoUpstream
from uni_api.relay import Relay
from uni_api.server import Gateway
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetcher


def build(plan: Plan, *, max_body: int) -> tuple[Gateway, Callable[[], Awaitable[None]]]:
    """The gateway for `plan`, and what ends its upstream connections. Must run inside the event loop."""
    http = HttpClient()
    relay = Relay(plan, http, Fetcher(http), {"demo": DemoUpstream()})
    return Gateway(plan, relay, max_body=max_body), http.aclose
