"""What an assistant message says: read from a history or an answer, written into either.

A chat message has one place for each kind of part: reasoning, content, refusal, images, tool calls, in this order.
"""

from typing import Any

import msgspec

from uni_api.canon import Call, Citation, Foreign, Losses, Media, Part, Rest, Text, Thinking
from uni_api.dialects.openai_chat._carry import (
    Blobs,
    Bone,
    Echo,
    has_detail,
    lay_out,
    read_call_seal,
    read_detail,
    unpack_outline,
    write_call_seal,
    write_detail,
)
from uni_api.dialects.openai_chat._content import Notes, read_content, write_content
from uni_api.dialects.openai_chat._fields import NAME, Fields, missing, note, restore, wrong
from uni_api.dialects.openai_chat._media import image_entry, read_image
from uni_api.dialects.openai_chat._thoughts import BLOCKS, SUMMARIES, form_of, write_block, write_summary

_BLANK: dict[str | None, Any] = {"null": None, "empty": "", "list": []}
"""How a content that holds nothing was spelt. A null is only said where the client said it."""


def read_spoken(fields: Fields, blobs: Blobs) -> tuple[list[Part], Notes]:
    """The parts of an assistant message and the notes on its spelling. Raises Denied(400) for a wrong type."""
    content, notes = read_content(fields)
    content = _cited(content, fields)
    thoughts, plain = _read_thinking(fields, blobs, notes)
    refusal = fields.text("refusal")
    if refusal == "":
        fields.left["refusal"] = refusal
    images = _read_images(fields)
    calls = _read_calls(fields, blobs)
    bones = _read_outline(fields)
    if bones is not None:
        echo = Echo(
            text="".join(part.text for part in content if isinstance(part, Text) and not part.refusal),
            refusal=refusal or "",
            thoughts=plain if plain is not None else "".join(thought.text for thought in thoughts),
            sealed=[thought for thought in thoughts if thought.seal is not None],
            images=images,
            calls={call.id: call for call in calls},
        )
        parts = lay_out(bones, echo)
        if parts is not None:
            for told in ("annotations", "reasoning_content", "reasoning"):
                fields.left.pop(told, None)
            spelt = notes.get(":content")
            return parts, {":content": spelt} if spelt in ("absent", "empty", "null") else {}
    refusals = [Text(text=refusal, refusal=True)] if refusal else []
    kept = [bone.part for bone in bones or () if isinstance(bone.part, Foreign)]
    return [*thoughts, *kept, *content, *refusals, *images, *calls], notes


def _read_thinking(fields: Fields, blobs: Blobs, notes: Notes) -> tuple[list[Thinking], str | None]:
    """Thinking with seals, else the plain words; and the plain words by themselves."""
    name = "reasoning_content" if isinstance(fields.left.get("reasoning_content"), str) else "reasoning"
    plain = fields.left.get(name)
    if plain is not None and not isinstance(plain, str):
        if name == "reasoning":
            # Some hosts send an object here: it is theirs.
            plain = None
        else:
            wrong(fields.where(name), "a string")
    detailed: list[Thinking] = []
    entries = fields.left.get("reasoning_details")
    if isinstance(entries, list):
        others = []
        for entry in entries:
            thought = read_detail(entry, blobs)
            if thought is None:
                others.append(entry)
            else:
                detailed.append(thought)
        fields.left["reasoning_details"] = others
        if not others and detailed:
            del fields.left["reasoning_details"]
    told = "".join(thought.text for thought in detailed)
    if plain and (not told or told == plain):
        del fields.left[name]
    if plain and not told:
        if name != "reasoning_content":
            notes[":reasoning"] = name
        return [Thinking(text=plain), *detailed], plain
    return detailed, plain or None


def _read_images(fields: Fields) -> list[Media]:
    entries = fields.array("images") or []
    return [read_image(one, f"{fields.where('images')}[{index}]") for index, one in enumerate(entries)]


def _read_calls(fields: Fields, blobs: Blobs) -> list[Call]:
    entries = fields.left.get("tool_calls")
    if entries == []:
        entries = None
    elif entries is not None:
        entries = fields.array("tool_calls")
    at = fields.where("tool_calls")
    calls = [_read_call(one, f"{at}[{index}]", blobs) for index, one in enumerate(entries or [])]
    legacy = fields.inside("function_call")
    if legacy is not None and legacy.left.get("name") == "":
        # Some hosts fill every field of their type: an unnamed call is none.
        fields.back("function_call", legacy)
    elif legacy is not None:
        notes: Notes = {":legacy": True}
        name, arguments = legacy.must_text("name"), _read_arguments(legacy, "arguments", notes)
        fields.back("function_call", legacy)
        calls.append(Call(id="", name=name, arguments=arguments, rest=Rest(NAME, notes)))
    return calls


