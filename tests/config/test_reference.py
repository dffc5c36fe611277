"""The pages that describe the configuration say what the schema says, and everything they show works."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.fakes.vertex import pem
from uni_api.config import reference
from uni_api.config.load import load, loads
from uni_api.config.section import Section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "api.example.yaml"

_BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)

ENVIRON = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "VERTEX_PRIVATE_KEY": pem()}
"""What examples take from the environment."""


def test_page_is_as_the_schema_has_it() -> None:
    page = PAGE.read_text("utf-8")
    assert page == reference.render(page), f"stale: run python -m {reference.__name__} docs/configuration.md"


def test_page_has_every_table() -> None:
    page = PAGE.read_text("utf-8")
    for name in (*reference.SECTIONS, "hosts"):
        assert f"<!-- keys: {name} -->" in page


def test_every_section_has_a_table() -> None:
    assert set(Section.__subclasses__()) == set(reference.SECTIONS.values())


@pytest.mark.parametrize("name", reference.SECTIONS)
def test_every_key_is_documented(name: str) -> None:
    section = reference.SECTIONS[name]
    assert section.__doc__
    assert section.says.startswith("a map")
    for key in section.keys.values():
        assert key.doc.endswith("."), f"{name}: {key.name}"


@pytest.mark.parametrize("block", _BLOCKS)
def test_examples_of_the_page_work(block: str) -> None:
    plan = loads(block.encode(), strict=True, environ=ENVIRON)
    assert plan.channels
    assert all(warning.endswith("has no effect yet") for warning in plan.warnings), plan.warnings


def test_example_file_works(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    account = {"type": "service_account", "project_id": "p", "client_email": "a@b.example", "private_key": pem()}
    file.write_text(json.dumps(account))
    environ = {"VERTEX_PRIVATE_KEY": pem().replace("\n", "\\n"), "VERTEX_CREDENTIALS_FILE": str(file)}
    assert load(EXAMPLE, strict=True, environ=environ).channels


def test_example_file_uses_every_key() -> None:
    used = set(_keys(YAML(typ="safe", pure=True).load(EXAMPLE)))
    for name, section in reference.SECTIONS.items():
        assert set(section.keys) <= used, f"{name}: not in the example"


def _keys(value: Any) -> list[str]:
    match value:
        case dict():
            return [*map(str, value), *(key for each in value.values() for key in _keys(each))]
        case list():
            return [key for each in value for key in _keys(each)]
    return []
