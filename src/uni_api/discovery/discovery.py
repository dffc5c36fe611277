"""When channels are asked for their models, and what becomes of the answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from uni_api.config.plan import Channel, Plan
from uni_api.discovery.asking import Asker
from uni_api.discovery.shelf import Lists, Shelf, label
from uni_api.errors import Fault

logger = logging.getLogger("uni_api.discovery")

AT_ONCE = 16
REFRESH = 6 * 3600.0
"""Seconds after which a list is asked for again."""
RETRY = (15.0, 60.0, 300.0, 1800.0)
"""Seconds until a host that failed is asked again: the first time, the second, and so on; the last one stays."""
FIRST_WAIT = 5.0
"""The longest that a request for a model nobody is known to offer waits for lists that are on their way."""

Sleep = Callable[[float], Awaitable[None]]


class Discovery:
    """Keeps the model lists of every channel of a Plan that has none of its own.

    found: is given the new Plan each time a list has changed. Lists on the shelf serve from the start; they are asked
    for again in the background all the same.
    """

    def __init__(
        self,
        plan: Plan,
        asker: Asker,
        shelf: Shelf,
        found: Callable[[Plan], None],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._plan = plan
        self._asker = asker
        self._shelf = shelf
        self._found = found
        self._sleep = sleep
        self._channels = [channel for channel in plan.channels if channel.discover]
        self._lists: Lists = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._room = asyncio.Semaphore(AT_ONCE)
        self._expected: set[int] = set()
        self._all_here = asyncio.Event()

    def start(self) -> None:
        """Use what the shelf has, and begin to ask. Must run inside the event loop."""
        if not self._channels:
            self._all_here.set()
            return
        kept = self._shelf.load()
        wanted = {label(channel) for channel in self._channels}
        self._lists = {name: models for name, models in kept.items() if name in wanted}
        self._expected = {channel.position for channel in self._channels if label(channel) not in self._lists}
        self._publish()
        self._tasks = [asyncio.create_task(self._keep(channel)) for channel in self._channels]
        if not self._expected:
            self._all_here.set()

    @property
    def waited_for(self) -> bool:
        """Whether lists that were never seen before are still on their way."""
        return not self._all_here.is_set()

    async def first_lists(self) -> None:
        """Comes back when every channel has been asked once, or after a few seconds."""
        try:
            async with asyncio.timeout(FIRST_WAIT):
                await self._all_here.wait()
        except TimeoutError:
            self._all_here.set()  # nobody else waits for a host that is this slow

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, channel: Channel) -> None:
        failures = 0
        while True:
            if await self._refresh(channel):
                failures = 0
                await self._sleep(REFRESH)
            else:
                await self._sleep(RETRY[min(failures, len(RETRY) - 1)])
                failures += 1

    async def _refresh(self, channel: Channel) -> bool:
        """Whether the channel's list is known now. A list that was known stays when its host fails."""
        try:
            async with self._room:
                models = await self._asker.models(channel)
        except Fault as fault:
            logger.warning("no model list from %s: %s (%s)", channel.name, fault.message[:500], fault.kind)
            return False
        else:
            self._learn(channel, models)
            return True
        finally:
            self._expected.discard(channel.position)
            if not self._expected:
                self._all_here.set()

    def _learn(self, channel: Channel, models: tuple[str, ...]) -> None:
        name = label(channel)
        if self._lists.get(name) == models:
            return
        self._lists[name] = models
        self._shelf.save(self._lists)
        self._publish()

    def _publish(self) -> None:
        lists = {channel.position: self._lists.get(label(channel), ()) for channel in self._channels}
        self._plan = self._plan.with_models({position: models for position, models in lists.items() if models})
        self._found(self._plan)

    def __repr__(self) -> str:
        return f"<Discovery {len(self._lists)} lists of {len(self._channels)} channels>"
