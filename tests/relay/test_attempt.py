"""One try's answer while it arrives: what can be committed at once, and what has to be waited for."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.fakes.upstream import event
from tests.relay.chat import DONE, ROLE, delta
from tests.relay.test_lane import channel, lane
from tests.relay.wire import Wire
from uni_api.config.plan import Plan
from uni_api.dialects import registry
from uni_api.errors import Fault
from uni_api.relay.answer import Answer
from uni_api.relay.attempt import Arriving, begun
from uni_api.relay.lane import Lane
from uni_api.routing import Try

FRONT = registry.front("openai_chat")
STREAM = {b"content-type": b"text/event-stream"}
WORDS = delta({"content": "one "}) + delta({"content": "two"}) + delta(finish="stop") + DONE
SAID = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'


class Upstream:
    """A response that has what was given to it: `come` says what arrives, in pieces that are waited for in turn."""

    framed = b""
    framed_from = 0

    def __init__(self, *later: bytes, status: int = 200, labels: dict[bytes, bytes] | None = None) -> None:
        self.status = status
        self.labels = labels or {}
        self.here: list[bytes] = []
        self.later = list(later)
        self.closed = False

    @property
    def ended(self) -> bool:
        return not self.later

    def arrive(self) -> None:
        self.here.append(self.later.pop(0))

    def header(self, name: bytes) -> bytes | None:
        return self.labels.get(name)

    def at_hand(self) -> bytes:
        data, self.here = b"".join(self.here), []
        return data

    async def chunk(self) -> bytes:
        if not self.here and self.later:
            await asyncio.sleep(0)
            self.arrive()
        return self.at_hand()

    async def read(self, limit: int) -> bytes:
        whole = b""
        while piece := await self.chunk():
            whole += piece
        return whole

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        while piece := await self.chunk():
            if not sink(piece):
                return True
        return False

    def close(self) -> None:
        self.closed = True


def arriving(upstream: Upstream, *, stream: bool = False, on: Lane | None = None, lenient: bool = False) -> Arriving:
    own = on or lane(channel())
    body = b'{"model":"m","messages":[]%b}' % (b',"stream":true' if stream else b"")
    attempt = Try(own.candidate, 0, alone=lenient)
    return Arriving(cast(Any, upstream), own, attempt, FRONT.peek(body), FRONT)


def fault_of(one: Arriving) -> Fault:
    with pytest.raises(Fault) as caught:
        asyncio.run(one.later())
    return caught.value


def test_a_whole_answer_is_one_once_it_has_ended() -> None:
    upstream = Upstream(SAID[:30], SAID[30:])
    upstream.arrive()
    one = arriving(upstream)
    assert one.now() is None
    upstream.arrive()
    answer = one.now()
    assert answer is not None and (answer.status, answer.body, answer.stream) == (200, SAID, None)
    assert one.now() is answer
    assert answer.told is not None and answer.told.finish is not None


def test_what_has_not_ended_is_waited_for() -> None:
    upstream = Upstream(SAID[:30], SAID[30:])
    upstream.arrive()
    one = arriving(upstream)
    assert one.now() is None
    assert asyncio.run(one.later()).body == SAID


def test_a_stream_is_one_once_it_has_content() -> None:
    upstream = Upstream(ROLE + WORDS[:200], WORDS[200:], labels=STREAM)
    upstream.arrive()
    answer = arriving(upstream, stream=True).now()
    assert answer is not None and answer.stream is not None and answer.close is not None
    assert (ROLE + WORDS).startswith(answer.body) and b"one" in answer.body


def test_a_stream_that_is_all_here_is_whole() -> None:
    upstream = Upstream(ROLE + WORDS, labels=STREAM)
    upstream.arrive()
    answer = arriving(upstream, stream=True).now()
    assert answer is not None and (answer.body, answer.stream, answer.fault) == (ROLE + WORDS, None, None)


def test_an_error_after_content_stays_with_the_answer() -> None:
    error = event({"error": {"message": "no more for k1", "code": 500}})
    upstream = Upstream(WORDS[: WORDS.index(b"\n\n") + 2] + error, labels=STREAM)
    upstream.arrive()
    answer = arriving(upstream, stream=True).now()
    assert answer is not None and answer.fault is not None
    assert b"k1" not in answer.body and "k1" not in answer.fault.message


def _poured(answer: Answer, into: bytearray) -> None:
    class Out:
        paused = False

        def write(self, piece: bytes, /) -> None:
            into.extend(piece)

        async def drained(self) -> None: ...

    into.extend(answer.body)
    if answer.stream is not None:
        asyncio.run(answer.stream.pour(Out()))


@pytest.mark.parametrize("between", [0, 1, 2])
def test_nothing_is_lost_of_what_comes_between_two_looks(between: int) -> None:
    """The first look found no content; before it is waited for any, or looked at again, more has come."""
    pieces = [ROLE, ROLE, *(WORDS[at : at + 60] for at in range(0, len(WORDS), 60))]
    upstream = Upstream(*pieces, labels=STREAM)
    upstream.arrive()
    one = arriving(upstream, stream=True)
    assert one.now() is None
    for _ in range(between):
        upstream.arrive()
    answer = one.now() or asyncio.run(one.later())
    found = bytearray()
    _poured(answer, found)
    assert bytes(found) == b"".join(pieces)


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (False, b"<html></html>"),
        (False, b'{"error":{"message":"no, k1","code":500}}'),
        (True, event({"error": {"message": "no, k1"}})),
        (True, event("hello")),
    ],
    ids=["no JSON", "error", "error event", "no event"],
)
def test_a_fault_is_kept_for_later_and_lets_go_of_the_upstream(stream: bool, data: bytes) -> None:
    upstream = Upstream(data, labels=STREAM if stream else None)
    upstream.arrive()
    one = arriving(upstream, stream=stream)
    assert one.now() is None
    if upstream.closed:  # which a stream is only when it is known that nothing good comes
        assert one.now() is None
    fault = fault_of(one)
    assert "k1" not in fault.message and upstream.closed


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [302, 400, 401, 429, 500])
def test_what_is_no_success_is_never_committed(status: int, stream: bool) -> None:
    upstream = Upstream(SAID if not stream else ROLE + WORDS, status=status)
    upstream.arrive()
    one = arriving(upstream, stream=stream)
    assert one.now() is None
    fault_of(one)
    assert upstream.closed


def test_an_answer_with_a_trigger_is_none() -> None:
    plan = Plan(channels=(), clients={}, error_triggers=(b"hi", b"two"))
    for stream, data in ((False, SAID), (True, ROLE + WORDS)):
        upstream = Upstream(data, labels=STREAM if stream else None)
        upstream.arrive()
        one = arriving(upstream, stream=stream, on=lane(channel(), plan=plan))
        assert one.now() is None
        assert "trigger" in fault_of(one).message and upstream.closed


def test_where_nobody_else_could_be_asked_an_answer_without_a_word_is_one() -> None:
    silent = SAID.replace(b'"hi"', b'""')
    for lenient in (False, True):
        upstream = Upstream(silent)
        upstream.arrive()
        assert (arriving(upstream, lenient=lenient).now() is not None) is lenient


@pytest.mark.parametrize("stream", [False, True])
def test_a_bug_lets_go_of_the_upstream(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    upstream = Upstream(ROLE + WORDS if stream else SAID)
    upstream.arrive()
    one = arriving(upstream, stream=stream)
    monkeypatch.setattr(registry.verbatim("openai_chat"), "tap" if stream else "glance", wrong)
    with pytest.raises(ZeroDivisionError):
        one.now()
    assert upstream.closed


def test_who_stops_waiting_lets_go_of_the_upstream() -> None:
    upstream = Upstream(status=500)

    async def main() -> None:
        upstream.read = cast(Any, lambda limit: asyncio.Event().wait())  # type: ignore[method-assign]
        task = asyncio.ensure_future(arriving(upstream).later())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(main())
    assert upstream.closed


def test_closing_lets_go_of_the_upstream() -> None:
    upstream = Upstream(SAID)
    arriving(upstream).close()
    assert upstream.closed


def test_nothing_is_begun_before_its_door_was_used() -> None:
    """Its head is compiled, and what can't be compiled refused, on the way of a task."""
    own = lane(channel(), Wire())
    seen = FRONT.peek(b'{"model":"m","messages":[]}')
    assert begun(own, Try(own.candidate, 0), seen) is None
