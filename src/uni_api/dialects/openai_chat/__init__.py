"""The OpenAI chat format: what most clients speak and most hosts understand. Both faces.

Rule 1: OpenAI's own types are the format; what hosts added to it is read wherever it is met.
Rule 2: how the client spelt a thing is noted (see canon's Rest) and used again towards hosts of this format.
Rule 3: seals leave packed, in fields that clients echo, and come back through `read_request` alone.
"""

from typing import TYPE_CHECKING

from uni_api.canon import Request
from uni_api.dialects.faces import StreamReader, StreamWriter
from uni_api.dialects.openai_chat._media import needs_bytes
from uni_api.dialects.openai_chat.error import read_error, write_error, write_stream_error
from uni_api.dialects.openai_chat.reader import ChatReader
from uni_api.dialects.openai_chat.reply import read_reply, write_reply
from uni_api.dialects.openai_chat.request import read_request, write_request
from uni_api.dialects.openai_chat.usage import read_finish, read_usage
from uni_api.dialects.openai_chat.verbatim import peek
from uni_api.dialects.openai_chat.writer import ChatWriter

__all__ = [
    "endpoint",
    "keepalive",
    "name",
    "needs_bytes",
    "peek",
    "read_error",
    "read_finish",
    "read_reply",
    "read_request",
    "read_usage",
    "reader",
    "write_error",
    "write_reply",
    "write_request",
    "write_stream_error",
    "writer",
]

name = "openai_chat"
endpoint = "/v1/chat/completions"
keepalive = b": keepalive\n\n"


def reader(realm: str, /) -> StreamReader:
    return ChatReader(realm)


def writer(request: Request, /) -> StreamWriter:
    return ChatWriter(request)


if TYPE_CHECKING:
    from uni_api.dialects import openai_chat
    from uni_api.dialects.faces import Back, Front

    _front: Front = openai_chat
    _back: Back = openai_chat
