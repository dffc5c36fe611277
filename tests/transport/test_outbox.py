import asyncio

from uni_api.transport.outbox import FULL, TURNS, Outbox


class Wire(asyncio.WriteTransport):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


async def turns() -> None:
    for _ in range(TURNS + 1):
        await asyncio.sleep(0)


def test_what_is_written_in_a_few_turns_leaves_in_one_piece_each() -> None:
    async def scene() -> None:
        one, two = Wire(), Wire()
        outbox = Outbox(asyncio.get_running_loop())
        outbox.write(one, b"a")
        outbox.write(two, b"x")
        await asyncio.sleep(0)
        outbox.write(one, b"b")
        assert repr(outbox) == "<Outbox 2 letters>"
        assert one.written == two.written == []
        await turns()
        assert (one.written, two.written) == ([b"ab"], [b"x"])
        outbox.write(one, b"c")
        await turns()
        assert one.written == [b"ab", b"c"]

    asyncio.run(scene())


def test_flush_writes_at_once_and_a_closing_transport_is_left_alone() -> None:
    async def scene() -> None:
        open_wire, closing = Wire(), Wire()
        closing.closing = True
        outbox = Outbox(asyncio.get_running_loop())
        outbox.write(closing, b"lost")
        outbox.write(open_wire, b"sent")
        outbox.flush()
        assert (open_wire.written, closing.written) == ([b"sent"], [])
        await turns()
        assert open_wire.written == [b"sent"]

    asyncio.run(scene())


def test_much_does_not_wait() -> None:
    async def scene() -> None:
        wire = Wire()
        outbox = Outbox(asyncio.get_running_loop())
        outbox.write(wire, b"a" * (FULL - 1))
        assert wire.written == []
        outbox.write(wire, b"b" * 10)
        assert wire.written == [b"a" * (FULL - 1) + b"b" * 10]
        outbox.write(wire, b"c")
        await turns()
        assert wire.written[1:] == [b"c"]

    asyncio.run(scene())
