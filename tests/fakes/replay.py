"""An upstream that answers with recorded exchanges, chosen by the model name of the request (`rec-<n>`).

The model is read from the body, or from the path: in the Gemini style (`models/rec-7:generateContent`) or in Bedrock's
(`model/rec-7/converse`).
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.fakes.cuts import Cut, whole
from tests.fakes.wire import Connection, Received, WireServer, chunk, head

Framing = Literal["length", "chunked", "close"]

_MODEL = re.compile(r"rec-(\d+)")


@dataclass(frozen=True)
class Delivery:
    """How a body travels: its pieces, seconds between them, and what marks its end (None: by kind of answer)."""

    cut: Cut = whole
    pause: float = 0.0
    framing: Framing | None = None


class Replay(WireServer):
    """Serves `records`; `delivery` may be changed at any time and holds for requests that come after."""

    def __init__(self, records: Sequence[Mapping[str, Any]], delivery: Delivery | None = None) -> None:
        super().__init__(self._answer)
        self.records = records
        self.delivery = delivery or Delivery()

    async def _answer(self, request: Received, connection: Connection) -> bool:
        found = _MODEL.search(asked_model(request))
        if found is None or int(found[1]) >= len(self.records):
            await _deliver(connection, 404, "application/json", b'{"error":{"message":"no such record"}}', Delivery())
            return True
        record = self.records[int(found[1])]
        return await _deliver(connection, record["status"] or 200, content_type(record), body(record), self.delivery)


def asked_model(request: Received) -> str:
    """The model name that a request names; empty when there is none."""
    if "/models/" in request.path and ":" in request.path:
        return request.path.rpartition("/models/")[2].partition(":")[0]
    if "/model/" in request.path:
        return request.path.rpartition("/model/")[2].partition("/")[0]
    try:
        return str(json.loads(request.body)["model"])
    except (ValueError, KeyError, TypeError):
        return ""


def body(record: Mapping[str, Any]) -> bytes:
    """The recorded answer; the elements of a JSON array stream are re-framed as SSE."""
    text: str = record["response_body"]
    raw = base64.b64decode(text) if record.get("response_base64") else text.encode()
    if record.get("stream_format") == "json-array":
        return b"".join(b"data: " + json.dumps(part).encode() + b"\r\n\r\n" for part in json.loads(raw))
    return raw


def content_type(record: Mapping[str, Any]) -> str:
    """The recorded content type, or the usual one where the recording lost it."""
    headers = {name.lower(): value for name, value in (record.get("response_headers") or {}).items()}
    if record.get("stream_format") == "json-array":
        return "text/event-stream"
    recorded = str(headers.get("content-type") or "")
    if "/" in recorded:
        return recorded
    return "text/event-stream" if record["stream"] else "application/json"


async def _deliver(connection: Connection, status: int, kind: str, data: bytes, how: Delivery) -> bool:
    framing = how.framing or ("chunked" if "event-stream" in kind else "length")
    headers = [("Content-Type", kind)]
    match framing:
        case "length":
            headers.append(("Content-Length", str(len(data))))
        case "chunked":
            headers.append(("Transfer-Encoding", "chunked"))
        case "close":
            headers.append(("Connection", "close"))
    await connection.send(head(status, tuple(headers)))
    for piece in how.cut(data):
        await connection.send(chunk(piece) if framing == "chunked" else piece)
        if how.pause:
            await connection.pause(how.pause)
    if framing == "chunked":
        await connection.send(chunk(b""))
    return framing != "close"
