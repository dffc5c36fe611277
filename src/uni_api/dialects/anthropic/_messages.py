"""Turns as `system` and `messages`, in the order that the API demands.

Source: platform.claude.com, pages "Handle tool calls" and "Mid-conversation system messages", API reference
"Create a Message" (read 2026-11-24):

- Roles alternate (turns of one role in a row are one message).
- After an assistant message with tool_use comes a user message that begins with a tool_result for each of them.
- A system message in the middle follows a user message and ends the list or precedes an assistant message.
- A final assistant message is continued by the model, which not every family does, and must not end in white space.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from uni_api.canon import Call, Foreign, Losses, Part, Result, Text, Turn
from uni_api.dialects.anthropic._blocks import (
    NAME,
    legal_id,
    plain,
    result_content,
    set_cache,
    write_call,
    write_part,
    write_result,
)
from uni_api.dialects.anthropic._media import Block
from uni_api.dialects.anthropic._models import Family

Place = tuple[int, int]

NO_MESSAGE = "(no message)"
NO_RESULT = "(no result)"
GO_ON = "Continue."


class _Group(Struct):
    """Turns of one role in a row: what becomes one message."""

    role: str
    turns: list[int] = field(default_factory=list)


class Conversation(Struct, frozen=True):
    """`loop_unsealed`: tool results are being handed back to an assistant message that does not begin with thinking."""

    system: list[Block]
    messages: list[Block]
    loop_unsealed: bool


def write_turns(turns: tuple[Turn, ...], family: Family, losses: Losses) -> Conversation:
    leading, groups, hoisted = _arranged(turns, family, losses)
    system = [block for index in (*leading, *hoisted) for block in _system_blocks(turns[index], index, losses)]
    pairs = _Pairs(turns)
    messages: list[Block] = []
    for group in groups:
        owed = _calls_of(messages[-1]) if messages else []
        blocks = [] if group.role == "assistant" else _answers(owed, pairs, turns, losses)
        blocks.extend(_spoken(group, turns, pairs, losses))
        if group.role == "system" and not (messages and messages[-1]["role"] == "user"):
            system.extend(blocks)
        elif blocks:
            _append(messages, _message(group, blocks, turns, losses))
    _end(messages, pairs, turns, family, losses)
    loop_unsealed = _loop_unsealed(messages)
    for message in messages:
        message["content"] = plain(message["content"])
    return Conversation(system, messages, loop_unsealed)


def _arranged(turns: tuple[Turn, ...], family: Family, losses: Losses) -> tuple[list[int], list[_Group], list[int]]:
    """Indices of leading system turns, groups in order, and indices of system turns that go to the top."""
    leading: list[int] = []
    hoisted: list[int] = []
    waiting: list[int] = []
    groups: list[_Group] = []
    for index, turn in enumerate(turns):
        if turn.role == "system":
            if not groups:
                leading.append(index)
            elif family.system_midway:
                waiting.append(index)
            else:
                losses.add(f"turns[{index}]", "tuning", "a system turn in the middle is moved to the top")
                hoisted.append(index)
            continue
        if groups and groups[-1].role == turn.role:
            groups[-1].turns.append(index)
            continue
        if waiting and groups[-1].role == "user":
            groups.append(_Group("system", waiting))
            waiting = []
        groups.append(_Group(turn.role, [index]))
    if waiting and groups[-1].role == "user":
        groups.append(_Group("system", waiting))
        waiting = []
    for index in waiting:
        losses.add(f"turns[{index}]", "tuning", "a system turn after the last answer is moved to the top")
    hoisted.extend(waiting)
    for group in groups:
        if group.role == "system":
            _report_moved(group, turns, losses)
    return leading, groups, hoisted


def _report_moved(group: _Group, turns: tuple[Turn, ...], losses: Losses) -> None:
    for index in group.turns:
        follows_user = turns[index - 1].role in ("user", "system")
        precedes_user = any(turn.role == "user" for turn in turns[index + 1 :][:1])
        if precedes_user or not follows_user:
            losses.add(f"turns[{index}]", "hint", "a system turn is moved behind the user's turn")


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
        self._taken: set[str] = set()
        unanswered: dict[str, deque[Place]] = defaultdict(deque)
        for place, part in _places(turns):
            if isinstance(part, Call) and turns[place[0]].role == "assistant":
                self.ids[place] = self._mint(part.id, len(self.ids))
                self.calls[self.ids[place]] = place
                unanswered[part.id].append(place)
            elif isinstance(part, Result) and (waiting := unanswered.get(part.call)):
                self.results[self.ids[waiting.popleft()]] = place
                self.paired.add(place)

    def _mint(self, wanted: str, number: int) -> str:
        base = legal_id(wanted) or f"call_{number}"
        new, copy = base, 2
        while new in self._taken:
            new, copy = f"{base}_{copy}", copy + 1
        self._taken.add(new)
        return new


def _places(turns: tuple[Turn, ...]) -> Iterator[tuple[Place, Part]]:
    for index, turn in enumerate(turns):
        for number, part in enumerate(turn.parts):
            yield (index, number), part


def _path(place: Place) -> str:
    return f"turns[{place[0]}].parts[{place[1]}]"


def _calls_of(message: Block) -> list[str]:
    if message["role"] != "assistant":
        return []
    return [block.get("id", "") for block in message["content"] if block.get("type") == "tool_use"]


def _answers(owed: list[str], pairs: _Pairs, turns: tuple[Turn, ...], losses: Losses) -> list[Block]:
    """A tool_result for each of the calls `owed`, in the client's order; those it does not give are made up last."""
    given = sorted((pairs.results[id], id) for id in owed if id in pairs.results)
    blocks = []
    for place, id in given:
        result = turns[place[0]].parts[place[1]]
        if isinstance(result, Result):
            blocks.append(write_result(result, id, _path(place), losses))
    for id in owed:
        if id not in pairs.results:
            where = f"{_path(pairs.calls[id])}.result" if id in pairs.calls else "turns"
            losses.add(where, "hint", "no result was given: an empty one is sent, as one is required")
            blocks.append({"type": "tool_result", "tool_use_id": id, "content": NO_RESULT, "is_error": True})
    return blocks


