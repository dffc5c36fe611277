"""How a conversation begins: what stays the same in its requests while it grows.

That is everything up to the end of the first message that is not the operator's. It is found by looking at roles and
quotation marks alone, since reading the messages would cost more than is won. This takes 5 to 10 us, and 1 us more for
each kilobyte of a system prompt that quotes.
"""

HEAD = 65_536
"""Bytes of the messages that are looked at. Conversations that begin with more in common are taken for one."""
MOST_QUOTES = 300
"""Quotation marks of the first message that are looked at, likewise."""
FEW_QUOTES = 16
"""Quotation marks that are passed one by one on the way to a role, before the word itself is looked for."""
SHOWN = 1024
"""Bytes that stand for the beginning, and for the end of it: a whole one may be long."""

_OPERATOR = (b"system", b"developer")
_ROLE = b'"role"'
"""A key: within a text, its quotation marks would have backslashes."""
_QUOTE = b'"'
_BACKSLASH = 0x5C


def opening(messages: bytes | memoryview) -> bytes:
    """Something that is the same for requests whose raw `messages` begin with the same conversation.

    Never raises: what is not a list of messages has a beginning too.
    """
    head = bytes(memoryview(messages)[:HEAD])
    end = _end(head)
    return b"%d:%b%b" % (end, head[: min(end, SHOWN)], head[max(SHOWN, end - SHOWN) : end])


def _end(head: bytes) -> int:
    """Where the first message ends that is not the operator's."""
    at = _role(head, 0)
    while at >= 0:
        start = head.find(_QUOTE, at + len(_ROLE))
        stop = head.find(_QUOTE, start + 1)
        if start < 0 or stop < 0:
            break
        if head[start + 1 : stop] not in _OPERATOR:
            return _end_of_message(head, stop + 1)
        at = _role(head, stop + 1)
    return len(head)


def _role(head: bytes, at: int) -> int:
    """The next role. A single character is found much faster than a word, as long as there are few of it."""
    for _ in range(FEW_QUOTES):
        at = head.find(_QUOTE, at)
        if at < 0 or head.startswith(_ROLE, at):
            return at
        at += 1
    return head.find(_ROLE, at)


def _end_of_message(head: bytes, at: int) -> int:
    """The end of the last text in the message whose role ends at `at`."""
    depth = 1
    for _ in range(MOST_QUOTES):
        start = head.find(_QUOTE, at)
        gap = head[at:start] if start >= 0 else head[at:]
        if b"}" in gap:
            for brace in gap:
                depth += (brace == 0x7B) - (brace == 0x7D)
                if depth == 0:
                    return at
        elif b"{" in gap:
            depth += gap.count(b"{")
        if start < 0:
            return at
        at = _end_of_text(head, start + 1)
    return at


def _end_of_text(head: bytes, at: int) -> int:
    """The place after the text that has begun before `at`, or after the last of its quotes that are looked at."""
    for _ in range(MOST_QUOTES):
        stop = head.find(_QUOTE, at)
        if stop < 0:
            return len(head)
        at = stop + 1
        if head[stop - 1] != _BACKSLASH or not _escaped(head, stop):
            return at
    return at


def _escaped(head: bytes, at: int) -> bool:
    """Whether an odd number of backslashes stands before `at`."""
    first = at
    while first and head[first - 1] == _BACKSLASH:
        first -= 1
    return (at - first) % 2 == 1
