"""Reasoning in answers, however the host spells it: in fields of its own, in parts of the content, in tags.

Whole messages and deltas are read by the same functions, so that a stream says what the whole answer says.
"""

from collections.abc import Callable
from typing import Any

from uni_api.canon import Foreign, Part, Rest, Thinking
from uni_api.dialects.openai_chat._carry import Blobs, Native, read_detail
from uni_api.dialects.openai_chat._fields import NAME, leftovers

BLOCKS = "thinking_blocks"
"""LiteLLM's field: Anthropic's own blocks beside the message."""

SUMMARIES = "content_reasoning"
"""How we call Databricks' form: `reasoning` parts of the content, each with a list of summaries."""

_PLAIN = ("reasoning_content", "reasoning", "thinking")
NAMES = frozenset({*_PLAIN, "reasoning_details", BLOCKS})
"""Fields of a message or a delta that hold reasoning."""

Piece = tuple[bool, str]
"""Whether it is thinking, and the words."""


def read_thoughts(left: dict[str, Any], blobs: Native) -> list[Thinking]:
    """Take the reasoning out of an answer's message or delta; what is not understood stays in `left`.

    The same words are often told twice, in plain text and in entries that bear seals: the entries are taken then.
    """
    told = _read_entries(left, "reasoning_details", read_detail, blobs)
    again = _read_entries(left, BLOCKS, _read_block, blobs)
    told = told or again
    plain = ""
    for name in _PLAIN:
        value = left.get(name)
        if value is None or isinstance(value, str):
            left.pop(name, None)
            plain = plain or value or ""
    if plain and not any(thought.text for thought in told):
        return [Thinking(text=plain), *told]
    return told


def _read_entries(
    left: dict[str, Any], name: str, read: Callable[[Any, Native], Thinking | None], blobs: Native
) -> list[Thinking]:
    entries = left.pop(name, None)
    if not isinstance(entries, list):
        if entries is not None:
            left[name] = entries
        return []
    strange = []
    told = []
    for entry in entries:
        thought = read(entry, blobs)
        if thought is not None:
            told.append(thought)
        elif not _says_nothing(entry):
            strange.append(entry)
    if strange:
        left[name] = strange
    return told


def _says_nothing(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and not any(entry.get(name) for name in ("text", "summary", "data", "signature", "thinking"))
        and str(entry.get("type")) in ("reasoning.text", "reasoning.summary", "reasoning.encrypted", "thinking")
    )


def _read_block(entry: Any, blobs: Native) -> Thinking | None:
    """Anthropic's block, as LiteLLM hands it on."""
    match entry:
        case {"type": "thinking", "thinking": str(text)}:
            token = entry.get("signature")
        case {"type": "redacted_thinking", "data": str(token)}:
            text = ""
        case _:
            return None
    seal = blobs.open(token) if isinstance(token, str) and token else None
    if not text and seal is None:
        return None
    return Thinking(text=text, withheld=entry["type"] == "redacted_thinking", seal=seal, rest=_form(BLOCKS))


def read_block(block: dict[str, Any], blobs: Native) -> list[Thinking] | None:
    """The thinking that a part of the content says; None for a part that says something else."""
    match block:
        case {"type": "thinking", "thinking": words} if (text := _words(words)) is not None:
            return [Thinking(text=text)] if text else []
        case {"type": "reasoning", "summary": list(entries)}:
            thoughts = [_read_summary(entry, blobs) for entry in entries]
            known = [thought for thought in thoughts if thought is not None]
            if len(known) < len(thoughts):
                return None
            return [thought for thought in known if thought.text or thought.seal is not None]
    return None


