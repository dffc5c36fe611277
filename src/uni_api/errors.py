"""What can go wrong, as one tree.

    UniApiError
    ├── ConfigError      api.yaml can't be used: every problem with its place and its mend
    ├── Denied           the gateway itself says no (key, permission, request, limit)
    └── Fault            an upstream said no, or could not be reached

A `Fault` answers one question for the relay (its `kind`: what does this mean for the next try?) and three for the
client (`status`, `message`, `retry_after`). `Denied` never causes another try.
"""

from collections.abc import Sequence
from typing import Literal, Self

FaultKind = Literal[
    "connect",  # nothing was sent: refused, unreachable, TLS or proxy failure
    "timeout",  # the upstream kept silent for too long
    "overloaded",  # 5xx, 529, 408: try elsewhere
    "rate",  # 429: this key is over its limit for now
    "quota",  # the account behind this key has no money or no quota left
    "auth",  # the upstream refuses this key
    "bad_request",  # the request itself is at fault: every upstream of this kind would refuse it
    "too_long",  # more tokens or bytes than the model takes
    "filtered",  # refused by a content policy
    "not_found",  # the upstream does not know this model or path
    "protocol",  # the answer breaks HTTP, SSE or the dialect, or is empty
    "cancelled",  # the client left
    "unsayable",  # the target's dialect can't say what the client asked
]

DEFAULT_STATUS: dict[FaultKind, int] = {
    "connect": 502,
    "timeout": 504,
    "overloaded": 503,
    "rate": 429,
    "quota": 429,
    "auth": 401,
    "bad_request": 400,
    "too_long": 413,
    "filtered": 400,
    "not_found": 404,
    "protocol": 502,
    "cancelled": 499,
    "unsayable": 400,
}


class UniApiError(Exception):
    """Base of every exception that this package raises on purpose."""

    def bare(self) -> Self:
        """This, without how it came about: that holds every frame on the way, and in them whatever keeps this."""
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class ConfigError(UniApiError):
    """api.yaml can't be used. `problems` holds one complete sentence a problem: place, what is wrong, the mend.

    `warnings` are in the same form: what is merely odd, such as unknown keys.
    """

    def __init__(self, problems: Sequence[str], warnings: Sequence[str] = ()) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)


class Denied(UniApiError):
    """The gateway refuses the request before any upstream is asked.

    `status` is the HTTP status, `code` the machine-readable word in the error object, `param` the request field at
    fault where there is one, `retry_after` seconds where waiting helps, `headers` what else the client is told.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.headers = headers


class Fault(UniApiError):
    """An attempt at an upstream failed.

    `message` is the upstream's own sentence where it sent one, else ours. `status` is what the upstream said, or the
    default of the kind. `code` and `type` are the upstream's machine-readable words, `param` the field it complains of.
    `retry_after` is in seconds. `raw` is the upstream's body, for logs; it is never shown to clients.
    """

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        raw: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status if status is not None else DEFAULT_STATUS[kind]
        self.code = code
        self.type = type
        self.param = param
        self.retry_after = retry_after
        self.raw = raw

    def __repr__(self) -> str:
        return f"Fault({self.kind!r}, {self.message!r}, status={self.status})"
