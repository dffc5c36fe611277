"""The page of providers: every fragment is what `uni-api check` says it is, without a warning."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.docs.pages import Block, blocks, text_of
from tests.fakes.vertex import pem
from uni_api.cli import main
from uni_api.providers.presets import PRESETS

PAGE = "docs/providers.md"
ENVIRON = {"VERTEX_PRIVATE_KEY": pem(), "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


def _pairs() -> list[tuple[Block, Block]]:
    found = [block for block in blocks("yaml", "text") if block.place.startswith(f"{PAGE}:")]
    assert [block.language for block in found] == ["yaml", "text"] * (len(found) // 2)
    return list(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize("pair", _pairs(), ids=lambda pair: pair[0].place)
def test_a_fragment_is_what_check_says_it_is(pair: tuple[Block, Block], tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(pair[0].text)
    done = CliRunner().invoke(main, ["check", "--strict", "--config", str(file)], env=ENVIRON)
    assert (done.exit_code, done.stderr) == (0, "")
    *said, _ = done.stdout.splitlines()
    assert said == pair[1].text.splitlines()


def test_every_kind_of_channel_has_a_fragment() -> None:
    named = set(re.findall(r"provider: ([\w.-]+)", text_of(PAGE)))
    wanted = [
        "openai",
        "anthropic",
        "gemini",
        "vertex",
        "bedrock",
        "azure",
        "databricks",
        "cloudflare",
        "cohere",
        "openrouter",
        "xai",
        "groq",
        "deepseek",
        "mistral",
        "github",
        "ollama",
        "together",
        "fireworks",
        "siliconflow",
        "moonshot",
        "zhipu",
        "dashscope",
        "ark",
        "minimax",
        "perplexity",
        "nvidia",
        "huggingface",
        "cerebras",
        "sambanova",
        "vllm",
        "lmstudio",
    ]
    assert set(wanted) <= named
    assert set(wanted) - {"vertex", "azure", "databricks", "cloudflare"} <= set(PRESETS)
