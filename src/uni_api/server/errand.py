"""What is done for one request: whatever becomes of it, the client gets an answer in the shape that it knows."""

import asyncio
import logging

from msgspec import Struct

from uni_api.dialects import Front
from uni_api.errors import Denied
from uni_api.relay import Answer, Relay
from uni_api.relay.answer import line
from uni_api.server.connection import Connection
from uni_api.server.request import Request

logger = logging.getLogger("uni_api.server")

CORS = line(b"access-control-allow-origin", b"*")


class Errand(Struct, eq=False):
    """Answers `request` through `out`. Errors are said in the dialect of `front`."""

    relay: Relay
    front: Front
    request: Request
    out: Connection

    async def run(self) -> None:
        """Answer. Raises only CancelledError, after the client was told."""
        refusal = self.request.refusal
        try:
            if refusal is not None:
                self.refuse(refusal)  # raised, it would hold this frame, and with it the request that holds it
            else:
                await self.answer()
        except Denied as error:
            self.refuse(error)
        except asyncio.CancelledError:
            self._refuse_stopping()
            raise
        except Exception:
            self.fail()

    def cancel(self) -> None:
        """Give up what `run` has not taken over: the client has left, or the process stops."""
        self._refuse_stopping()

    async def answer(self) -> None:
        """Raises Denied for a request that can't be answered otherwise."""
        raise NotImplementedError

    def respond(self, answer: Answer) -> None:
        if b"origin" in self.request.headers:
            answer.headers.append(CORS)
        self.out.respond(answer.status, answer.headers, answer.body, framed=answer.framed)

    def refuse(self, error: Denied) -> None:
        """Answer with an error, if there is somebody to hear it and no answer has begun."""
        if not (self.out.gone or self.out.begun):
            self.respond(self.relay.refusal(self.front, error, self.request.id))

    def fail(self) -> None:
        """Something is wrong in the gateway: tell the log what, and the client that."""
        logger.exception("%s failed", self.request.id.decode("ascii", "replace"))
        self.refuse(Denied(500, "The gateway failed to handle this request.", code="internal_error"))

    def _refuse_stopping(self) -> None:
        self.refuse(Denied(503, "The gateway is shutting down.", code="shutting_down"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.request.id.decode('ascii', 'replace')}>"
