"""A file -> a Plan. The one door of this room."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from uni_api.config import sharing, source
from uni_api.config.compile import compile_plan
from uni_api.config.findings import Findings
from uni_api.config.plan import Plan
from uni_api.config.reader import Reader, Unusable
from uni_api.config.schema import Document
from uni_api.errors import ConfigError

DEFAULT_TIMEOUT = 100.0


def load(path: str | Path, *, strict: bool = False, environ: Mapping[str, str] | None = None) -> Plan:
    """The Plan that the file at `path` describes. `environ` defaults to the process's environment.

    Raises ConfigError with every problem, one line each. What is merely odd stands in `Plan.warnings`, in the same
    form; with `strict`, unknown keys are problems.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(source.MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file; write one, or name another with --config"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: can't be read: {error.strerror}"]) from None
    return loads(data, name=str(path), strict=strict, environ=environ)


def loads(
    data: bytes, *, name: str = "api.yaml", strict: bool = False, environ: Mapping[str, str] | None = None
) -> Plan:
    """As `load`, from the file's bytes. `name` stands before each problem."""
    environ = os.environ if environ is None else environ
    findings = Findings(name, strict=strict)
    plan: Plan | None = None
    timeout, misfit = _timeout(environ)
    state, unusable = sharing.from_environment(environ)
    root = source.read(data, findings)
    if root is not None:
        try:
            document = Document.read(root, "", Reader(findings, environ))
            plan = compile_plan(document, findings, timeout=timeout, environ=environ)
        except Unusable:
            plan = None
    problems = (*misfit, *unusable, *findings.problems)
    if problems or plan is None:
        raise ConfigError(problems, findings.warnings)
    return msgspec.structs.replace(plan, state=plan.state or state, warnings=findings.warnings)


def _timeout(environ: Mapping[str, str]) -> tuple[float, tuple[str, ...]]:
    """Seconds from the environment variable TIMEOUT, and what is wrong with it."""
    text = environ.get("TIMEOUT", "").strip()
    if not text:
        return DEFAULT_TIMEOUT, ()
    value = source.value_of(text)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 and math.isfinite(value):
        return float(value), ()
    return DEFAULT_TIMEOUT, ("environment variable TIMEOUT: expected a number of seconds greater than 0",)
