"""What is served: a table of routes, and the way of a chat request to the relay and back."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from uni_api.config.plan import Plan
from uni_api.dialects import registry
from uni_api.errors import Denied
from uni_api.relay import Answer, Relay, Stream
from uni_api.relay.answer import JSON, line
from uni_api.server.connection import Connection
from uni_api.server.intake import announced_length, client_of, decoded, too_large, wanted_id
from uni_api.server.request import Request

logger = logging.getLogger("uni_api.server")

OWNER = "uni-api"
CREATED = 1720524448
"""Every model's `created`: a constant, since a gateway does not know (the one that clients of the reference know)."""

_CORS = line(b"access-control-allow-origin", b"*")
_PREFLIGHT = (
    line(b"access-control-allow-methods", b"GET, POST, OPTIONS")
    + line(b"access-control-allow-headers", b"*, authorization")
    + line(b"access-control-max-age", b"86400")
)
_encode = msgspec.json.Encoder().encode

_CHAT = "chat"


class Gateway:
    """Answers every HTTP request. `draining` makes /readyz say no while everything else still works."""

    def __init__(self, plan: Plan, relay: Relay, *, max_body: int) -> None:
        self._plan = plan
        self._relay = relay
        self._max_body = max_body
        self._front = registry.front("openai_chat")
        self.draining = False
        self._routes: dict[tuple[bytes, bytes], Any] = {
            (b"POST", b"/v1/chat/completions"): _CHAT,
            (b"POST", b"/chat/completions"): _CHAT,
            (b"GET", b"/v1/models"): self._models,
            (b"GET", b"/models"): self._models,
            (b"GET", b"/healthz"): self._healthz,
            (b"HEAD", b"/healthz"): self._healthz,
            (b"GET", b"/readyz"): self._readyz,
            (b"HEAD", b"/readyz"): self._readyz,
        }

    def use(self, plan: Plan) -> None:
        """Serve `plan` from now on. Requests under way end as they began."""
        self._plan = plan
        self._relay.use(plan)

    def admit(self, request: Request, /) -> Denied | None:
        """Find out who asks, before any of the body is taken."""
        headers = request.headers
        if b"x-request-id" in headers:
            request.id = wanted_id(headers[b"x-request-id"]) or request.id
        try:
            request.route = route = self._routes.get((request.method, request.path))
            if route is None and request.method != b"OPTIONS":
                raise self._nothing_at(request)
            if route is _CHAT or route == self._models:
                request.client = client_of(headers, request.query, self._plan.clients)
            if announced_length(headers) > self._max_body:
                raise too_large(self._max_body)
        except Denied as refusal:
            return refusal.with_traceback(None)  # which would hold the request that is to hold the refusal
        return None

    async def handle(self, request: Request, out: Connection, /) -> None:
        try:
            if request.refusal is not None:
                raise request.refusal
            client, route = request.client, request.route
            if route is not _CHAT or client is None:
                if route == self._models:
                    await self._relay.lists_known()
                self._respond(self._small(route, request), request, out)
                return
            body = request.body
            if b"content-encoding" in request.headers:
                body = decoded(body, request.headers[b"content-encoding"], self._max_body)
            session = request.headers.get(b"x-session-id", b"").strip()
            answer = await self._relay.answer(self._front, body, client, request.id, session)
            try:
                if answer.stream is None:
                    self._respond(answer, request, out)
                else:
                    await self._pour(answer, answer.stream, request, out)
            finally:
                if answer.settle is not None and (answer.due or answer.fault is not None):
                    await answer.settle(answer)
        except Denied as error:
            self._refuse(error, request, out)
        except asyncio.CancelledError:
            self._refuse(Denied(503, "The gateway is shutting down.", code="shutting_down"), request, out)
            raise
        except Exception:
            logger.exception("%s failed", request.id.decode("ascii", "replace"))
            broken = Denied(500, "The gateway failed to handle this request.", code="internal_error")
            self._refuse(broken, request, out)

    def _refuse(self, error: Denied, request: Request, out: Connection) -> None:
        """Answer with an error, if there is somebody to hear it and no answer has begun."""
        if out.gone or out.begun:
            return
        refusal = self._relay.refusal(self._front, error, request.id)
        if error.status == 405:
            refusal.headers.append(line(b"allow", b", ".join(self._methods(request.path))))
        self._respond(refusal, request, out)

    def _respond(self, answer: Answer, request: Request, out: Connection) -> None:
        if b"origin" in request.headers:
            answer.headers.append(_CORS)
        out.respond(answer.status, answer.headers, answer.body)

    async def _pour(self, answer: Answer, stream: Stream, request: Request, out: Connection) -> None:
        if b"origin" in request.headers:
            answer.headers.append(_CORS)
        out.begin(answer.status, answer.headers, answer.body)
        try:
            await stream.pour(out)
        except asyncio.CancelledError:
            # The client left, and this goes nowhere; or the process stops, and the client should know.
            self._break_off(out, "The gateway is shutting down.")
            raise
        except Exception:
            logger.exception("%s failed in its stream", request.id.decode("ascii", "replace"))
            self._break_off(out, "The gateway failed in the middle of this stream.")
        else:
            out.finish()
        finally:
            answer.abandon()

    def _break_off(self, out: Connection, message: str) -> None:
        out.write(self._front.write_stream_error(Denied(503, message, code="internal_error")))
        out.finish()

    def _small(self, route: Callable[[Request], Answer] | None, request: Request) -> Answer:
        """Everything but the relay."""
        if route is not None:
            return route(request)
        return Answer(204, [_CORS, _PREFLIGHT])

    def _models(self, request: Request) -> Answer:
        assert request.client is not None
        data = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": OWNER}
            for name in self._relay.router.models(request.client)
        ]
        return _json(200, {"object": "list", "data": data}, request)

    def _healthz(self, request: Request) -> Answer:
        return _json(200, {"status": "ok"}, request)

    def _readyz(self, request: Request) -> Answer:
        if self.draining:
            return _json(503, {"status": "draining"}, request)
        return _json(200, {"status": "ready"}, request)

    def _nothing_at(self, request: Request) -> Denied:
        path = request.path[:200].decode("latin-1")
        if methods := self._methods(request.path):
            return Denied(405, f"{path} takes {b', '.join(methods).decode()}.", code="method_not_allowed")
        return Denied(404, f"Nothing is served at {request.method.decode()} {path}.", code="unknown_url")

    def _methods(self, path: bytes) -> list[bytes]:
        return [method for method, known in self._routes if known == path]

    def __repr__(self) -> str:
        return f"<Gateway {'draining' if self.draining else 'ready'}, {self._plan!r}>"


def _json(status: int, body: Any, request: Request) -> Answer:
    return Answer(status, [JSON, line(b"x-request-id", request.id)], _encode(body))
