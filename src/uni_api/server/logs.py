"""The log sink: one line a record on stderr, with every configured secret taken out, whoever wrote it."""

import logging
import re
import sys
from collections.abc import Collection

from uni_api.config.plan import Plan

HIDDEN = "[secret]"

_COARSE = re.compile(r"[^\s\"'`,;()<>\[\]{}]{4,}")
_FINE = re.compile(r"[^\s\"'`,;()<>\[\]{}=:/@&?\\]{4,}")


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, without any of `secrets`."""

    def __init__(self, secrets: Collection[str], *, several: bool = False) -> None:
        who = "%(name)s[%(process)d]" if several else "%(name)s"
        super().__init__(f"%(asctime)s %(levelname)s {who}: %(message)s")
        self._secrets = frozenset(secret for secret in secrets if len(secret) >= 4)

    def format(self, record: logging.LogRecord) -> str:
        return self.scrub(super().format(record))

    def scrub(self, text: str) -> str:
        for pattern in (_COARSE, _FINE):
            text = pattern.sub(lambda found: HIDDEN if found.group() in self._secrets else found.group(), text)
        return text

    def __repr__(self) -> str:
        return f"<RedactingFormatter {len(self._secrets)} secrets>"


def set_up(plan: Plan, *, debug: bool, several: bool = False) -> None:
    """Send every log record of the process to stderr; of `several` processes, each line tells which."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secrets_of(plan), several=several))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.WARNING)


def secrets_of(plan: Plan) -> set[str]:
    secrets = {client.key.reveal() for client in plan.clients.values()}
    for channel in plan.channels:
        for door in channel.doors:
            secrets.update(secret.reveal() for secret in door.secrets)
        secrets.update(value for _, value in channel.headers)
        if channel.proxy is not None:
            secrets.add(channel.proxy.reveal())
    return secrets
