"""Whatever becomes of a request, its client is told, once, and in the shape that it knows."""

import asyncio
import json
import logging
from typing import Any, cast

import pytest

from uni_api.config.plan import Plan
from uni_api.dialects import Pieces, registry
from uni_api.errors import Denied
from uni_api.relay import Answer, Relay
from uni_api.relay.answer import JSON
from uni_api.server.errand import CORS, Errand
from uni_api.server.request import Request


class Out:
    """A client's connection, as errands see it."""

    def __init__(self) -> None:
        self.gone = False
        self.begun = False
        self.said: list[tuple[int, list[bytes], bytes]] = []

    def respond(self, status: int, headers: list[bytes], body: bytes, *, framed: Pieces) -> None:
        assert not framed
        self.begun = True
        self.said.append((status, headers, body))

    @property
    def error(self) -> Any:
        ((status, _, body),) = self.said
        return (status, json.loads(body)["error"]["code"])


class Scripted(Errand, eq=False):
    """Does one thing."""

    does: Any = None

    async def answer(self) -> None:
        if isinstance(self.does, BaseException):
            raise self.does
        if self.does is asyncio.Event:
            await asyncio.Event().wait()
        self.respond(Answer(200, [JSON], b"{}"))


def errand(does: Any = None, **headers: bytes) -> tuple[Scripted, Out]:
    relay, out = Relay(Plan(channels=(), clients={}), cast(Any, None), cast(Any, None)), Out()
    named = {name.encode(): value for name, value in headers.items()}
    request = Request(b"POST", b"/", b"", named, b"id-1")
    return Scripted(relay, registry.front("openai_chat"), request, cast(Any, out), does), out


def test_an_answer_is_given() -> None:
    one, out = errand()
    asyncio.run(one.run())
    assert out.said == [(200, [JSON], b"{}")]


def test_a_browser_may_read_it() -> None:
    for does in (None, Denied(400, "no")):
        one, out = errand(does, origin=b"https://app.test")
        asyncio.run(one.run())
        assert CORS in out.said[0][1]


def test_a_refusal_is_told() -> None:
    one, out = errand(Denied(429, "slower", code="too_fast", retry_after=3.2))
    asyncio.run(one.run())
    assert out.error == (429, "too_fast")
    assert b"retry-after: 4\r\n" in out.said[0][1] and b"x-request-id: id-1\r\n" in out.said[0][1]


def test_what_was_refused_before_is_not_done() -> None:
    one, out = errand(ZeroDivisionError())
    one.request.refusal = Denied(413, "too large", code="request_too_large")
    asyncio.run(one.run())
    assert out.error == (413, "request_too_large")


def test_a_bug_is_told_to_the_log_and_not_to_the_client(caplog: pytest.LogCaptureFixture) -> None:
    one, out = errand(ZeroDivisionError("secret"))
    with caplog.at_level(logging.ERROR, "uni_api.server"):
        asyncio.run(one.run())
    assert out.error == (500, "internal_error")
    assert b"secret" not in out.said[0][2]
    assert "secret" in caplog.text and caplog.records[0].getMessage() == "id-1 failed"


def test_who_is_stopped_says_so_and_stays_cancelled() -> None:
    one, out = errand(asyncio.Event)

    async def main() -> None:
        task = asyncio.ensure_future(one.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(main())
    assert out.error == (503, "shutting_down")


def test_who_is_cancelled_before_says_so() -> None:
    one, out = errand()
    one.cancel()
    assert out.error == (503, "shutting_down")


@pytest.mark.parametrize("does", [Denied(400, "no"), ZeroDivisionError()])
@pytest.mark.parametrize("why", ["gone", "begun"])
def test_nothing_is_said_to_who_has_left_or_has_an_answer_already(does: Exception, why: str) -> None:
    one, out = errand(does)
    setattr(out, why, True)
    asyncio.run(one.run())
    one.cancel()
    assert out.said == []


def test_it_shows_whose_it_is() -> None:
    assert repr(errand()[0]) == "<Scripted id-1>"