def _spoken(group: _Group, turns: tuple[Turn, ...], pairs: _Pairs, losses: Losses) -> Iterator[Block]:
    for index in group.turns:
        if group.role == "system":
            yield from _system_blocks(turns[index], index, losses)
            continue
        for number, part in enumerate(turns[index].parts):
            place = (index, number)
            if isinstance(part, Call) and group.role == "assistant":
                yield write_call(part, pairs.ids[place], _path(place), losses)
            elif isinstance(part, Result):
                if place not in pairs.paired:
                    yield from _orphan(part, _path(place), losses)
            elif (block := write_part(part, group.role, _path(place), losses)) is not None:
                yield block


def _orphan(result: Result, path: str, losses: Losses) -> Iterator[Block]:
    """A result without a call as plain words: the API refuses it as a result."""
    losses.add(path, "meaning", "a tool result whose call is not in the history is sent as text")
    label = " ".join(word for word in (result.name, result.call) if word)
    yield {"type": "text", "text": f"Result of tool call {label}:" if label else "Result of a tool call:"}
    blocks = [block for block in result_content(result, path, losses) if block.get("type") != "tool_reference"]
    yield from blocks
    if result.cache is not None and blocks:
        set_cache(blocks[-1], result.cache, path, losses)
    losses.drop(result.rest, path)


def _message(group: _Group, blocks: list[Block], turns: tuple[Turn, ...], losses: Losses) -> Block:
    message: Block = {"role": group.role, "content": blocks}
    for index in group.turns:
        turn = turns[index]
        if group.role != "system":
            _drop_name(turn, index, losses)
            losses.merge(message, turn.rest, NAME, f"turns[{index}]")
    return message


def _drop_name(turn: Turn, index: int, losses: Losses) -> None:
    if turn.name is not None:
        losses.add(f"turns[{index}].name", "tuning", "participants have no names")


def _append(messages: list[Block], message: Block) -> None:
    """Joins messages of one role, which meet when what stood between them had nothing to say. A system message that is
    not followed by an answer after all lets the user finish first."""
    after = messages.pop() if messages and messages[-1]["role"] == "system" and message["role"] == "user" else None
    if messages and messages[-1]["role"] == message["role"]:
        messages[-1]["content"].extend(message["content"])
    else:
        messages.append(message)
    if after is not None:
        messages.append(after)


def _system_blocks(turn: Turn, index: int, losses: Losses) -> list[Block]:
    _drop_name(turn, index, losses)
    losses.drop(turn.rest, f"turns[{index}]")
    blocks = []
    for number, part in enumerate(turn.parts):
        path = _path((index, number))
        if not isinstance(part, Text | Foreign):
            losses.add(path, "meaning", "a system turn holds text only")
        elif (block := write_part(part, "system", path, losses)) is not None:
            blocks.append(block)
    return blocks


def _end(messages: list[Block], pairs: _Pairs, turns: tuple[Turn, ...], family: Family, losses: Losses) -> None:
    if not messages:
        messages.append({"role": "user", "content": [{"type": "text", "text": NO_MESSAGE}]})
        losses.add("turns", "hint", "there is nothing to answer: a placeholder is sent, as a message is required")
        return
    if answers := _answers(_calls_of(messages[-1]), pairs, turns, losses):
        messages.append({"role": "user", "content": answers})
    last = messages[-1]
    kind = last["content"][-1].get("type")
    # A turn that ends in a server tool's block is one that the API paused: it goes on from there by itself.
    if last["role"] != "assistant" or kind not in ("text", "thinking", "redacted_thinking"):
        return
    if not family.prefill or kind != "text":
        losses.add(f"turns[{len(turns) - 1}].role", "tuning", "the model can't continue a turn: it is asked to go on")
        messages.append({"role": "user", "content": [{"type": "text", "text": GO_ON}]})
        return
    text: str = last["content"][-1]["text"]
    if text != text.rstrip():
        losses.add(
            f"turns[{len(turns) - 1}].end", "tuning", "white space at the end of a final assistant turn is refused"
        )
        last["content"][-1]["text"] = text.rstrip()


def _loop_unsealed(messages: list[Block]) -> bool:
    """Whether the last assistant message is one that thinking may not follow: it called tools, or is to be continued,
    and does not begin with thinking."""
    assistants = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if not assistants:
        return False
    index = assistants[-1]
    content: list[dict[str, Any]] = messages[index]["content"]
    pending = index == len(messages) - 1 or bool(_calls_of(messages[index]))
    return pending and content[0].get("type") not in ("thinking", "redacted_thinking")
