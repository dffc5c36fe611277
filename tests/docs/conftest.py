"""The gateway that the examples of the documentation talk to."""

from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from tests.gateway import Gateway, gateway
from uni_api.cli import DEMO_CONFIG


@pytest.fixture(scope="session")
def demo() -> Iterator[Gateway]:
    with gateway(YAML(typ="safe").load(DEMO_CONFIG.read_text())) as running:
        yield running
