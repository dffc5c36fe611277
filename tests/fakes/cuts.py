"""Ways to cut a body into the pieces in which it is sent."""

import random
from collections.abc import Callable, Iterator

Cut = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def every(size: int) -> Cut:
    """Pieces of `size` bytes."""

    def cut(data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    return cut


def randomly(seed: int, longest: int = 400) -> Cut:
    """Pieces of 1 to `longest` bytes, the same ones for the same seed."""

    def cut(data: bytes) -> Iterator[bytes]:
        dice = random.Random(seed)
        at = 0
        while at < len(data):
            size = dice.randint(1, longest)
            yield data[at : at + size]
            at += size

    return cut


def awkwardly(data: bytes) -> Iterator[bytes]:
    """Cuts where it hurts: inside each UTF-8 character, between CR and LF, and within each blank line."""
    start = 0
    for at in range(1, len(data)):
        before, here = data[at - 1], data[at]
        inside_character = here & 0xC0 == 0x80
        inside_line_end = before == 0x0D or (before == 0x0A and here in (0x0A, 0x0D))
        if inside_character or inside_line_end:
            yield data[start:at]
            start = at
    if start < len(data):
        yield data[start:]
