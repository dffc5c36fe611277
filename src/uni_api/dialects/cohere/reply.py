"""The body of an answer that was not streamed to a canon reply."""

from collections.abc import Iterator
from typing import Any

import msgspec

from uni_api.canon import Call, Choice, Foreign, Part, Reply, Rest, Text, Thinking
from uni_api.dialects.cohere._answer import HINTS, failure, read_finish, read_tokens, read_usage, seal
from uni_api.dialects.cohere._citations import place_of, read_citation
from uni_api.dialects.cohere._words import NAME, PLAN, THINKING, Wire, each, object_at, text_at
from uni_api.dialects.cohere.error import fault_of
from uni_api.dialects.faces import Body
from uni_api.errors import Fault

_SAID = frozenset({"id", "message", "finish_reason", "logprobs", "usage"})
_SPOKEN = frozenset({"role", "content", "citations", "tool_calls", PLAN})


def read_reply(body: Body, realm: str, /) -> Reply:
    """Raises Fault when the body is an error, holds no message, or says that the answer failed."""
    if (fault := failure(body)) is not None:
        raise fault
    message = body.get("message")
    if not isinstance(message, dict):
        if isinstance(message, str):
            raise fault_of(200, body)
        raise Fault("protocol", "The upstream's answer holds no message.")
    rest: Wire = {name: value for name, value in body.items() if name not in _SAID and value is not None}
    parts = tuple(_parts(message, realm, rest))
    usage, counted = read_usage(object_at(body, "usage"))
    if counted:
        rest["usage"] = counted
    called = any(isinstance(part, Call) for part in parts)
    return Reply(
        id=text_at(body, "id"),
        choices=(
            Choice(
                parts=parts,
                finish=read_finish(body.get("finish_reason"), called=called),
                logprobs=tuple(read_tokens(body.get("logprobs"))),
            ),
        ),
        usage=usage,
        rest=Rest(NAME, rest, HINTS) if rest else None,
    )


def _parts(message: Wire, realm: str, rest: Wire) -> Iterator[Part]:
    """The parts of a message, in the order in which a stream says them; what is none of them goes to `rest`."""
    if plan := text_at(message, PLAN):
        yield Thinking(text=plan, seal=seal(realm, PLAN))
    blocks: list[Part] = []
    for block in each(message.get("content")):
        if isinstance(block, str):
            blocks.append(Text(text=block))
        elif isinstance(block, dict):
            blocks.append(_block(block, realm))
        else:
            rest.setdefault("content", []).append(block)
    for citation in each(message.get("citations")):
        if not _cite(blocks, citation):
            rest.setdefault("citations", []).append(citation)
    yield from blocks
    for call in each(message.get("tool_calls")):
        if (read := read_call(call)) is not None:
            yield read
        else:
            rest.setdefault("tool_calls", []).append(call)
    for name, value in message.items():
        if name not in _SPOKEN and value is not None:
            rest[name] = value


def _block(block: Wire, realm: str) -> Part:
    match block:
        case {"type": "text", "text": str(text)}:
            return Text(text=text)
        case {"type": "thinking", "thinking": str(text)}:
            return Thinking(text=text, seal=seal(realm, THINKING))
    return Foreign(dialect=NAME, block=block)


def _cite(blocks: list[Part], citation: Any) -> bool:
    """Give the text that `citation` is for its sources; False when there is no such text."""
    place = place_of(citation) if isinstance(citation, dict) else None
    text = blocks[place] if place is not None and 0 <= place < len(blocks) else None
    if place is None or not isinstance(text, Text):
        return False
    blocks[place] = msgspec.structs.replace(text, citations=(*text.citations, *read_citation(citation)))
    return True


def read_call(call: Any) -> Call | None:
    """A whole call; one without arguments has an empty object of them. None for what is no call."""
    function = object_at(call, "function") if isinstance(call, dict) else {}
    name = text_at(function, "name")
    if name is None:
        return None
    said = function.get("arguments")
    arguments = said if isinstance(said, str) else "" if said is None else msgspec.json.encode(said).decode()
    return Call(id=text_at(call, "id") or "", name=name, arguments=arguments if arguments.strip() else "{}")
