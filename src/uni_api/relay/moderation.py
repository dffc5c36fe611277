"""What the user says, checked while the answer is on its way: nothing of an answer is shown before the verdict."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from uni_api.canon import Request
from uni_api.canon.parts import Text
from uni_api.config.plan import Client
from uni_api.dialects import registry
from uni_api.dialects.moderation import MODELS, Flags, read_reply, write_request
from uni_api.errors import Denied, Fault
from uni_api.providers.base import Address
from uni_api.relay.lane import headers_for
from uni_api.relay.race import Abandonable, in_turn
from uni_api.relay.retry_after import asked
from uni_api.relay.verdict import Verdict, judge
from uni_api.routing import Candidate, Pool, Tries, Try
from uni_api.transport import Head, Proxy, Timeouts, compile_head

if TYPE_CHECKING:
    from uni_api.relay.relay import Relay

logger = logging.getLogger("uni_api.relay")

LONGEST_ANSWER = 10.0
"""Seconds to wait for one answer of a moderation model; less where `model_timeout` says so."""
LONGEST_CHECK = 20.0
"""Seconds for a whole check, all its tries together."""
MAX_REPLY = 8 * 1024 * 1024

_encode = msgspec.json.Encoder().encode


A = TypeVar("A", bound=Abandonable)


def said(request: Request) -> str:
    """What the user says last: every text since the last answer, or where that has none, before it.

    What tools returned is not the user's word, nor are instructions of the operator.
    """
    found: list[str] = []
    for turn in reversed(request.turns):
        if turn.role == "user":
            found.extend(part.text for part in reversed(turn.parts) if isinstance(part, Text) and part.text)
        elif turn.role == "assistant" and found:
            break
    return "\n".join(reversed(found))


class Checks:
    """The checks of one request, one for each client key that wants them, begun when its rules first come into play."""

    def __init__(self, moderator: "Moderator", text: str, request_id: bytes) -> None:
        self._moderator = moderator
        self._text = text
        self._request_id = request_id
        self._running: dict[Client, asyncio.Task[None]] = {}
        self.unchecked = False

    async def hold(self, work: Awaitable[A], clients: Iterable[Client]) -> A:
        """What `work` comes to, once the checks of `clients` have passed. They run at the same time.

        Raises what `work` raises, and Denied as soon as a check fails: then `work` has let go of what it held.
        """
        running = [self._begun(client) for client in clients]
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, *running), return_when=asyncio.FIRST_EXCEPTION)
            for check in running:
                if check.done():
                    check.result()
            return task.result()
        except BaseException:
            await _dropped(task)
            raise
        finally:
            del task, running  # an exception would hold them by this frame, and they the exception

    async def passed(self) -> None:
        """Every check that has begun is over. Raises Denied when one has failed."""
        for check in self._running.values():
            await check

    async def aclose(self) -> None:
        """No check runs any longer."""
        running = self._running.values()
        for check in running:
            check.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._running.clear()

    def _begun(self, client: Client) -> "asyncio.Task[None]":
        check = self._running.get(client)
        if check is None:
            check = self._running[client] = asyncio.ensure_future(self._check(client))
        return check

    async def _check(self, client: Client) -> None:
        if not self._text:
            return
        flags = await self._moderator.flags(client, self._text, self._request_id)
        if flags is None:
            self._let_through(client)
        elif flags.flagged:
            raise _flagged(flags)

    def _let_through(self, client: Client) -> None:
        """Go on without a verdict. Raises Denied where that is not wanted."""
        if client.moderation is None or client.moderation.failure != "allow":
            raise Denied(
                503,
                "The request could not be checked by a moderation model, and is not answered unchecked.",
                code="moderation_unavailable",
            )
        logger.warning("%s goes on unchecked", self._request_id.decode("ascii", "replace"))
        self.unchecked = True

    def __repr__(self) -> str:
        return f"<Checks for {list(self._running)}>"


class Moderator:
    """Asks the moderation models that client keys may use."""

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self._pools: dict[Client, Pool | None] = {}
        self._heads: dict[tuple[Candidate, int], Head] = {}

    def forget(self) -> None:
        """The Plan is another one."""
        self._pools = {}
        self._heads = {}

    async def flags(self, client: Client, text: str, request_id: bytes) -> Flags | None:
        """What a model makes of `text`. None when there is none, or none has answered in time."""
        pool = self._pool(client)
        if pool is None:
            await self._relay.lists_known()
            pool = self._pool(client)
        name = request_id.decode("ascii", "replace")
        if pool is None:
            logger.warning("%s has no moderation model", name)
            return None
        try:
            async with asyncio.timeout(LONGEST_CHECK):
                return await self._asked(self._relay.tries_in(pool, 0), text, name)
        except TimeoutError:
            logger.warning("%s was not moderated within %g seconds", name, LONGEST_CHECK)
            return None

    def _pool(self, client: Client) -> Pool | None:
        """Everything in the rules of `client` that can moderate, by the first of the models that it has."""
        pool = self._pools.get(client)
        for model in MODELS if pool is None else ():
            try:
                pool = self._relay.router.pool(client, model).only(_moderates)
            except Denied:
                continue
            if pool is not None:
                self._pools[client] = pool
                break
        return pool

    async def _asked(self, tries: Tries, text: str, name: str) -> Flags | None:
        async def attempt(chosen: Try) -> Flags:
            if chosen.repeats:
                await self._relay.back_off(chosen.repeats)
            flags = await self._answer(chosen, text)
            if self._relay.notes(chosen):
                await self._relay.worked(chosen)
            return flags

        async def failed(chosen: Try, fault: Fault) -> Verdict:
            # Not its message: it may quote the user.
            place = f"{chosen.candidate.channel.name}/{chosen.candidate.model}"
            logger.warning("%s moderation by %s failed (%s, status %d)", name, place, fault.kind, fault.status)
            await self._relay.failed(chosen, fault, only=tries.only)
            return judge(fault)

        return await in_turn(tries, attempt, failed)

    async def _answer(self, chosen: Try, text: str) -> Flags:
        candidate = chosen.candidate
        channel = candidate.channel
        body = _encode(write_request(candidate.model, text))
        wait = min(LONGEST_ANSWER, self._relay.wait_for(candidate))
        response = await self._relay.http.send(
            self._head(chosen),
            body,
            timeouts=Timeouts(connect=wait, first_byte=wait, idle=wait, total=wait),
            proxy=Proxy(channel.proxy.reveal()) if channel.proxy is not None else None,
        )
        try:
            told = await response.read(MAX_REPLY)
            if 200 <= response.status < 300:
                return read_reply(told)
            dialect = channel.provider.dialect(chosen.door.site, candidate.model)
            fault = registry.back(dialect).read_error(response.status, told)
            fault.retry_after = fault.retry_after or asked(response.status, response.header, time.time())
            raise fault
        finally:
            response.close()

    def _head(self, chosen: Try) -> Head:
        slot = (chosen.candidate, chosen.place)
        head = self._heads.get(slot)
        if head is None:
            channel = chosen.candidate.channel
            address = channel.provider.endpoint(chosen.door, "moderations", chosen.candidate.model)
            assert address is not None
            head = self._heads[slot] = compile_head("POST", address.url, headers_for(channel, address))
        return head

    def __repr__(self) -> str:
        return f"<Moderator {len(self._pools)} keys>"


def _moderates(candidate: Candidate) -> bool:
    """Whether its host has a place for texts to be checked, let in by what can be said beforehand."""
    channel = candidate.channel
    address: Address | None = channel.provider.endpoint(channel.doors[0], "moderations", candidate.model)
    return address is not None and address.sign is None and address.grant is None


def _flagged(flags: Flags) -> Denied:
    why = f" It was flagged for: {', '.join(flags.categories)}." if flags.categories else ""
    return Denied(
        400,
        f"Content did not pass the moral check, please modify and try again.{why}",
        code="content_policy_violation",
    )


async def _dropped(task: "asyncio.Future[A]") -> None:
    """`task` is over, and its result lets go of what it held."""
    task.cancel()
    for result in await asyncio.gather(task, return_exceptions=True):
        if not isinstance(result, BaseException):
            result.abandon()
