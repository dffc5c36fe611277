"""Parts of a turn as content blocks: objects with one field, which names what they hold."""

from typing import Any

import msgspec

from uni_api.canon import (
    Cache,
    Call,
    Citation,
    Foreign,
    Losses,
    Media,
    Part,
    Rest,
    Result,
    Seal,
    Text,
    Thinking,
)
from uni_api.dialects.converse._media import Block, media_block
from uni_api.dialects.converse._models import Family
from uni_api.dialects.converse._names import NAME, Titles, tool_name

# What a call holds when its arguments are no JSON object: the API takes objects only.
RAW_ARGUMENTS = "input"
NO_OUTPUT = "(no output)"

# The values of Family.cache that let a cache point stand in messages and in the system prompt, or among tools as well.
MESSAGES = frozenset({"messages", "everywhere"})
EVERYWHERE = frozenset({"everywhere"})

_IN_RESULTS = frozenset({"text", "json", "image", "document", "video", "searchResult"})


class Pen:
    """Writes the blocks of one request, and remembers what must be said only once in it."""

    def __init__(self, family: Family, losses: Losses) -> None:
        self.family = family
        self.losses = losses
        self._titles = Titles()

    def part(self, part: Part, role: str, path: str) -> list[Block]:
        """The blocks that say `part`, with its cache point; none, with a loss. Not for calls and results."""
        match part:
            case Text():
                return self._with_cache(self._text(part, role, path), part.cache, path)
            case Thinking():
                return self._thinking(part, role, path)
            case Media():
                return self._with_cache(self._media(part, role, path), part.cache, path)
            case Foreign():
                return self._foreign(part, path)
            case Call() | Result():
                self.losses.add(path, "meaning", f"a {type(part).__name__.lower()} has no place here")
                return []

    def call(self, call: Call, id: str, path: str) -> list[Block]:
        use: Block = {
            "toolUseId": id,
            "name": tool_name(call.name, f"{path}.name", self.losses),
            "input": self._input(call, path),
        }
        if id != call.id and call.id:
            self.losses.add(f"{path}.id", "hint", "the id is spelt with the characters that the target takes, and once")
        self._seal(call.seal, path)
        self.losses.merge(use, call.rest, NAME, path)
        return self._with_cache([{"toolUse": use}], call.cache, path)

    def result(self, result: Result, id: str, path: str) -> list[Block]:
        content = self.result_content(result, path) or [{"text": NO_OUTPUT}]
        block: Block = {"toolUseId": id, "content": content}
        if result.error and self.family.status:
            block["status"] = "error"
        elif result.error:
            self.losses.add(f"{path}.error", "tuning", "this model is not told that a tool failed")
        self.losses.merge(block, result.rest, NAME, path)
        return self._with_cache([{"toolResult": block}], result.cache, path)

    def missing_result(self, id: str, text: str) -> Block:
        status = {"status": "error"} if self.family.status else {}
        return {"toolResult": {"toolUseId": id, "content": [{"text": text}], **status}}

    def result_content(self, result: Result, path: str) -> list[Block]:
        blocks: list[Block] = []
        for index, part in enumerate(result.parts):
            where = f"{path}.parts[{index}]"
            for block in self.part(part, "user", where):
                if _IN_RESULTS.intersection(block):
                    blocks.append(block)
                elif "cachePoint" in block:
                    self.losses.add(f"{where}.cache", "hint", "no cache point may stand in a tool result")
                else:
                    self.losses.add(where, "meaning", "this has no place in a tool result")
        return blocks

    def cache_point(self, cache: Cache | None, path: str, *, places: frozenset[str]) -> list[Block]:
        """The cache point set at `path`, in a list, or nothing where this model's caches can't begin."""
        if cache is None:
            return []
        if self.family.cache not in places:
            self.losses.add(path, "hint", "this model takes no cache point here")
            return []
        point: Block = {"type": "default"}
        if self.family.hour and cache.ttl in ("5m", "1h"):
            point["ttl"] = cache.ttl
        elif cache.ttl not in (None, "5m"):
            self.losses.add(f"{path}.ttl", "hint", "caches live for five minutes here")
        return [{"cachePoint": point}]

    def _with_cache(self, blocks: list[Block], cache: Cache | None, path: str) -> list[Block]:
        if not blocks and cache is not None:
            self.losses.add(f"{path}.cache", "hint", "there is nothing to cache")
            return blocks
        return [*blocks, *self.cache_point(cache, f"{path}.cache", places=MESSAGES)]

    def _text(self, part: Text, role: str, path: str) -> list[Block]:
        self._seal(part.seal, path)
        if not part.text.strip():
            if part.text:
                self.losses.add(path, "hint", "text without words is refused")
            self.losses.drop(part.rest, path)
            return []
        cited = [self._citation(one, role, f"{path}.citations[{at}]") for at, one in enumerate(part.citations)]
        if written := [one for one in cited if one is not None]:
            inner: Block = {"content": [{"text": part.text}], "citations": written}
            return [{"citationsContent": self.losses.merge(inner, part.rest, NAME, path)}]
        self.losses.drop(part.rest, path)
        return [{"text": part.text}]

    def _citation(self, citation: Citation, role: str, path: str) -> Block | None:
        if role == "assistant" and citation.rest is not None and citation.rest.dialect == NAME:
            return write_citation(citation, citation.rest)
        self.losses.add(path, "hint", "a citation of another format can't be given back")
        return None

    def _thinking(self, part: Thinking, role: str, path: str) -> list[Block]:
        if part.seal is None or role != "assistant":
            if part.text or part.seal is not None:
                self.losses.add(path, "tuning", "thinking without a signature, or not of an assistant, is left out")
            self.losses.drop(part.rest, path)
            return []
        if part.withheld:
            if part.text:
                self.losses.add(f"{path}.text", "tuning", "withheld thinking has no words")
            self.losses.drop(part.rest, path)
            return [{"reasoningContent": {"redactedContent": part.seal.token}}]
        inner: Block = {"text": part.text, "signature": part.seal.token}
        return [{"reasoningContent": {"reasoningText": self.losses.merge(inner, part.rest, NAME, path)}}]

    def _media(self, part: Media, role: str, path: str) -> list[Block]:
        self._seal(part.seal, path)
        if role == "assistant":
            self.losses.add(path, "meaning", f"an assistant turn can't hold {part.kind}s")
            return []
        block = media_block(part, path, self._titles, self.losses)
        if block is None:
            return []
        self.losses.merge(block[part.kind], part.rest, NAME, path)
        return [block]

    def _foreign(self, part: Foreign, path: str) -> list[Block]:
        if part.dialect == NAME:
            return [dict(part.block)]
        self.losses.add(path, "meaning", f"a {part.dialect} block has no counterpart")
        return []

    def _seal(self, seal: Seal | None, path: str) -> None:
        if seal is not None:
            self.losses.add(f"{path}.seal", "hint", "only thinking carries a signature")

    def _input(self, call: Call, path: str) -> Block:
        if call.custom:
            return {RAW_ARGUMENTS: call.arguments}
        if not call.arguments.strip():
            return {}
        where = f"{path}.arguments"
        try:
            value = msgspec.json.decode(call.arguments)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            self.losses.add(where, "tuning", f"arguments that are no JSON are sent as text, as {RAW_ARGUMENTS!r}")
            return {RAW_ARGUMENTS: call.arguments}
        if isinstance(value, dict):
            return value
        self.losses.add(where, "tuning", f"arguments that are no object are sent as {RAW_ARGUMENTS!r}")
        return {RAW_ARGUMENTS: value}


def write_citation(citation: Citation, rest: Rest) -> Block:
    """The citation as this dialect spelt it. Precondition: it was read by this dialect, which left `rest`."""
    said: dict[str, Any] = {}
    if citation.title is not None:
        said["title"] = citation.title
    if citation.quote is not None:
        said["sourceContent"] = [{"text": citation.quote}]
    return {**said, **rest.fields}
