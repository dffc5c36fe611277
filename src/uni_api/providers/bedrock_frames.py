"""The streams of InvokeModel: what a model's own stream looks like inside of an AWS event stream.

Each `chunk` message holds one event of the model as base64, beside padding that hides its length. What goes wrong is
said by the service instead, as an exception; it becomes the `error` event that the model's own dialect has for it.

Source: docs.aws.amazon.com, Amazon Bedrock API reference, "InvokeModelWithResponseStream" (read 2026-11-24); the shape
ResponseStream in botocore 1.44.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from uni_api.errors import Fault
from uni_api.framing import EventStreamDecoder, Frame

_EXCEPTION = b"exception:"

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "accessdeniedexception": "permission_error",
        "internalserverexception": "api_error",
        "modelerrorexception": "api_error",
        "modelnotreadyexception": "overloaded_error",
        "modelstreamerrorexception": "api_error",
        "modeltimeoutexception": "timeout_error",
        "resourcenotfoundexception": "not_found_error",
        "servicequotaexceededexception": "billing_error",
        "serviceunavailableexception": "overloaded_error",
        "throttlingexception": "rate_limit_error",
        "validationexception": "invalid_request_error",
    }
)
"""Exceptions by their names in lower case: in streams and in the documentation they are spelt differently."""

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid_request_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        529: "overloaded_error",
    }
)
"""What the model's own status meant, where the service passes on an error of the model."""


class _Chunk(Struct):
    bytes: bytes


class _Exception(Struct, rename="camel"):
    message: str = ""
    original_message: str | None = None
    original_status_code: int | None = None


_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_exception = msgspec.json.Decoder(_Exception).decode


class InvokeStreamDecoder:
    """Cuts the bytes of an InvokeModel stream of a Claude model into the frames that the API of its maker has.

    Raises Fault("protocol") for damaged messages, and for a chunk without an event.
    """

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages = EventStreamDecoder()

    def feed(self, chunk: bytes) -> list[Frame]:
        return _unwrapped(self._messages.feed(chunk))

    def close(self) -> list[Frame]:
        return _unwrapped(self._messages.close())

    def __repr__(self) -> str:
        return f"<InvokeStreamDecoder of {self._messages!r}>"


def _unwrapped(messages: list[Frame]) -> list[Frame]:
    frames: list[Frame] = []
    for message in messages:
        if message.event == b"chunk":
            frames.append(Frame(_event(message.data)))
        elif message.event.startswith(_EXCEPTION):
            frames.append(_error(message))
        # The vendor's rule for event streams: events of other types are new, and are to be passed over.
    return frames


def _event(payload: bytes) -> bytes:
    try:
        return _read_chunk(payload).bytes
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("protocol", "The upstream sent a chunk without an event.", raw=payload) from error


def _error(message: Frame) -> Frame:
    name = message.event.removeprefix(_EXCEPTION).decode("ascii", "replace")
    try:
        said = _read_exception(message.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = _Exception(message.data[:500].decode("utf-8", "replace"))
    kind = _BY_STATUS.get(said.original_status_code or 0) or _TYPES.get(name.lower(), "api_error")
    words = said.original_message or said.message or f"The upstream broke off: {name}."
    return Frame(msgspec.json.encode({"type": "error", "error": {"type": kind, "message": words}}), b"error")