def _read_call(value: Any, path: str, blobs: Blobs) -> Call:
    fields = Fields(value, path)
    notes: Notes = {}
    kind = fields.text("type")
    if kind is None:
        notes[":untyped"] = True
        kind = "custom" if isinstance(fields.left.get("custom"), dict) else "function"
    inner = fields.inside(kind)
    if inner is None:
        missing(fields.where(kind))
    id = fields.text("id")
    if not id:
        notes[":id"] = id
    if isinstance(fields.left.get("index"), int):
        # Clients that gathered a stream send the index of its deltas back.
        notes[":index"] = fields.left.pop("index")
    custom = kind == "custom"
    seal = read_call_seal(fields, blobs)
    name = inner.must_text("name")
    arguments = _read_arguments(inner, "input" if custom else "arguments", notes)
    fields.back(kind, inner)
    return Call(id=id or "", name=name, arguments=arguments, custom=custom, seal=seal, rest=fields.rest(notes))


def _read_arguments(inner: Fields, name: str, notes: Notes) -> str:
    """The raw text. A value in its place is told as JSON; none at all as nothing."""
    spelt = {name: inner.left.pop(name)} if name in inner.left else {}
    value = spelt.get(name)
    if isinstance(value, str):
        return value
    notes[":arguments"] = spelt
    return "" if value is None else msgspec.json.encode(value).decode()


def _read_outline(fields: Fields) -> list[Bone] | None:
    extra = fields.left.get("extra_content")
    if not isinstance(extra, dict) or not isinstance(packed := extra.get("uni_api"), str):
        return None
    others = {name: value for name, value in extra.items() if name != "uni_api"}
    if others:
        fields.left["extra_content"] = others
    else:
        del fields.left["extra_content"]
    return unpack_outline(packed)


def _cited(content: list[Part], fields: Fields) -> list[Part]:
    """The text with the sources of `annotations`, where these are plain and there is one text that they can mean."""
    entries = fields.left.get("annotations")
    if not isinstance(entries, list) or not entries or len(content) != 1 or not isinstance(content[0], Text):
        return content
    citations = [read_annotation(entry) for entry in entries]
    known = [citation for citation in citations if citation is not None]
    if len(known) < len(citations):
        return content
    del fields.left["annotations"]
    return [msgspec.structs.replace(content[0], citations=tuple(known))]


def _unnumbered(entry: Any) -> Any:
    """An entry of a list without the `index` that it has in streams, for clients that gather them."""
    if not isinstance(entry, dict) or "index" not in entry:
        return entry
    return {name: value for name, value in entry.items() if name != "index"}


def read_annotation(entry: Any) -> Citation | None:
    """The source that an entry of `annotations` names; None for one that canon can't say in full."""
    bare = _unnumbered(entry)
    match bare:
        case {
            "type": "url_citation",
            "url_citation": {
                "url": str(url),
                "title": str(title),
                "start_index": int(start),
                "end_index": int(end),
            } as c,
        } if len(c) == 4 and len(bare) == 2:
            return Citation(url=url, title=title, start=start, end=end)
    return None


def write_annotation(citation: Citation, offset: int = 0) -> dict[str, Any] | None:
    """A source as an annotation; None without a link, which the format demands."""
    if citation.url is None:
        return None
    spot = {
        "url": citation.url,
        "title": citation.title or "",
        "start_index": (citation.start or 0) + offset,
        "end_index": (citation.end or 0) + offset,
    }
    return {"type": "url_citation", "url_citation": spot}


def write_call(call: Call, blobs: Blobs, losses: Losses, path: str) -> dict[str, Any]:
    kind = "custom" if call.custom else "function"
    out: dict[str, Any] = {"id": call.id}
    if call.rest is not None and ":id" in call.rest.fields:
        out = {} if note(call.rest, ":id") is None else {"id": ""}
    if (index := note(call.rest, ":index")) is not None:
        out["index"] = index
    if not note(call.rest, ":untyped"):
        out["type"] = kind
    out[kind] = _named(call)
    if call.seal is not None:
        write_call_seal(out, call.seal, blobs)
    if call.cache is not None:
        losses.add(f"{path}.cache", "hint", "cache breakpoints are not part of the chat format")
    return restore(out, call.rest, losses, path)


