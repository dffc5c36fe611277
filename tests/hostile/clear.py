"""What a clear answer to a bad request is, and what must never be in any answer."""

from typing import Any

from tests.hostile.raw import Reply

CANARIES = ("canary-client", "canary-upstream")
"""Parts of every secret that the hostile gateways are given."""


def assert_clear(reply: Reply, *statuses: int) -> dict[str, Any]:
    """An error in the OpenAI shape, with one of `statuses` (none given: any 4xx). Returns the error object."""
    assert reply.status in statuses if statuses else 400 <= reply.status < 500, (reply.status, reply.body[:500])
    assert reply.headers["content-type"].startswith("application/json"), reply.headers
    body = reply.json()
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert {"message", "type", "param", "code"} <= set(error), error
    assert isinstance(error["message"], str) and error["message"], error
    assert isinstance(error["type"], str), error
    assert len(error["message"]) < 4000
    assert_discreet(reply)
    return error


def assert_discreet(reply: Reply) -> None:
    """No secret and no inside of the program in the reply."""
    text = reply.body.decode("utf-8", "replace") + repr(reply.headers)
    for word in (*CANARIES, "Traceback", "site-packages", ".py"):
        assert word not in text, text[:1000]
