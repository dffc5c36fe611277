"""A whole chat completion, both ways."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from uni_api.canon import Call, Choice, Losses, Media, Part, Reply, Request, Text, Thinking, Token, Usage
from uni_api.dialects.faces import Body
from uni_api.dialects.openai_chat._carry import Native, Outline, Packed, has_detail, write_detail
from uni_api.dialects.openai_chat._fields import Fields, fill, leftovers
from uni_api.dialects.openai_chat._media import image_entry, read_sound, sound_entry
from uni_api.dialects.openai_chat._spoken import read_spoken, write_annotation, write_call
from uni_api.dialects.openai_chat._thoughts import answered, read_thoughts, untag
from uni_api.dialects.openai_chat._tools import is_legacy
from uni_api.dialects.openai_chat.error import fault_of
from uni_api.dialects.openai_chat.usage import find_usage, read_finish, read_usage, write_finish, write_usage
from uni_api.errors import Denied, Fault

__all__ = ["read_finish", "read_reply", "read_usage", "reply_id", "write_reply"]

PACKED = Packed()


def read_reply(body: Body, realm: str) -> Reply:
    """The reply that `body` holds. Raises Fault for an error in its place and for anything else."""
    if body.get("error") and not body.get("choices"):
        raise fault_of(200, body)
    try:
        return _read(Fields(body, ""), Native(realm))
    except Denied as error:
        raise Fault("protocol", f"The upstream's answer is no chat completion: {error.message}.") from error


def _read(fields: Fields, blobs: Native) -> Reply:
    usage = read_usage(fields.left)
    entries = fields.array("choices")
    if not entries:
        raise Denied(400, "it has no choices")
    id = read_id(fields)
    choices = [_read_choice(one, f"choices[{at}]", id, at, blobs) for at, one in enumerate(entries)]
    choices.sort(key=lambda pair: pair[0])
    fields.left.pop("object", None)
    keep_usage(fields.left)
    return Reply(
        id=id,
        model=fields.text("model"),
        created=fields.integer("created"),
        choices=tuple(choice for _, choice in choices),
        usage=usage,
        rest=fields.rest(),
    )


def read_id(fields: Fields) -> str | None:
    id = fields.any("id")
    return None if id is None or id == "" else str(id)


def keep_usage(left: dict[str, Any]) -> None:
    """Leave the usage in its own place, as the host counted: what clients of this format are told again."""
    found = find_usage(left)
    left.pop("usage", None)
    if found is not None:
        left["usage"] = _without_nulls(found)


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(inner) if isinstance(inner, dict) else inner
        for name, inner in value.items()
        if inner is not None
    }


def told_usage(usage: Usage, said: Mapping[str, Any] | None) -> dict[str, Any]:
    """The usage as a host of this format `said` it, if one did, and whatever else canon's usage tells."""
    told = dict(said or {})
    fill(told, write_usage(usage))
    return told


def _read_choice(value: Any, path: str, id: str | None, at: int, blobs: Native) -> tuple[int, Choice]:
    fields = Fields(value, path)
    index = fields.integer("index")
    number = at if index is None else index
    if (error := fields.left.get("error")) and fields.left.get("finish_reason") in (None, "error"):
        raise fault_of(200, {"error": error})
    name = "message" if fields.left.get("message") is not None else "delta"
    message = fields.inside(name)
    if message is None:
        if not fields.left.get("finish_reason"):
            raise Denied(400, f"{path} has no message")
        # Azure leaves the message out when its filter took the answer away.
        message = Fields({}, path)
    if message.left.get("role") == "assistant":
        del message.left["role"]
    sound = read_sound(message)
    parts = _read_message(message, blobs)
    named = [minted(part, id, number, n) for n, part in enumerate(parts)]
    word = fields.text("finish_reason")
    tokens = read_logprobs(fields)
    fields.back("message", message)
    choice = Choice(
        parts=(*named, sound) if sound is not None else tuple(named),
        finish=read_finish(word) if word else None,
        logprobs=tokens,
        rest=fields.rest(),
    )
    return number, choice


def _read_message(message: Fields, blobs: Native) -> list[Part]:
    thoughts = read_thoughts(message.left, blobs)
    content = message.left.get("content")
    if isinstance(content, str) and not thoughts:
        thought, message.left["content"] = untag(content)
        thoughts = [Thinking(text=thought)] if thought else []
    spoken, _ = read_spoken(message, blobs)
    return [*thoughts, *(one for part in spoken for one in answered(part, blobs))]


def minted(part: Part, reply: str | None, choice: int, at: int) -> Part:
    """A call that its host gave no id gets one, always the same for the same place in the same reply."""
    if not isinstance(part, Call) or part.id:
        return part
    place = f"{reply}/{choice}/{at}/{part.name}".encode()
    return msgspec.structs.replace(part, id=f"call_{hashlib.blake2b(place, digest_size=12).hexdigest()}")


