"""Collects what is to be written in one turn of the event loop, and writes it in one go.

Each write to a socket may wake its reader on another processor, which costs more than the write itself. Writes that
follow each other closely find the reader awake; and what one connection writes in several pieces leaves as one.
"""

import asyncio


class Outbox:
    """Holds bytes for transports until the turn of the loop ends: some microseconds, never longer."""

    __slots__ = ("_letters", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._letters: dict[asyncio.WriteTransport, bytes] = {}

    def write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        letters = self._letters
        if not letters:
            self._loop.call_soon(self.flush)
        before = letters.get(transport)
        letters[transport] = data if before is None else before + data

    def flush(self) -> None:
        """Write everything now."""
        letters, self._letters = self._letters, {}
        for transport, data in letters.items():
            if not transport.is_closing():
                transport.write(data)

    def __repr__(self) -> str:
        return f"<Outbox {len(self._letters)} letters>"
