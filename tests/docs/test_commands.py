"""Every shell command runs, or is known to exist."""

import re
import shlex
import shutil
import subprocess

import click
import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.gateway import Gateway
from uni_api.cli import main

ADDRESS = "localhost:8000"

NOT_RUN = {"apt-get"}
"""Commands that change the machine; they are looked at by people only."""


def _commands(block: Block) -> list[list[str]]:
    joined = re.sub(r"\\\n\s*", " ", block.text)
    found = (shlex.split(line, comments=True) for line in joined.splitlines())
    return [words for words in found if words]


CASES = [
    pytest.param(words, id=f"{block.place} {' '.join(words)[:50]}")
    for block in blocks("sh", "bash", "shell", "console")
    for words in _commands(block)
]


@pytest.mark.parametrize("words", CASES)
def test_command(words: list[str], request: pytest.FixtureRequest) -> None:
    match words[0].removeprefix(".venv/bin/"):
        case "make":
            subprocess.run([*words, "--dry-run"], cwd=ROOT, check=True, capture_output=True)
        case "uni-api":
            _parse(words[1:])
        case "curl":
            _curl(words, request.getfixturevalue("demo"))
        case "python":
            subprocess.run([".venv/bin/python", *words[1:], "--help"], cwd=ROOT, check=True, capture_output=True)
        case name:
            assert name in NOT_RUN, f"nobody checks {name!r}"


def _parse(words: list[str]) -> None:
    """Raises click.UsageError when there is no such command or option."""
    command = main.commands[words[0]]
    command.make_context(words[0], list(words[1:]), resilient_parsing=False)


def _curl(words: list[str], demo: Gateway) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    command = [word.replace(ADDRESS, f"127.0.0.1:{demo.port}") for word in words]
    assert command != words, f"the example does not ask {ADDRESS}"
    done = subprocess.run(
        [*command, "--silent", "--show-error", "--fail", "--max-time", "20"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_make_target_tells_what_it_does() -> None:
    # Inside of `make test`, make would tell which directory it enters.
    quiet = ["make", "--no-print-directory", "help"]
    done = subprocess.run(quiet, cwd=ROOT, check=True, capture_output=True, text=True)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split()[1] for line in done.stdout.splitlines()] == targets


def test_usage_errors_are_seen() -> None:
    with pytest.raises(click.UsageError):
        _parse(["serve", "--no-such-option"])
