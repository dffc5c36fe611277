"""The way of a request to the relay and back: without a task while there is only an upstream to wait for."""

import asyncio
import logging

from uni_api.accounts import done
from uni_api.errors import Denied
from uni_api.relay import Answer, Exchange, Stream
from uni_api.server.errand import CORS, Errand
from uni_api.server.intake import decoded

logger = logging.getLogger("uni_api.server")


class Relayed(Errand, eq=False):
    """A request that upstreams answer. max_body: the most bytes of a body without its content-encoding."""

    max_body: int
    _exchange: Exchange | None = None
    _answer: Answer | None = None

    def begin(self) -> None:
        """Send it to an upstream if nothing has to be waited for before that; else a task is to `run` it."""
        request = self.request
        try:
            if request.refusal is None and b"content-encoding" not in request.headers:
                self._exchange = exchange = self._exchanged(request.body)
                if exchange.begin(self._hear):
                    return
        except Exception:
            logger.exception("%s could not be begun", request.id.decode("ascii", "replace"))
        self.out.go_on()

    def _hear(self) -> None:
        """There is news of the upstream."""
        exchange = self._exchange
        assert exchange is not None
        try:
            if exchange.waits:
                return
            answer = exchange.come()
            if answer is not None and answer.stream is None and answer.fault is None:
                self.respond(answer)
                if answer.due:
                    self.relay.settle_soon(answer)
                self.out.over()
                return
            self._answer = answer
        except Exception:
            exchange.cancel(None)
            self.fail()
            self.out.over()
            return
        self.out.go_on()

    def cancel(self) -> None:
        exchange, answer = self._exchange, self._answer
        if exchange is not None:
            exchange.cancel(answer)
        super().cancel()

    async def answer(self) -> None:
        exchange = self._exchange or self._exchanged(self._body())
        answer = self._answer or await exchange.run()
        try:
            if answer.stream is None:
                self.respond(answer)
            else:
                await self._pour(answer, answer.stream)
        finally:
            if answer.settle is not None and (answer.due or answer.fault is not None):
                await done(answer.settle(answer))

    def _exchanged(self, body: bytes) -> Exchange:
        request = self.request
        assert request.client is not None
        session = request.headers.get(b"x-session-id")
        return self.relay.exchange(self.front, body, request.client, request.id, session)

    def _body(self) -> bytes:
        request = self.request
        encoding = request.headers.get(b"content-encoding", b"")
        return decoded(request.body, encoding, self.max_body)

    async def _pour(self, answer: Answer, stream: Stream) -> None:
        out = self.out
        if b"origin" in self.request.headers:
            answer.headers.append(CORS)
        out.begin(answer.status, answer.headers, answer.body)
        try:
            await stream.pour(out)
        except asyncio.CancelledError:
            # The client left, and this goes nowhere; or the process stops, and the client should know.
            self._break_off("The gateway is shutting down.")
            raise
        except Exception:
            logger.exception("%s failed in its stream", self.request.id.decode("ascii", "replace"))
            self._break_off("The gateway failed in the middle of this stream.")
        else:
            out.finish()
        finally:
            answer.abandon()

    def _break_off(self, message: str) -> None:
        self.out.write(self.front.write_stream_error(Denied(503, message, code="internal_error")))
        self.out.finish()
