"""The two faces of a dialect. A dialect is a package whose `__init__` exports one or both sets of functions.

Verbs give the direction: read = wire to canon, write = canon to wire; the four verbs follow an exchange:
read_request, write_request, read_reply, write_reply.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from uni_api.canon import Event, Losses, Media, Reply, Request
from uni_api.errors import Denied, Fault
from uni_api.framing import Frame

Body = dict[str, Any]


class StreamReader(Protocol):
    """Turns the frames of one upstream stream into events. One frame may say many things, or none."""

    def feed(self, frame: Frame, /) -> Iterable[Event]:
        """The events that `frame` says. A frame that is not of the dialect gives a Broke event, never an exception."""

    def close(self) -> Iterable[Event]:
        """What is left to say when the upstream has closed: a Broke event when the stream ended before its proper end."""


class StreamWriter(Protocol):
    """Says events in the client's dialect, as bytes ready to be sent."""

    def feed(self, event: Event, /) -> bytes: ...

    def close(self) -> bytes:
        """The bytes that end a stream which did not break; after a Broke event, nothing."""


class Front(Protocol):
    """The face shown to clients."""

    @property
    def name(self) -> str: ...

    def read_request(self, body: Body, /) -> Request:
        """Raises Denied(400) that names the field at fault when `body` is not a request of this dialect."""

    def write_reply(self, reply: Reply, request: Request, /) -> Body: ...

    def writer(self, request: Request, /) -> StreamWriter: ...

    def write_error(self, error: Denied | Fault, /) -> tuple[int, Body]:
        """HTTP status and error body."""

    def write_stream_error(self, error: Denied | Fault, /) -> bytes:
        """An error event for a stream that has begun."""


class Back(Protocol):
    """The face shown to upstreams."""

    @property
    def name(self) -> str: ...

    def needs_bytes(self, media: Media, /) -> bool:
        """Whether this dialect can't pass on the link in `media` and must be given its bytes."""

    def write_request(self, request: Request, losses: Losses, /) -> Body:
        """The upstream's body. What can't be said is entered in `losses`; nothing raises for content."""

    def read_reply(self, body: Body, realm: str, /) -> Reply:
        """Raises Fault when the body is an error in disguise or not a reply of this dialect."""

    def reader(self, realm: str, /) -> StreamReader: ...

    def read_error(self, status: int, body: bytes, /) -> Fault:
        """The Fault that an answer with this HTTP status (or this error object) means. Never raises."""
