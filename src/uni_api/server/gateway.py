"""What is served: a table of routes, and the way of a chat request to the relay and back."""

from typing import Any

import msgspec

from uni_api.config.plan import Plan
from uni_api.dialects import registry
from uni_api.errors import Denied
from uni_api.relay import Answer, Relay
from uni_api.relay.answer import JSON, line
from uni_api.server.connection import Connection
from uni_api.server.errand import CORS, Errand
from uni_api.server.intake import Credentials, announced_length, too_large, wanted_id
from uni_api.server.relayed import Relayed
from uni_api.server.request import Request

OWNER = "uni-api"
CREATED = 1720524448
"""Every model's `created`: a constant, since a gateway does not know (the one that clients of the reference know)."""

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
        self._credentials = Credentials(plan.clients)
        self._relay = relay
        self._max_body = max_body
        self._digits = len(str(max_body))
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
        self._credentials = Credentials(plan.clients)
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
                request.client = self._credentials.client_of(headers, request.query)
            length = headers.get(b"content-length", b"")
            if len(length) >= self._digits and announced_length(headers) > self._max_body:
                raise too_large(self._max_body)
        except Denied as refusal:
            return refusal.bare()  # which would hold the request that is to hold the refusal
        return None

    def begin(self, request: Request, out: Connection, /) -> Errand:
        route = request.route
        if route is _CHAT:
            relayed = Relayed(self._relay, self._front, request, out, self._max_body)
            relayed.begin()
            return relayed
        out.go_on()
        return _Small(self._relay, self._front, request, out)

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
            allowed = b", ".join(methods)
            message = f"{path} takes {allowed.decode()}."
            return Denied(405, message, code="method_not_allowed", headers=((b"allow", allowed),))
        return Denied(404, f"Nothing is served at {request.method.decode()} {path}.", code="unknown_url")

    def _methods(self, path: bytes) -> list[bytes]:
        return [method for method, known in self._routes if known == path]

    def __repr__(self) -> str:
        return f"<Gateway {'draining' if self.draining else 'ready'}, {self._plan!r}>"


class _Small(Errand, eq=False):
    """Everything but the relay."""

    async def answer(self) -> None:
        route = self.request.route
        if self.request.client is not None:  # who may see lists of models, waits for them
            await self.relay.lists_known()
        self.respond(route(self.request) if route is not None else Answer(204, [CORS, _PREFLIGHT]))


def _json(status: int, body: Any, request: Request) -> Answer:
    return Answer(status, [JSON, line(b"x-request-id", request.id)], _encode(body))
