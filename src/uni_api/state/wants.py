"""What is asked of limits, and what comes of it."""

from msgspec import Struct


class Want(Struct, frozen=True):
    """A wish for `amount`, at least 1, out of at most `most` in any `seconds`, counted under `name`."""

    name: str
    most: int
    seconds: float
    amount: int = 1


class Taken(Struct, frozen=True):
    """What was taken, all of it at the time `at`.

    For each want: `left` after it, and `resets`, seconds until that grows. `id` is for the home that gave it: one that
    goes by the time alone gives all the same.
    """

    id: str
    at: float
    wants: tuple[Want, ...]
    left: tuple[int, ...]
    resets: tuple[float, ...]


class Short(Struct, frozen=True):
    """Nothing was taken: `want` could not be had, and can be in `wait` seconds if nobody takes it before.

    `wait` is infinite when the amount is more than there ever is. `left` is what could be had now.
    """

    want: Want
    wait: float
    left: int
