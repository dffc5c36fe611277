"""How long an exchange may take, and how many connections a client may hold."""

from msgspec import Struct


class Timeouts(Struct, frozen=True):
    """Seconds for each phase of one exchange; None means no bound.

    `connect`: resolving, connecting, proxy and TLS handshakes, and waiting for a free connection. `write`: the longest
    pause in which the upstream takes no more of the request. `first_byte`: from the end of the request to the end of
    the response's head. `idle`: the longest silence within the body. `total`: everything after connecting.
    """

    connect: float = 15.0
    write: float = 30.0
    first_byte: float | None = 100.0
    idle: float | None = 100.0
    total: float | None = None


class Limits(Struct, frozen=True):
    """Bounds of one client. `connections` counts busy and idle ones together; None means no bound.

    `idle_per_route` connections to one origin through one proxy are kept for the next exchange, each for at most
    `idle_seconds`.
    """

    connections: int | None = None
    idle_per_route: int = 256
    idle_seconds: float = 60.0
