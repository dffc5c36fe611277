"""One request of a client, as it was read off the connection."""

from typing import Any

from msgspec import Struct

from uni_api.config.plan import Client
from uni_api.errors import Denied


class Request(Struct):
    """`path` and `query` are as sent; header names are in lower case, of repeated ones the last counts.

    id: what the client is told to quote · route: what its method and path lead to, in the handler's own terms; None for
    nothing · client: who asks, once known · refusal: why it is not served, when that is
    known before the body has come · close: the connection ends with this exchange.
    """

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    id: bytes
    body: bytes = b""
    route: Any = None
    client: Client | None = None
    refusal: Denied | None = None
    close: bool = False
    chunkable: bool = True
