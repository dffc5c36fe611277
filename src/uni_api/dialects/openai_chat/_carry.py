"""How opaque blobs, and an order of parts that a chat message can't show, travel through a chat client.

Thinking with a seal rides in `reasoning_details` (OpenRouter's field, which clients of reasoning models echo), a call's
seal in the call's `extra_content.uni_api` (beside Google's own slot there). Everything else a message can't show (text
with a seal, text split by calls, blocks of another dialect) is one packed outline, `extra_content.uni_api` of the
message: the parts without their words, which are cut out of the echoed message again.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from uni_api.canon import Call, Foreign, Media, Part, Rest, Result, Seal, Text, Thinking, pack, unpack
from uni_api.dialects.openai_chat._fields import NAME, Fields, fill, leftovers

FORMAT = "uni-api-v1"


class Blobs(Protocol):
    """How a seal is spelt on the wire."""

    slot: str
    """The name under `extra_content` in which a call's seal rides."""

    def open(self, text: str, /) -> Seal | None: ...

    def shut(self, seal: Seal, /) -> str: ...


class Packed:
    """Seals on their way through a client: any realm, in one string of ours. A native blob stays closed."""

    slot = "uni_api"

    def open(self, text: str, /) -> Seal | None:
        return unpack(text, Seal)

    def shut(self, seal: Seal, /) -> str:
        return pack(seal)


class Native:
    """Seals as the upstream of one realm spells them."""

    slot = "google"

    def __init__(self, realm: str) -> None:
        self._realm = realm

    def open(self, text: str, /) -> Seal | None:
        return Seal(realm=self._realm, token=text)

    def shut(self, seal: Seal, /) -> str:
        return seal.token


def read_detail(entry: Any, blobs: Blobs) -> Thinking | None:
    """The thinking that an entry of `reasoning_details` says; None for an entry that is not one of ours to open."""
    if not isinstance(entry, dict):
        return None
    left = dict(entry)
    kind = left.pop("type", None)
    token = left.pop("data" if kind == "reasoning.encrypted" else "signature", None)
    text = left.pop("summary" if kind == "reasoning.summary" else "text", None) or ""
    seal = blobs.open(token) if isinstance(token, str) and token else None
    if not isinstance(text, str) or (seal is None and not _tells(kind, token, text, blobs)):
        return None
    if left.get("format") == FORMAT:
        left = {name: value for name, value in left.items() if name not in ("format", "index")}
    return Thinking(
        text=text,
        withheld=kind == "reasoning.encrypted",
        summary=kind == "reasoning.summary",
        seal=seal,
        rest=Rest(NAME, left, frozenset(left)) if left else None,
    )


def _tells(kind: Any, token: Any, text: str, blobs: Blobs) -> bool:
    """Whether an entry without a seal says thinking by its text: only an upstream's own answer is read so."""
    return isinstance(blobs, Native) and bool(text) and not token and str(kind).startswith("reasoning.")


def write_detail(part: Thinking, index: int, blobs: Blobs) -> dict[str, Any]:
    kind = "encrypted" if part.withheld else "summary" if part.summary else "text"
    entry: dict[str, Any] = {"type": f"reasoning.{kind}"}
    if part.text or kind == "text":
        entry["summary" if kind == "summary" else "text"] = part.text
    if part.seal is not None:
        entry["data" if part.withheld else "signature"] = blobs.shut(part.seal)
    native = leftovers(part.rest)
    fill(entry, native)
    if blobs.slot == Packed.slot:
        # Clients that gather a stream put together what has the same index.
        entry["index"] = index
        entry.setdefault("format", FORMAT)
    return entry


def has_detail(part: Thinking) -> bool:
    """Whether thinking rides in `reasoning_details` too: what bears no seal is told in full by its words."""
    return part.seal is not None


def read_call_seal(fields: Fields, blobs: Blobs) -> Seal | None:
    """The seal in a call's `extra_content`; what else is there stays."""
    extra = fields.left.get("extra_content")
    if not isinstance(extra, dict):
        return None
    value = extra.get(blobs.slot)
    token = value.get("thought_signature") if isinstance(value, dict) else value
    seal = (
        blobs.open(token) if isinstance(token, str) and (blobs.slot == Packed.slot) != isinstance(value, dict) else None
    )
    if seal is not None:
        _take(fields, extra, blobs.slot)
    return seal


def _take(fields: Fields, extra: Mapping[str, Any], slot: str) -> None:
    rest = {name: value for name, value in extra.items() if name != slot}
    if rest:
        fields.left["extra_content"] = rest
    else:
        del fields.left["extra_content"]


def write_call_seal(out: dict[str, Any], seal: Seal, blobs: Blobs) -> None:
    token = blobs.shut(seal)
    out["extra_content"] = {blobs.slot: token if blobs.slot == Packed.slot else {"thought_signature": token}}


