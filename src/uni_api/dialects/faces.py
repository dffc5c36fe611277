"""The two faces of a dialect. A dialect is a package whose `__init__` exports one or both sets of functions.

Verbs give the direction: read = wire to canon, write = canon to wire; the four verbs follow an exchange:
read_request, write_request, read_reply, write_reply.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from uni_api.canon import Event, Finish, Losses, Media, Reasoning, Reply, Request, Usage
from uni_api.dialects.edits import Edits
from uni_api.errors import Denied, Fault
from uni_api.framing import Frame

Body = dict[str, Any]

Pieces = tuple[bytes | memoryview, ...]
"""Bytes that are sent one after the other."""


class StreamReader(Protocol):
    """Turns the frames of one upstream stream into events. One frame may say many things, or none."""

    def feed(self, frame: Frame, /) -> Iterable[Event]:
        """The events that `frame` says. A frame that is not of the dialect gives a Broke event, never an exception."""

    def close(self) -> Iterable[Event]:
        """What is left to say when the upstream has closed: Broke when the stream ended before its proper end."""


class StreamWriter(Protocol):
    """Says events in the client's dialect, as bytes ready to be sent."""

    def feed(self, event: Event, /) -> bytes: ...

    def close(self) -> bytes:
        """The bytes that end a stream which did not break; after a Broke event, nothing."""


class Front(Protocol):
    """The face shown to clients."""

    @property
    def name(self) -> str: ...

    @property
    def endpoint(self) -> str:
        """The path that its clients call."""

    @property
    def keepalive(self) -> bytes:
        """A sign of life in a stream that says nothing."""

    def peek(self, body: bytes, /) -> "Peek":
        """The little that routing must know of a request. Raises Denied(400) when `body` is none of this dialect."""

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


class Peek(Protocol):
    """The little that routing must know of a request. `usage_shown`: the client asked for usage in its stream.

    `sealed`: the body carries blobs that this gateway packed, so that its bytes can't travel as they are. `developer`:
    the body may hold messages of the role `developer`; `thoughts`: it may hold plain reasoning of earlier turns.
    `most_output`: the most tokens that the client allows the answer. `fields`: the top level, values as they came.
    `opening`: what stays the same while a conversation grows.
    """

    @property
    def model(self) -> str: ...

    @property
    def stream(self) -> bool: ...

    @property
    def usage_shown(self) -> bool: ...

    @property
    def sealed(self) -> bool: ...

    @property
    def developer(self) -> bool: ...

    @property
    def thoughts(self) -> bool: ...

    @property
    def opening(self) -> bytes: ...

    @property
    def most_output(self) -> int | None: ...

    @property
    def fields(self) -> Mapping[str, Any]: ...


class Glance(Protocol):
    """What an answer says of itself: token usage and the first choice's finish."""

    @property
    def usage(self) -> Usage | None: ...

    @property
    def finish(self) -> Finish | None: ...

    @property
    def finished(self) -> bool:
        """Whether there is a finish."""


class Tap(Glance, Protocol):
    """Reads along a stream that is relayed as it comes."""

    @property
    def begun(self) -> bool:
        """Whether content was seen: from here on the client has bytes, and nothing can be tried again."""

    @property
    def done(self) -> bool:
        """Whether the stream said that nothing more comes."""

    @property
    def broke(self) -> Fault | None:
        """The error that an event after the first content carried."""

    def whole(self, framed: bytes, start: int = 0, /) -> Pieces:
        """What the client may have of a stream that came whole, in its HTTP chunks from `start` on, and is as most are.

        Nothing, and nothing was noted, for any other: that is for `feed`, without the chunks.
        """

    def feed(self, chunk: bytes, /) -> bytes:
        """The bytes that the client may have. Raises Fault for an error before any content."""

    def close(self) -> bytes:
        """What is left to relay when the upstream has closed. Raises Fault when that was before the proper end."""


class Verbatim(Protocol):
    """How a dialect's bytes travel untouched between a client and an upstream that both speak it."""

    def splice(self, seen: Any, model: str, edits: Edits, /) -> bytes:
        """The client's body with the named top-level fields changed and every other byte its own."""

    def reasoning_edits(self, seen: Any, reasoning: Reasoning | None, /) -> dict[str, Any]: ...

    def glance(self, body: bytes, /, *, lenient: bool = False) -> Glance:
        """Raises Fault when `body` is an error or no answer at all. `lenient`: it may be without a word."""

    def tap(self, *, usage_shown: bool, lenient: bool = False) -> Tap:
        """lenient: a stream that ends properly is an answer, even without a word."""