def _named(call: Call) -> dict[str, Any]:
    spelt = note(call.rest, ":arguments")
    if spelt is None:
        spelt = {"input" if call.custom else "arguments": call.arguments}
    return {"name": call.name, **spelt}


class Sorted:
    """The parts of an assistant turn by their place in a chat message, each with its path."""

    def __init__(self, parts: tuple[Part, ...], path: str, losses: Losses) -> None:
        self.thoughts: list[tuple[str, Thinking]] = []
        self.content: list[tuple[str, Part]] = []
        self.refusals: list[tuple[str, Text]] = []
        self.images: list[tuple[str, Media]] = []
        self.calls: list[tuple[str, Call]] = []
        self.legacy: list[tuple[str, Call]] = []
        for index, part in enumerate(parts):
            where = f"{path}.parts[{index}]"
            match part:
                case Thinking() if not note(part.rest, ":inline"):
                    self.thoughts.append((where, part))
                case Text(refusal=True) if not note(part.rest, ":inline"):
                    self.refusals.append((where, part))
                case Call() if note(part.rest, ":legacy"):
                    self.legacy.append((where, part))
                case Call():
                    self.calls.append((where, part))
                case Media(kind="image"):
                    self.images.append((where, part))
                case _:
                    self.content.append((where, part))
            if self.calls and not isinstance(part, Call | Media):
                losses.add(where, "tuning", "in the chat format all text comes before the calls")


def write_spoken(parts: tuple[Part, ...], rest: Rest | None, blobs: Blobs, losses: Losses, path: str) -> dict[str, Any]:
    """The message without its role, for a history: seals as the upstream spells them, `rest` for the spelling."""
    out: dict[str, Any] = {}
    placed = Sorted(parts, path, losses)
    how = note(rest, ":content")
    if placed.content:
        out["content"] = write_content(placed.content, how, losses)
    elif how in _BLANK:
        out["content"] = _BLANK[how]
    elif how is None and not placed.calls and not placed.legacy:
        out["content"] = ""
    _write_thoughts(out, placed.thoughts, note(rest, ":reasoning") or "reasoning_content", blobs, losses)
    if placed.refusals:
        out["refusal"] = "".join(part.text for _, part in placed.refusals)
    if placed.images:
        _write_images(out, placed.images, losses)
    if placed.calls:
        out["tool_calls"] = [write_call(call, blobs, losses, where) for where, call in placed.calls]
    for _, call in placed.legacy:
        out["function_call"] = _named(call)
    annotations = [
        entry
        for _, part in placed.content
        if isinstance(part, Text)
        for citation in part.citations
        if (entry := write_annotation(citation)) is not None
    ]
    if annotations:
        out["annotations"] = annotations
    return out


def _write_thoughts(
    out: dict[str, Any], thoughts: list[tuple[str, Thinking]], name: str, blobs: Blobs, losses: Losses
) -> None:
    """Plain words under `name`; sealed thoughts in the form in which their host issued them."""
    details, blocks, summaries = [], [], []
    for index, (where, part) in enumerate(thoughts):
        if part.rest is not None and part.rest.dialect != NAME:
            losses.drop(part.rest, where)
        if not has_detail(part):
            continue
        form = form_of(part)
        if form == BLOCKS:
            blocks.append(write_block(part, blobs))
        elif form == SUMMARIES:
            summaries.append(write_summary(part, blobs))
        else:
            details.append(write_detail(part, index, blobs))
    plain = "".join(part.text for _, part in thoughts if not has_detail(part))
    if plain:
        out[name] = plain
    if details:
        out["reasoning_details"] = details
    if blocks:
        out[BLOCKS] = blocks
    if summaries:
        content = out.get("content")
        said = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
        out["content"] = [*summaries, *said]


def _write_images(out: dict[str, Any], images: list[tuple[str, Media]], losses: Losses) -> None:
    out["images"] = []
    for where, part in images:
        entry = image_entry(part)
        if part.seal is not None:
            losses.add(f"{where}.seal", "hint", "media carry no opaque token in the chat format")
        out["images"].append(restore(entry, part.rest, losses, where))
