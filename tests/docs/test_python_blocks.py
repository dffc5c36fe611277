"""Every Python block runs against the demo and prints something."""

import subprocess
import sys

import pytest

from tests.docs.pages import Block, blocks
from tests.gateway import Gateway


@pytest.mark.parametrize("block", blocks("python", "py"), ids=lambda block: block.place)
def test_block_runs(block: Block, demo: Gateway) -> None:
    program = block.text.replace("localhost:8000", f"127.0.0.1:{demo.port}")
    assert program != block.text, "the example does not ask localhost:8000"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout
