"""One gateway with canary secrets for the whole folder, before upstreams that always answer well."""

from collections.abc import Iterator

import pytest

from tests.fakes.upstream import Upstream
from tests.gateway import gateway
from tests.hostile.house import MODELS, SCRIPTS, House, assert_kept_secret, plan


@pytest.fixture(scope="package")
def house() -> Iterator[House]:
    with Upstream(SCRIPTS) as upstream, gateway(plan(upstream, MODELS)) as running:
        yield House(running, upstream)
        assert_kept_secret(running)