def read_logprobs(fields: Fields) -> tuple[Token, ...]:
    """The tokens of `logprobs.content`; whatever has another shape stays among the leftovers."""
    value = fields.left.get("logprobs")
    if not isinstance(value, dict) or not isinstance(value.get("content"), list):
        return ()
    tokens = [_token(entry) for entry in value["content"]]
    known = [token for token in tokens if token is not None]
    if len(known) < len(tokens):
        return ()
    others = {name: inner for name, inner in value.items() if name != "content" and inner is not None}
    fields.left.pop("logprobs")
    if others:
        fields.left["logprobs"] = others
    return tuple(known)


def _token(entry: Any) -> Token | None:
    match entry:
        case {"token": str(text), "logprob": float() | int() as logprob}:
            raw = entry.get("bytes")
            rivals = entry.get("top_logprobs")
            top = [_token(rival) for rival in rivals] if isinstance(rivals, list) else []
            return Token(
                text=text,
                logprob=logprob,
                bytes=tuple(raw) if isinstance(raw, list) else None,
                top=tuple(rival for rival in top if rival is not None),
            )
    return None


def write_reply(reply: Reply, request: Request) -> Body:
    """The chat completion that says `reply`, as the official SDK reads it."""
    legacy = is_legacy(request)
    out: Body = {
        "id": reply_id(reply.id),
        "object": "chat.completion",
        "created": reply.created or 0,
        "model": reply.model or request.model,
        "choices": [_write_choice(choice, number, legacy) for number, choice in enumerate(reply.choices)],
    }
    more = leftovers(reply.rest)
    if reply.usage is not None:
        out["usage"] = told_usage(reply.usage, more.pop("usage", None))
    fill(out, more)
    return out


def reply_id(id: str | None) -> str:
    """The provider's id, marked as a chat completion's."""
    return id if id is not None and id.startswith("chatcmpl") else f"chatcmpl-{id or 'unnamed'}"


def _write_choice(choice: Choice, number: int, legacy: bool) -> dict[str, Any]:
    calls = any(isinstance(part, Call) for part in choice.parts)
    out: dict[str, Any] = {
        "index": number,
        "message": _write_message(choice.parts, legacy),
        "logprobs": write_logprobs(choice.logprobs) if choice.logprobs else None,
        "finish_reason": write_finish(choice.finish, calls=calls, legacy=legacy),
    }
    more = leftovers(choice.rest)
    if out["logprobs"] is None and "logprobs" in more:
        del out["logprobs"]
    fill(out, more)
    return out


def write_logprobs(tokens: tuple[Token, ...]) -> dict[str, Any]:
    return {"content": [{**_write_token(token), "top_logprobs": [*map(_write_token, token.top)]} for token in tokens]}


def _write_token(token: Token) -> dict[str, Any]:
    return {
        "token": token.text,
        "logprob": token.logprob,
        "bytes": None if token.bytes is None else list(token.bytes),
    }


def _write_message(parts: tuple[Part, ...], legacy: bool) -> dict[str, Any]:
    gathered = _Message()
    outline = Outline()
    for part in parts:
        gathered.add(part, legacy)
        outline.add(part, len(part.text) if isinstance(part, Text | Thinking) else 0)
    message = gathered.message()
    packed = outline.packed()
    if packed is not None:
        message["extra_content"] = {"uni_api": packed}
    return message


class _Message:
    """The parts of one choice by their place in a message."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._thoughts: list[str] = []
        self._lists: dict[str, list[Any]] = {}
        self._fields: dict[str, Any] = {}
        self._length = 0
        self._details = 0

    def add(self, part: Part, legacy: bool) -> None:
        match part:
            case Text(refusal=True):
                self._refusal.append(part.text)
            case Text():
                for citation in part.citations:
                    if (entry := write_annotation(citation, self._length)) is not None:
                        self._list("annotations", entry)
                self._text.append(part.text)
                self._length += len(part.text)
            case Thinking():
                self._thoughts.append(part.text)
                if has_detail(part):
                    self._list("reasoning_details", write_detail(part, self._details, PACKED))
                    self._details += 1
            case Media(kind="image"):
                self._list("images", image_entry(part))
            case Media(kind="audio"):
                self._fields["audio"] = sound_entry(part)
            case Call() if legacy and "function_call" not in self._fields:
                self._fields["function_call"] = {"name": part.name, "arguments": part.arguments}
            case Call():
                self._list("tool_calls", write_call(part, PACKED, Losses(), ""))
            case _:
                # Blocks of other dialects are not for a chat client's eyes; they ride in the outline.
                pass

    def _list(self, name: str, entry: Any) -> None:
        self._lists.setdefault(name, []).append(entry)

    def message(self) -> dict[str, Any]:
        silent = self._refusal or self._fields or "tool_calls" in self._lists
        out: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(self._text) or (None if silent else ""),
            "refusal": "".join(self._refusal) or None,
        }
        if thoughts := "".join(self._thoughts):
            out["reasoning_content"] = thoughts
        return out | self._lists | self._fields