class Bone(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A part without its words. `length` counts the characters of its text; `sealed`: its seal rides elsewhere."""

    part: Part
    length: int = 0
    sealed: bool = False


class Outline:
    """The order and the hidden sides of a reply's parts, gathered as they come."""

    def __init__(self) -> None:
        self._bones: list[Bone] = []

    def add(self, part: Part, length: int) -> None:
        """`part` as it is in the end, with or without its words; `length` counts them."""
        match part:
            case Text(seal=None, rest=None) if not length and not part.citations:
                return
            case Thinking(seal=None) if not length:
                return
            case Text():
                bone = Bone(msgspec.structs.replace(part, text=""), length)
            case Thinking():
                bare = msgspec.structs.replace(part, text="", seal=None)
                bone = Bone(bare, length, part.seal is not None)
            case Call():
                bone = Bone(Call(id=part.id, name="", rest=_foreign(part.rest)))
            case Media(kind="image"):
                bone = Bone(msgspec.structs.replace(part, data=None, url=None))
            case Media() | Foreign() | Result():
                bone = Bone(part)
        self._bones.append(bone)

    def packed(self) -> str | None:
        """The outline as one string, or None when the message shows everything."""
        if not self._bones or _plain(self._bones):
            return None
        return pack([_slim(msgspec.to_builtins(bone)) for bone in self._bones])


_REQUIRED = frozenset({"id", "name", "call", "dialect", "block", "kind"})


def _slim(value: list[Any]) -> list[Any]:
    """A bone without the fields that say nothing: they are read as the defaults that they are."""
    part = {name: inner for name, inner in value[0].items() if inner or name in _REQUIRED}
    return [part, *value[1:]]


def _plain(bones: list[Bone]) -> bool:
    ranks = [_rank(bone) for bone in bones]
    if any(rank is None for rank in ranks):
        return False
    known = [rank for rank in ranks if rank is not None]
    loose = [bone for bone in bones if isinstance(bone.part, Thinking) and not bone.sealed]
    thoughts = known.count(0)
    ids = [bone.part.id for bone in bones if isinstance(bone.part, Call)]
    return (
        known == sorted(known)
        and known.count(1) <= 1
        and known.count(2) <= 1
        and (not loose or thoughts == 1)
        and len(ids) == len(set(ids))
    )


def _rank(bone: Bone) -> int | None:
    """Where a part stands in a message read the usual way; None when the message can't show all of it."""
    match bone.part:
        case Thinking(rest=rest) if _foreign(rest) is None:
            return 0
        case Text(seal=None, rest=rest) if _foreign(rest) is None and all(map(_is_plain, bone.part.citations)):
            return 2 if bone.part.refusal else 1
        case Media(kind="image", seal=None, rest=None, name=None, detail=None, cache=None, file=None, mime=str()):
            return 3
        case Call(rest=None):
            return 4
        case _:
            return None


def _is_plain(citation: Any) -> bool:
    shown = (citation.url, citation.title, citation.start, citation.end)
    return None not in shown and citation.quote is None and citation.rest is None


def _foreign(rest: Rest | None) -> Rest | None:
    """What another dialect left; this dialect's own leftovers are written as they are."""
    return rest if rest is not None and rest.dialect != NAME else None


class Echo(Struct):
    """What an echoed message still holds, to be laid out by an outline."""

    text: str
    refusal: str
    thoughts: str
    sealed: list[Thinking]
    images: list[Media]
    calls: dict[str, Call]


def unpack_outline(text: str) -> list[Bone] | None:
    return unpack(text, list[Bone])


def lay_out(bones: list[Bone], echo: Echo) -> list[Part] | None:
    """The parts in their old order, or None when the client changed what the outline speaks of."""
    at = {"text": 0, "refusal": 0, "thoughts": 0}
    sealed = iter(echo.sealed)
    images = iter(echo.images)
    calls = dict(echo.calls)
    parts: list[Part] = []

    def cut(source: str, name: str, length: int) -> str:
        start = at[name]
        at[name] = start + length
        return source[start : start + length]

    for bone in bones:
        match bone.part:
            case Text():
                pool, name = (echo.refusal, "refusal") if bone.part.refusal else (echo.text, "text")
                parts.append(msgspec.structs.replace(bone.part, text=cut(pool, name, bone.length)))
            case Thinking():
                words = cut(echo.thoughts, "thoughts", bone.length)
                bearer = next(sealed, None) if bone.sealed else None
                if bone.sealed and (bearer is None or bearer.text != words):
                    return None
                seal = bearer.seal if bearer is not None else None
                parts.append(msgspec.structs.replace(bone.part, text=words, seal=seal))
            case Media(kind="image", file=None):
                image = next(images, None)
                if image is None:
                    return None
                parts.append(msgspec.structs.replace(bone.part, data=image.data, url=image.url))
            case Call(id=id):
                call = calls.pop(id, None)
                if call is None:
                    return None
                parts.append(msgspec.structs.replace(call, rest=bone.part.rest or call.rest))
            case Media() | Foreign() | Result():
                parts.append(bone.part)
    whole = at == {"text": len(echo.text), "refusal": len(echo.refusal), "thoughts": len(echo.thoughts)}
    return parts if whole and not calls and next(images, None) is None else None
