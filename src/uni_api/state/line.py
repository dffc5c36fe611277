"""The line to Redis: one connection, on which everything that is asked in the meantime travels together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from uni_api.secret import Secret
from uni_api.state.scripts import Script

CONNECT = 0.05
"""Seconds for connecting, unless the URL says `?socket_connect_timeout=`."""

ANSWER = 0.1
"""Seconds for an answer, unless the URL says `?socket_timeout=`."""

STALL = 0.02
"""A timer so many seconds late tells of a busy event loop, not of a slow Redis: the answer gets its time again."""

MOST_TOGETHER = 256
MOST_WAITING = 10_000

BROKEN = (RedisError, OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, RuntimeError)
"""What the client raises when Redis fails, refuses, or is something else altogether."""

T = TypeVar("T")

Word = str | bytes | int


class Away(Exception):
    """Redis did not answer. `lost` was told why."""


class _Ask:
    """One script to be run. Without `reply`, nobody waits for what it answers."""

    __slots__ = ("args", "keys", "reply", "script")

    def __init__(
        self, script: Script[Any], keys: Sequence[bytes], args: Sequence[Word], reply: "asyncio.Future[Any] | None"
    ) -> None:
        self.script = script
        self.keys = keys
        self.args = args
        self.reply = reply

    def command(self, *how: str) -> tuple[Word, ...]:
        return (*how, len(self.keys), *self.keys, *self.args)

    def answer(self, answer: object) -> None:
        found = self.script.read(answer)
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(found)

    def fail(self) -> None:
        if self.reply is not None and not self.reply.done():
            self.reply.set_exception(Away())


class Line:
    """Runs scripts in Redis. `lost` is called with the reason whenever that fails.

    A call takes as long as the flight that is under way and its own: at most `CONNECT + 2 * ANSWER` seconds.
    Raises ValueError when `url` can't be used.
    """

    def __init__(self, url: Secret, lost: Callable[[str], None]) -> None:
        text = url.reveal()
        if text.startswith("valkey"):
            text = "redis" + text.removeprefix("valkey")
        # The bounds are kept here; the client has none of its own, and tries nothing twice.
        pool: ConnectionPool = ConnectionPool.from_url(text, protocol=2, retry=Retry(NoBackoff(), 0))
        settings = pool.connection_kwargs
        self._connecting_time: float = settings.get("socket_connect_timeout") or CONNECT
        self._answer_time: float = settings.get("socket_timeout") or ANSWER
        settings.update(socket_timeout=None, socket_connect_timeout=None)
        self._pool = pool
        self._lost = lost
        self._password = str(settings.get("password") or "")
        self.place = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
        self._connection: AbstractConnection | None = None
        self._waiting: list[_Ask] = []
        self._flight: asyncio.Task[None] | None = None
        try:
            self._connection_made()
        except (TypeError, AttributeError) as error:  # a word after the question mark that means nothing
            raise ValueError(str(error)) from None

    async def ask(self, script: Script[T], keys: Sequence[bytes], *args: Word) -> T:
        """What `script` answers. Raises Away."""
        reply: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(_Ask(script, keys, args, reply))
        return await reply

    def tell(self, script: Script[Any], keys: Sequence[bytes], *args: Word) -> None:
        """Run `script` after what was asked before, and wait for nothing."""
        if len(self._waiting) < MOST_WAITING:
            self._put(_Ask(script, keys, args, None))

    async def aclose(self) -> None:
        """Let what is under way arrive, and hang up."""
        if self._flight is not None:
            await asyncio.wait([self._flight])
        await self._hang_up()

    def _put(self, ask: _Ask) -> None:
        self._waiting.append(ask)
        if self._flight is None:
            self._flight = asyncio.get_running_loop().create_task(self._fly())

    async def _fly(self) -> None:
        """Carry what is waiting, all together, until nothing is."""
        carried: list[_Ask] = []
        try:
            while self._waiting:
                carried, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                if self._connection is None:
                    await self._call()
                await self._carry(self._connection, carried)
        except BROKEN as error:
            self._lost(self._reason(error))
            await self._hang_up()
        except BaseException:
            await self._hang_up()  # an answer that is still to come must not be taken for the next one's
            raise
        finally:
            self._flight = None
            for each in (*carried, *self._waiting):
                each.fail()
            self._waiting = []

    async def _call(self) -> None:
        connection = self._connection_made()
        try:
            async with within(self._connecting_time, "no connection"):
                await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            with suppress(*BROKEN):
                await connection.disconnect(nowait=True)
            raise
        self._connection = connection

    def _connection_made(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return connection

    async def _carry(self, connection: AbstractConnection | None, asks: Sequence[_Ask]) -> None:
        assert connection is not None
        async with within(self._answer_time, "no answer"):
            forgotten = await self._exchange(connection, asks, "EVALSHA")
            if forgotten:
                await self._exchange(connection, forgotten, "EVAL")

    async def _exchange(self, connection: AbstractConnection, asks: Sequence[_Ask], how: str) -> list[_Ask]:
        """Send all, read all. Gives back those whose script Redis does not know."""
        whole = how == "EVAL"
        commands = [each.command(how, each.script.text if whole else each.script.digest) for each in asks]
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        forgotten = []
        for each in asks:
            try:
                each.answer(await connection.read_response())
            except NoScriptError:
                forgotten.append(each)
        return forgotten

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*BROKEN):
                await connection.disconnect(nowait=True)

    def _reason(self, error: BaseException) -> str:
        text = str(error) or type(error).__name__
        if self._password:
            text = text.replace(self._password, "***")
        return "".join(each if each.isprintable() else " " for each in text[:200])

    def __repr__(self) -> str:
        return f"<Line to {self.place}>"


@asynccontextmanager
async def within(seconds: float, otherwise: str) -> AsyncIterator[None]:
    """Raises TimeoutError after so many seconds. One more time when the event loop was too busy to look in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as bound:
            timer: asyncio.TimerHandle

            def set_timer(look: Callable[[float], None]) -> None:
                nonlocal timer
                due = loop.time() + seconds
                timer = loop.call_at(due, look, due)

            def look(due: float) -> None:
                if loop.time() - due > STALL:
                    set_timer(lambda _: bound.reschedule(loop.time()))
                else:
                    bound.reschedule(loop.time())

            set_timer(look)
            try:
                yield
            finally:
                timer.cancel()
    except TimeoutError:
        raise TimeoutError(f"{otherwise} within {seconds * 1000:.0f} ms") from None
