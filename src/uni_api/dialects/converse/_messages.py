"""Turns as `system` and `messages`, in the order that the API demands.

Source: docs.aws.amazon.com, Amazon Bedrock user guide, pages "Using the Converse API" and "Call a tool with the
Converse API"; the service model of botocore 1.44, shape Message (read 2026-11-24):

- Roles alternate, and the first is the user's.
- After an assistant message with toolUse comes a user message with a toolResult for each of them.
- A message with a document holds words as well; no text is empty or white space alone.
- Only some models continue a final assistant message, which must not end in white space.
"""

from collections import defaultdict, deque
from collections.abc import Iterator

from msgspec import Struct

from uni_api.canon import Call, Foreign, Losses, Part, Result, Text, Turn
from uni_api.dialects.converse._blocks import Pen
from uni_api.dialects.converse._media import Block
from uni_api.dialects.converse._names import NAME, Ids

Place = tuple[int, int]

NO_MESSAGE = "(no message)"
NO_RESULT = "(no result)"
GO_ON = "Continue."
SEE_DOCUMENT = "(see the document)"


class Conversation(Struct, frozen=True):
    """`called` are the names of the tools that the history calls. `loop_unsealed`: tool results are being handed back
    to an assistant message that does not begin with thinking."""

    system: list[Block]
    messages: list[Block]
    called: tuple[str, ...]
    loop_unsealed: bool


def write_turns(turns: tuple[Turn, ...], pen: Pen) -> Conversation:
    pairs = _Pairs(turns)
    system: list[Block] = []
    messages: list[Block] = []
    for index, turn in enumerate(turns):
        if turn.role == "system":
            if messages:
                pen.losses.add(f"turns[{index}]", "tuning", "a system turn in the middle is moved to the top")
            system.extend(_system_blocks(turn, index, pen))
            continue
        blocks = list(_answers(messages, pairs, turns, pen)) if turn.role == "user" else []
        blocks.extend(_spoken(turn, index, pairs, pen))
        _append(messages, turn, index, blocks, pen.losses)
    if not pen.family.system:
        system = _demoted(system, messages, pen)
    _end(messages, pairs, turns, pen)
    for message in messages:
        if any("document" in block for block in message["content"]) and not any(
            "text" in block for block in message["content"]
        ):
            message["content"].append({"text": SEE_DOCUMENT})
    called = (block["toolUse"].get("name") for message in messages for block in _uses(message))
    return Conversation(
        system, messages, tuple(dict.fromkeys(name for name in called if name)), _loop_unsealed(messages)
    )


class _Pairs:
    """Which result answers which call, and the id under which both are written.

    An id may be missing, may hold characters that the API refuses, and may come back in a later turn for another call:
    a result belongs to the earliest call with its id that stands before it and has no result yet.
    """

    def __init__(self, turns: tuple[Turn, ...]) -> None:
        self.ids: dict[Place, str] = {}
        self.calls: dict[str, Place] = {}
        self.results: dict[str, Place] = {}
        self.paired: set[Place] = set()
        ids = Ids()
        unanswered: dict[str, deque[Place]] = defaultdict(deque)
        for place, part in _places(turns):
            if isinstance(part, Call) and turns[place[0]].role == "assistant":
                self.ids[place] = ids.mint(part.id)
                self.calls[self.ids[place]] = place
                unanswered[part.id].append(place)
            elif isinstance(part, Result) and (waiting := unanswered.get(part.call)):
                self.results[self.ids[waiting.popleft()]] = place
                self.paired.add(place)


def _places(turns: tuple[Turn, ...]) -> Iterator[tuple[Place, Part]]:
    for index, turn in enumerate(turns):
        for number, part in enumerate(turn.parts):
            yield (index, number), part


def _path(place: Place) -> str:
    return f"turns[{place[0]}].parts[{place[1]}]"


def _uses(message: Block) -> list[Block]:
    """The blocks of `message` that call a tool of the client's: the API answers its own."""
    if message["role"] != "assistant":
        return []
    return [
        block
        for block in message["content"]
        if isinstance(use := block.get("toolUse"), dict) and use.get("type") != "server_tool_use"
    ]


def _answers(messages: list[Block], pairs: _Pairs, turns: tuple[Turn, ...], pen: Pen) -> Iterator[Block]:
    """A toolResult for each call of the last message, in the client's order; those it does not give are made up."""
    owed = [block["toolUse"].get("toolUseId", "") for block in _uses(messages[-1])] if messages else []
    for place, id in sorted((pairs.results[id], id) for id in owed if id in pairs.results):
        result = turns[place[0]].parts[place[1]]
        if isinstance(result, Result):
            yield from pen.result(result, id, _path(place))
    for id in owed:
        if id not in pairs.results:
            where = f"{_path(pairs.calls[id])}.result" if id in pairs.calls else "turns"
            pen.losses.add(where, "hint", "no result was given: an empty one is sent, as one is required")
            yield pen.missing_result(id, NO_RESULT)


