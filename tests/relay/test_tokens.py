"""Tokens are asked for once, kept while they hold, and never shown. The clock is the test's; the sockets are real."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import Struct

from tests.fakes.wire import Connection, Received, WireServer, head
from uni_api.errors import Fault
from uni_api.providers.base import Call, Token
from uni_api.relay import tokens
from uni_api.relay.tokens import EARLY, PAUSE, Tokens
from uni_api.secret import Secret
from uni_api.transport import HttpClient

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Plain(Struct, frozen=True):
    """A grant that says when it was asked."""

    url: str
    id: str = "someone"

    def call(self, now: float, /) -> Call:
        return Call("POST", self.url, (("content-type", "text/plain"),), str(now).encode())

    def read(self, status: int, body: bytes, /) -> Token:
        if status != 200:
            raise Fault("auth", f"refused with {status}")
        found: dict[str, Any] = json.loads(body)
        return Token(Secret(found["token"]), found["lifetime"])


class Issuer(WireServer):
    """Issues `token-0`, `token-1` and so on; waits before each answer while `gate` is closed."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.lifetime = HOUR
        self.status = 200
        self.open = True
        self.issued = 0

    async def _answer(self, request: Received, connection: Connection) -> bool:
        while not self.open:
            await connection.pause(0.005)
        body = json.dumps({"token": f"token-{self.issued}", "lifetime": self.lifetime}).encode()
        self.issued += self.status == 200
        await connection.send(head(self.status, (("Content-Length", str(len(body))),)) + body)
        return True


Case = Callable[[Tokens, Issuer, Clock], Awaitable[None]]


def run(case: Case) -> None:
    async def main(issuer: Issuer) -> None:
        clock, http = Clock(), HttpClient()
        held = Tokens(http, clock)
        try:
            await case(held, issuer, clock)
        finally:
            await held.aclose()
            await http.aclose()

    with Issuer() as issuer:
        asyncio.run(main(issuer))


def grant(issuer: Issuer, who: str = "someone") -> Plain:
    return Plain(issuer.url, who)


async def value(held: Tokens, issuer: Issuer, who: str = "someone") -> str:
    return (await held.get(grant(issuer, who), None)).reveal()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def test_a_token_is_kept() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        assert await value(held, issuer) == "token-0"
        clock.now += HOUR - EARLY - 1
        assert await value(held, issuer) == "token-0"
        assert await value(held, issuer, "another") == "token-1"
        assert [request.body for request in issuer.received] == [b"1800000000.0", str(clock.now).encode()]

    run(case)


def test_all_who_need_it_at_once_share_one_request() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        found = await asyncio.gather(*(value(held, issuer) for _ in range(50)))
        assert set(found) == {"token-0"}
        assert len(issuer.received) == 1

    run(case)


def test_a_token_that_is_due_is_used_while_its_successor_is_fetched() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        await value(held, issuer)
        clock.now += HOUR - EARLY
        issuer.open = False
        assert [await value(held, issuer) for _ in range(3)] == ["token-0"] * 3
        await until(lambda: len(issuer.received) == 2)
        issuer.open = True
        await until(lambda: "0 under way" in repr(held))
        assert await value(held, issuer) == "token-1"
        assert len(issuer.received) == 2

    run(case)


def test_a_short_life_is_renewed_in_its_last_fifth() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        issuer.lifetime = 100
        await value(held, issuer)
        clock.now += 79
        assert await value(held, issuer) == "token-0"
        assert len(issuer.received) == 1
        clock.now += 21
        assert await value(held, issuer) == "token-1"

    run(case)


def test_a_token_at_its_end_is_not_used() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        await value(held, issuer)
        clock.now += HOUR
        assert await value(held, issuer) == "token-1"

    run(case)


def test_a_failure_reaches_all_who_wait_and_the_next_request_asks_again(caplog: pytest.LogCaptureFixture) -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        issuer.status = 400
        found = await asyncio.gather(*(value(held, issuer) for _ in range(5)), return_exceptions=True)
        assert [str(each) for each in found] == ["refused with 400"] * 5
        assert len(issuer.received) == 1
        issuer.status = 200
        assert await value(held, issuer) == "token-0"

    with caplog.at_level(logging.WARNING, "uni_api.relay"):
        run(case)
    assert [record.getMessage() for record in caplog.records] == ["no token for someone: refused with 400"]


def test_a_renewal_that_fails_is_tried_again_after_a_pause() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        await value(held, issuer)
        clock.now += HOUR - EARLY
        issuer.status = 500
        assert await value(held, issuer) == "token-0"
        await until(lambda: "0 under way" in repr(held))
        assert [await value(held, issuer) for _ in range(5)] == ["token-0"] * 5
        assert len(issuer.received) == 2
        clock.now += PAUSE
        issuer.status = 200
        assert await value(held, issuer) == "token-0"
        await until(lambda: "0 under way" in repr(held))
        assert await value(held, issuer) == "token-1"

    run(case)


def test_who_leaves_takes_nobodys_request_along() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        issuer.open = False
        first, second = (asyncio.create_task(value(held, issuer)) for _ in range(2))
        await until(lambda: len(issuer.received) == 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        issuer.open = True
        assert await second == "token-0"
        assert len(issuer.received) == 1

    run(case)


def test_when_all_have_left_the_token_still_comes() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        issuer.open = False
        only = asyncio.create_task(value(held, issuer))
        await until(lambda: len(issuer.received) == 1)
        only.cancel()
        await asyncio.gather(only, return_exceptions=True)
        issuer.open = True
        assert await value(held, issuer) == "token-0"
        assert len(issuer.received) == 1

    run(case)


def test_a_refused_token_is_forgotten() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        old = await held.get(grant(issuer), None)
        held.forget(grant(issuer), old)
        assert await value(held, issuer) == "token-1"
        held.forget(grant(issuer), old)
        assert await value(held, issuer) == "token-1"
        held.forget(grant(issuer, "nobody"), old)

    run(case)


def test_nothing_shows_a_token(caplog: pytest.LogCaptureFixture) -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        found = await held.get(grant(issuer), None)
        assert "token-0" not in f"{held!r} {found!r} {Token(found, 1)!r}"
        assert repr(held) == "<Tokens 1 held, 0 under way>"
        assert "token-0" not in repr(vars(held))

    with caplog.at_level(logging.DEBUG):
        run(case)
    assert "token-0" not in caplog.text


def test_an_issuer_that_is_not_there_is_a_fault() -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        with pytest.raises(Fault) as caught:
            await held.get(Plain("http://127.0.0.1:1"), None)
        assert caught.value.kind == "connect"

    run(case)


def test_an_answer_without_end_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        with pytest.raises(Fault):
            await value(held, issuer)

    monkeypatch.setattr(tokens, "MAX_ANSWER", 10)
    run(case)


def test_what_is_no_fault_is_not_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        issuer.lifetime = "soon"  # type: ignore[assignment]
        with pytest.raises(TypeError):
            await value(held, issuer)

    run(case)
    assert [record.levelname for record in caplog.records if record.name == "uni_api.relay"] == ["ERROR"]


def test_the_end_cancels_what_is_under_way(caplog: pytest.LogCaptureFixture) -> None:
    async def case(held: Tokens, issuer: Issuer, clock: Clock) -> None:
        issuer.open = False
        waiting = asyncio.create_task(value(held, issuer))
        await until(lambda: len(issuer.received) == 1)
        await held.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert repr(held) == "<Tokens 0 held, 0 under way>"
        await held.aclose()

    run(case)
    assert not caplog.records
