"""Server: HTTP towards clients: routes, authentication, body limits, disconnects, draining.

Rule 1: a raw ASGI callable; no framework between the socket and the relay.
Rule 2: every answer has a request id; every error has the OpenAI shape and no internals.
Rule 3: a client that leaves cancels its exchange; a client that dawdles is put out.
"""

from uni_api.server.asgi import Gateway
from uni_api.server.run import Settings, serve

__all__ = ["Gateway", "Settings", "serve"]
