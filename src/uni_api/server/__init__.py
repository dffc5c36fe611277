"""Server: HTTP towards clients: connections, routes, authentication, limits, draining.

Rule 1: no framework between the socket and the relay: whole requests in, responses out.
Rule 2: every answer has a request id; every error has the OpenAI shape and no internals.
Rule 3: a client that leaves cancels its exchange at once; a client that dawdles is put out.
"""

from uni_api.server.connection import Bounds
from uni_api.server.gateway import Gateway
from uni_api.server.run import Settings, serve

__all__ = ["Bounds", "Gateway", "Settings", "serve"]
