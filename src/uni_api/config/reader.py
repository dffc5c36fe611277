"""The words of one scalar, with the environment filled in, and the reporting of those that do not fit."""

import re
from collections.abc import Mapping
from typing import NoReturn

from uni_api.config import source
from uni_api.config.findings import Findings
from uni_api.config.source import Node, Scalar

_VARIABLE = re.compile(r"\$(?:\$(?=\{)|\{(?P<name>[A-Za-z_]\w*)(?P<fallback>:-[^}]*)?\})")


class Unusable(Exception):
    """The value has a problem, which has been reported."""


class Reader:
    """What reading needs to know: the environment, and where to report."""

    def __init__(self, findings: Findings, environ: Mapping[str, str]) -> None:
        self.findings = findings
        self._environ = environ

    def refuse(self, node: Node, path: str, text: str) -> NoReturn:
        self.findings.problem(node.place, path, text)
        raise Unusable

    def mismatch(self, node: Node, path: str, wanted: str) -> NoReturn:
        self.refuse(node, path, f"expected {wanted}, found {source.kind_of(node)}")

    def expand(self, node: Scalar, path: str) -> str:
        """The text of `node` with `${NAME}` and `${NAME:-default}` filled in; `$${` stands for `${`."""
        if "${" not in node.text:
            return node.text
        missing: list[str] = []

        def fill(match: re.Match[str]) -> str:
            name, fallback = match["name"], match["fallback"]
            if name is None:
                return "$"
            value = self._environ.get(name)
            if fallback is not None:
                return value or fallback[2:]
            if value is None:
                missing.append(name)
            return value or ""

        text = _VARIABLE.sub(fill, node.text)
        if missing:
            name = missing[0]
            self.refuse(
                node,
                path,
                f"environment variable {name} is not set; set it, or write ${{{name}:-default}} "
                f"($${{{name}}} for the text itself)",
            )
        return text

    def words(self, node: Node, path: str, wanted: str) -> str:
        """The text of a scalar, however it is spelled: numbers and `true` are text here."""
        if not isinstance(node, Scalar) or source.is_null(node):
            self.mismatch(node, path, wanted)
        text = self.expand(node, path).strip()
        if not text:
            self.refuse(node, path, f"expected {wanted}, found empty text")
        return text

    def value(self, node: Scalar, path: str) -> bool | int | float | str | None:
        """What a scalar means: quoted text is text, plain text may be a number, true, false or nothing."""
        text = self.expand(node, path)
        return source.value_of(text) if node.plain else text