def _words(value: Any) -> str | None:
    """The words of a `thinking` part: a text, or a list of texts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    texts = [entry.get("text") if isinstance(entry, dict) and entry.get("type") == "text" else None for entry in value]
    known = [text for text in texts if isinstance(text, str)]
    return "".join(known) if len(known) == len(texts) else None


def _read_summary(entry: Any, blobs: Native) -> Thinking | None:
    match entry:
        case {"type": "summary_text", "text": str(text)}:
            token = entry.get("signature")
            seal = blobs.open(token) if isinstance(token, str) and token else None
            return Thinking(text=text, seal=seal, rest=_form(SUMMARIES))
    return None


def _form(name: str) -> Rest:
    return Rest(NAME, {"format": name}, frozenset({"format"}))


def form_of(part: Thinking) -> Any:
    """The `format` of a sealed thought: how its host wants it back."""
    return leftovers(part.rest).get("format")


def answered(part: Part, blobs: Native) -> list[Part]:
    """A part of an answer's content without the notes on its spelling, which only a history needs."""
    match part:
        case Thinking():
            return [Thinking(text=part.text)] if part.text else []
        case Foreign(dialect=dialect, block=block) if dialect == NAME:
            thoughts = read_block(dict(block), blobs)
            return [part] if thoughts is None else list(thoughts)
        case _:
            return [part]


def write_block(part: Thinking, blobs: Blobs) -> dict[str, Any]:
    """A thought of the form `BLOCKS`, for the host that issued its seal."""
    token = blobs.shut(part.seal) if part.seal is not None else ""
    if part.withheld:
        return {"type": "redacted_thinking", "data": token}
    return {"type": "thinking", "thinking": part.text, "signature": token}


def write_summary(part: Thinking, blobs: Blobs) -> dict[str, Any]:
    """A thought of the form `SUMMARIES`, for the host that issued its seal."""
    token = blobs.shut(part.seal) if part.seal is not None else ""
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": part.text, "signature": token}]}


_OPEN, _CLOSE = "<think>", "</think>"


class Tagged:
    """Text that may begin with `<think>...</think>`, fed in any pieces.

    Blank space around the thoughts is nobody's. Thoughts that are never closed last to the end. A closing tag alone is
    text: when it comes, the words before it have been told.
    """

    __slots__ = ("_held", "_state", "_told")

    def __init__(self) -> None:
        self._state = "head"
        self._held = ""
        self._told = False

    @property
    def over(self) -> bool:
        """Whether everything from here on is text."""
        return self._state == "text"

    def feed(self, text: str) -> list[Piece]:
        out: list[Piece] = []
        if self._state == "head":
            text = self._head(text)
        if self._state == "thinking":
            text = self._thinking(text, out)
        if self._state == "after":
            text = text.lstrip()
            if text:
                self._state = "text"
        if self._state == "text" and text:
            out.append((False, text))
        return out

    def close(self) -> list[Piece]:
        """What was kept back."""
        held, self._held = self._held, ""
        state, self._state = self._state, "text"
        if state == "thinking":
            held = held.rstrip() if self._told else held.strip()
        return [(state == "thinking", held)] if held else []

    def _head(self, text: str) -> str:
        """Look for the opening tag; the text to go on with."""
        held = self._held + text
        begun = held.lstrip()
        if _OPEN.startswith(begun):
            self._held = held
            if begun != _OPEN:
                return ""
        self._held = ""
        if not begun.startswith(_OPEN):
            self._state = "text"
            return held
        self._state = "thinking"
        return begun[len(_OPEN) :]

    def _thinking(self, text: str, out: list[Piece]) -> str:
        """Tell what surely is thinking; the text behind the closing tag."""
        held = self._held + text
        thought, closed, after = held.partition(_CLOSE)
        if closed:
            self._state, self._held = "after", ""
            thought = thought.rstrip()
        else:
            begun = next((n for n in range(len(_CLOSE) - 1, 0, -1) if held.endswith(_CLOSE[:n])), 0)
            thought = held[: len(held) - begun].rstrip()
            self._held = held[len(thought) :]
        if not self._told:
            thought = thought.lstrip()
        if thought:
            self._told = True
            out.append((True, thought))
        return after


def untag(text: str) -> tuple[str, str]:
    """The thinking at the head of a whole text, and the text behind it."""
    tagged = Tagged()
    pieces = [*tagged.feed(text), *tagged.close()]
    thinking, said = (
        "".join(words for is_thinking, words in pieces if is_thinking is which) for which in (True, False)
    )
    return thinking, said
