"""The ASGI application: one callable, a table of routes."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from uni_api.config.plan import Client, Plan
from uni_api.dialects import registry
from uni_api.errors import Denied
from uni_api.relay import Answer, Relay
from uni_api.server.intake import Intake, decoded, too_large
from uni_api.server.watch import Patrol, Receive, Watch

logger = logging.getLogger("uni_api.server")

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Handler = Callable[[Scope, Send, bytes], Awaitable[None]]

_CHAT = frozenset({"/v1/chat/completions", "/chat/completions"})

OWNER = "uni-api"
CREATED = 1720524448
"""Every model's `created`: a constant, since a gateway does not know (the one that clients of the reference know)."""

_CORS = (b"access-control-allow-origin", b"*")
_PREFLIGHT = [
    _CORS,
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"*, authorization"),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
]
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class Gateway:
    """Answers every HTTP request. `draining` makes /readyz say no while everything else still works."""

    def __init__(self, plan: Plan, relay: Relay, *, max_body: int) -> None:
        self._plan = plan
        self._relay = relay
        self._max_body = max_body
        self._front = registry.front("openai_chat")
        self._run = secrets.token_hex(6).encode()
        self._count = itertools.count(1)
        self._patrol = Patrol()
        self.draining = False
        self._routes: dict[str, dict[str, Handler]] = {
            "/v1/models": {"GET": self._models},
            "/models": {"GET": self._models},
            "/healthz": {"GET": self._healthz, "HEAD": self._healthz},
            "/readyz": {"GET": self._readyz, "HEAD": self._readyz},
        }

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one HTTP request (the only kind of scope that the server is set up to send)."""
        if scope["path"] in _CHAT and scope["method"] == "POST":
            return self._chat(scope, receive, send)
        return self._small(scope, receive, send)

    async def _small(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything but the relay."""
        request_id = self._fresh_id()
        handler = self._routes.get(scope["path"], {}).get(scope["method"])
        try:
            if handler is not None:
                await handler(scope, send, request_id)
            else:
                await self._elsewhere(scope, send, request_id)
        except Denied as error:
            await self._deliver(self._relay.refusal(self._front, error, request_id), send)

    def _fresh_id(self) -> bytes:
        return b"%b-%x" % (self._run, next(self._count))

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        intake = Intake(scope["headers"])
        request_id = intake.request_id or self._fresh_id()
        watch = self._patrol.watch(receive)
        try:
            client = intake.client(self._plan.clients, scope["query_string"])
            if intake.length > self._max_body:
                raise too_large(self._max_body)
            body = await self._read_body(receive)
            if body is None:
                return
            watch.reading = False
            if intake.encoding:
                body = decoded(body, intake.encoding, self._max_body)
            await self._deliver(await self._relay.answer("openai_chat", body, client, request_id), send)
        except asyncio.CancelledError:
            await self._cancelled(watch, send, request_id)
        except Denied as error:
            await self._deliver(self._relay.refusal(self._front, error, request_id), send)
        except Exception:
            logger.exception("%s failed", request_id.decode())
            broken = Denied(500, "The gateway failed to handle this request.", code="internal_error")
            await self._deliver(self._relay.refusal(self._front, broken, request_id), send)
        finally:
            self._patrol.leave(watch)

    async def _read_body(self, receive: Receive) -> bytes | None:
        """The whole body; None when the client left. Raises Denied(413) as soon as it is too large."""
        message = await receive()
        if message["type"] != "http.request":
            return None
        body: bytes = message["body"]
        if not message.get("more_body"):
            return body
        pieces = [body]
        size = len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] != "http.request":
                return None
            pieces.append(message["body"])
            size += len(message["body"])
            if size > self._max_body:
                raise too_large(self._max_body)
        return b"".join(pieces)

    async def _cancelled(self, watch: Watch, send: Send, request_id: bytes) -> None:
        """Tell a cancellation of our own from one of the server's."""
        task = asyncio.current_task()
        if watch.gone:
            logger.info("%s the client left", request_id.decode("ascii", "replace"))
        elif watch.late:
            if task is not None:
                task.uncancel()
            late = Denied(408, "The request body did not arrive in time.", code="request_timeout")
            await self._deliver(self._relay.refusal(self._front, late, request_id), send)
        elif task is not None:
            task.uncancel()

    async def _models(self, scope: Scope, send: Send, request_id: bytes) -> None:
        client = self._authenticated(scope)
        data = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": OWNER}
            for name in self._relay.router.models(client)
        ]
        await self._deliver(_json(200, {"object": "list", "data": data}, request_id), send)

    def _authenticated(self, scope: Scope) -> Client:
        return Intake(scope["headers"]).client(self._plan.clients, scope["query_string"])

    async def _healthz(self, scope: Scope, send: Send, request_id: bytes) -> None:
        await self._deliver(_json(200, {"status": "ok"}, request_id), send)

    async def _readyz(self, scope: Scope, send: Send, request_id: bytes) -> None:
        status = 503 if self.draining else 200
        await self._deliver(_json(status, {"status": "draining" if self.draining else "ready"}, request_id), send)

    async def _elsewhere(self, scope: Scope, send: Send, request_id: bytes) -> None:
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT[:-1]})
            await send({"type": "http.response.body", "body": b""})
            return
        methods = ["POST"] if scope["path"] in _CHAT else [*self._routes.get(scope["path"], ())]
        if not methods:
            raise Denied(404, f"Nothing is served at {scope['method']} {scope['path'][:200]}.", code="unknown_url")
        refusal = Denied(405, f"{scope['path']} takes {', '.join(methods)}.", code="method_not_allowed")
        answer = self._relay.refusal(self._front, refusal, request_id)
        answer.headers.append((b"allow", ", ".join(methods).encode()))
        await self._deliver(answer, send)

    async def _deliver(self, answer: Answer, send: Send) -> None:
        stream = answer.stream
        headers = answer.headers
        headers.append(_CORS)
        if stream is None:
            headers.append((b"content-length", b"%d" % len(answer.body)))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
            return
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body, "more_body": True})
            async for piece in stream:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            # The client left, and this goes nowhere; or the process stops, and the client should know.
            await self._break_off(send, "The gateway is shutting down.")
            raise
        except Exception:
            logger.exception("a stream failed")
            await self._break_off(send, "The gateway failed in the middle of this stream.")
        finally:
            await stream.aclose()

    async def _break_off(self, send: Send, message: str) -> None:
        error = self._front.write_stream_error(Denied(503, message, code="internal_error"))
        await send({"type": "http.response.body", "body": error})

    def __repr__(self) -> str:
        return f"<Gateway {'draining' if self.draining else 'ready'}, {self._plan!r}>"


def _json(status: int, body: Any, request_id: bytes) -> Answer:
    return Answer(status, [_JSON, (b"x-request-id", request_id)], _encode(body))
