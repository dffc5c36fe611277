"""Every YAML block is a whole api.yaml, and loads without a problem or an unknown key."""

import re

import pytest

from tests.docs.pages import Block, blocks
from tests.fakes.vertex import pem
from uni_api.config.load import loads

VARIABLE = re.compile(r"\$\{(\w+)")


@pytest.mark.parametrize("block", blocks("yaml", "yml"), ids=lambda block: block.place)
def test_block_loads(block: Block) -> None:
    environ = dict.fromkeys(VARIABLE.findall(block.text), "sk-from-the-environment") | {"VERTEX_PRIVATE_KEY": pem()}
    plan = loads(block.text.encode(), name=block.place, strict=True, environ=environ)
    assert plan.channels
    assert plan.clients