def _spoken(turn: Turn, index: int, pairs: _Pairs, pen: Pen) -> Iterator[Block]:
    for number, part in enumerate(turn.parts):
        place = (index, number)
        if isinstance(part, Call) and place in pairs.ids:
            yield from pen.call(part, pairs.ids[place], _path(place))
        elif not isinstance(part, Result):
            yield from pen.part(part, turn.role, _path(place))
        elif place not in pairs.paired:
            yield from _orphan(part, _path(place), pen)


def _orphan(result: Result, path: str, pen: Pen) -> Iterator[Block]:
    """A result without a call as plain words: the API refuses it as a result."""
    pen.losses.add(path, "meaning", "a tool result whose call is not in the history is sent as text")
    label = " ".join(word for word in (result.name, result.call) if word)
    yield {"text": f"Result of tool call {label}:" if label else "Result of a tool call:"}
    yield from (block for block in pen.result_content(result, path) if "json" not in block)
    pen.losses.drop(result.rest, path)


def _append(messages: list[Block], turn: Turn, index: int, blocks: list[Block], losses: Losses) -> None:
    """Joins what one role says in a row into one message."""
    if turn.name is not None:
        losses.add(f"turns[{index}].name", "tuning", "participants have no names")
    if not blocks:
        losses.drop(turn.rest, f"turns[{index}]")
        return
    if not messages and turn.role == "assistant":
        losses.add("turns", "hint", "the user speaks first: a placeholder is sent before the assistant's turn")
        messages.append({"role": "user", "content": [{"text": NO_MESSAGE}]})
    if messages and messages[-1]["role"] == turn.role:
        messages[-1]["content"].extend(blocks)
    else:
        messages.append({"role": turn.role, "content": blocks})
    losses.merge(messages[-1], turn.rest, NAME, f"turns[{index}]")


def _system_blocks(turn: Turn, index: int, pen: Pen) -> Iterator[Block]:
    if turn.name is not None:
        pen.losses.add(f"turns[{index}].name", "tuning", "participants have no names")
    pen.losses.drop(turn.rest, f"turns[{index}]")
    for number, part in enumerate(turn.parts):
        if isinstance(part, Text | Foreign):
            yield from pen.part(part, "system", _path((index, number)))
        else:
            pen.losses.add(_path((index, number)), "meaning", "a system turn holds text only")


def _demoted(system: list[Block], messages: list[Block], pen: Pen) -> list[Block]:
    """System text at the head of the user's first message, for models that take no system prompt."""
    if system:
        pen.losses.add("turns", "tuning", "this model takes no system turn: the user says it")
        words: list[Block] = [block for block in system if "cachePoint" not in block]
        if messages:
            messages[0]["content"][:0] = words
        else:
            messages.append({"role": "user", "content": words})
    return []


def _end(messages: list[Block], pairs: _Pairs, turns: tuple[Turn, ...], pen: Pen) -> None:
    if not messages:
        messages.append({"role": "user", "content": [{"text": NO_MESSAGE}]})
        pen.losses.add("turns", "hint", "there is nothing to answer: a placeholder is sent, as a message is required")
        return
    if answers := list(_answers(messages, pairs, turns, pen)):
        messages.append({"role": "user", "content": answers})
    last = messages[-1]
    if last["role"] != "assistant":
        return
    path = f"turns[{len(turns) - 1}]"
    if not pen.family.prefill or "text" not in last["content"][-1]:
        pen.losses.add(f"{path}.role", "tuning", "the model can't continue a turn: it is asked to go on")
        messages.append({"role": "user", "content": [{"text": GO_ON}]})
        return
    text: str = last["content"][-1]["text"]
    if text != text.rstrip():
        pen.losses.add(f"{path}.end", "tuning", "white space at the end of a final assistant turn is refused")
        last["content"][-1]["text"] = text.rstrip()


def _loop_unsealed(messages: list[Block]) -> bool:
    """Whether the last assistant message is one that thinking may not follow: it called tools, or is to be continued,
    and does not begin with thinking."""
    assistants = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if not assistants:
        return False
    message = messages[assistants[-1]]
    pending = message is messages[-1] or bool(_uses(message))
    return pending and "reasoningContent" not in message["content"][0]
