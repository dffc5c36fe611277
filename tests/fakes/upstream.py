"""An upstream that does as it is told: a list of steps for each model name.

A script that a request finds is chosen by the model it names; `*` stands for every other model. A list of scripts is
played one a request, the last one for ever.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.replay import asked_model
from tests.fakes.wire import Connection, Received, WireServer, chunk, head


@dataclass(frozen=True)
class Send:
    """Raw bytes, as they are."""

    data: bytes


@dataclass(frozen=True)
class Wait:
    """Silence, in seconds."""

    seconds: float


@dataclass(frozen=True)
class Repeat:
    """The same bytes again and again until the peer leaves, `pause` seconds apart."""

    data: bytes
    pause: float = 0.0


@dataclass(frozen=True)
class Hang:
    """Silence until the peer leaves."""


@dataclass(frozen=True)
class Close:
    """An orderly close."""


@dataclass(frozen=True)
class Reset:
    """A TCP reset."""


Step = Send | Wait | Repeat | Hang | Close | Reset
Script = Sequence[Step]


class Upstream(WireServer):
    """Plays `scripts[model]`; counts requests a model in `asked`."""

    def __init__(self, scripts: Mapping[str, Script | Sequence[Script]]) -> None:
        super().__init__(self._answer)
        self.scripts = dict(scripts)
        self.asked: dict[str, int] = {}

    def bodies(self, model: str) -> list[Any]:
        """The JSON bodies of the requests for `model`, in order."""
        return [json.loads(request.body) for request in self.received if asked_model(request) == model]

    async def _answer(self, request: Received, connection: Connection) -> bool:
        model = asked_model(request)
        turn = self.asked.get(model, 0)
        self.asked[model] = turn + 1
        for step in _script(self.scripts.get(model) or self.scripts["*"], turn):
            match step:
                case Send(data):
                    await connection.send(data)
                case Wait(seconds):
                    await connection.pause(seconds)
                case Repeat(data, pause):
                    while True:
                        await connection.send(data)
                        await connection.pause(pause)
                case Hang():
                    await connection.gone.wait()
                    return False
                case Close():
                    return False
                case Reset():
                    connection.reset()
                    return False
        return True


def _script(scripts: Script | Sequence[Script], turn: int) -> Script:
    if not scripts or isinstance(scripts[0], Step):
        return scripts  # type: ignore[return-value]
    return scripts[min(turn, len(scripts) - 1)]  # type: ignore[return-value]


def answer(
    body: Any,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    kind: str = "application/json",
) -> list[Step]:
    """A whole answer with a length: `body` is bytes, or a value that is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = (("Content-Type", kind), ("Content-Length", str(len(data))), *headers)
    return [Send(head(status, fields) + data)]


def stream_head(status: int = 200) -> Send:
    """The head of a chunked event stream."""
    return Send(head(status, (("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked"))))


def event(data: Any, name: str = "") -> bytes:
    """One SSE event: `data` is bytes or text as they are, or a value that is sent as JSON."""
    raw = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
    return (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + raw + b"\n\n"


def piece(data: bytes) -> Send:
    """Bytes as one chunk of a chunked body."""
    return Send(chunk(data))


END = Send(chunk(b""))
"""The end of a chunked body."""


def stream(*events: bytes) -> list[Step]:
    """A whole chunked event stream, one chunk an event."""
    return [stream_head(), *(piece(one) for one in events), END]
