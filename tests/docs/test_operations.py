"""docs/operations.md tells the commands, options, endpoints and limits as they are."""

from importlib import import_module
from typing import Any

import click

from tests.docs.pages import code, table, text_of
from uni_api.cli import main

PAGE = "docs/operations.md"


def test_commands() -> None:
    rows = table(PAGE, "command", "what it does")
    assert {code(row[0])[0] for row in rows} == set(main.commands)


def test_options() -> None:
    rows = table(PAGE, "option", "of", "environment", "default", "meaning")
    told = {
        (command, code(option)[0]): (_only(environment), _only(default), meaning)
        for option, commands, environment, default, meaning in rows
        for command in code(commands)
    }
    assert told == _options()


def _only(cell: str) -> str | None:
    return code(cell)[0] if cell else None


def _options() -> dict[tuple[str, str], tuple[str | None, str | None, str | None]]:
    found = {}
    for name, command in main.commands.items():
        for option in command.params:
            if not isinstance(option, click.Option):
                continue
            default = None if option.is_flag else str(option.default)
            environment = option.envvar if isinstance(option.envvar, str) else None
            found[name, option.opts[0]] = (environment, default, option.help)
    return found


def test_other_environment_variables() -> None:
    text = text_of(PAGE)
    assert "`TIMEOUT`" in text
    assert "`DEBUG=true`" in text


def test_limits() -> None:
    rows = table(PAGE, "what", "value", "constant")
    told = {code(constant)[0]: float(value.split()[0].replace(",", "")) for _, value, constant in rows}
    assert told == {constant: _value(constant) for constant in told}


def _value(constant: str) -> Any:
    module, _, name = constant.rpartition(".")
    return getattr(import_module(module), name)
