"""Images, sounds, films and documents of the chat format: data URLs, links and the field that each kind has.

Besides OpenAI's own parts (image_url, input_audio, file) it reads those that hosts of this format added: video_url,
audio_url, file_url and document_url.
"""

import base64
import binascii
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from uni_api.canon import Cache, Foreign, Losses, Media, Part, Rest
from uni_api.dialects.openai_chat._fields import NAME, Fields, leftovers, note, wrong

Kind = Literal["image", "audio", "video", "document"]

_LINKS: dict[str, Kind] = {
    "image_url": "image",
    "video_url": "video",
    "audio_url": "audio",
    "file_url": "document",
    "document_url": "document",
}

_AUDIO_MIMES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_AUDIO_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}

TYPES = frozenset({*_LINKS, "input_audio", "file"})
_HINTS = frozenset({"cache_control", "prompt_cache_breakpoint"})


def read_media(kind: str, fields: Fields, cache: Cache | None, notes: dict[str, Any]) -> Part:
    """The part of type `kind`. Raises Denied(400) when it holds neither a link nor data that can be decoded."""
    if kind == "input_audio":
        return _read_audio(fields, cache, notes)
    if kind == "file":
        return _read_file(fields, cache, notes)
    if isinstance(fields.left.get(kind), str):
        notes[":bare"] = True
        at, url, detail = fields.where(kind), fields.must_text(kind), None
    else:
        inner = fields.inside(kind)
        if inner is None:
            wrong(fields.where(kind), "an object")
        at, url, detail = inner.where("url"), inner.must_text("url"), inner.text("detail")
        fields.back(kind, inner)
    if kind not in ("image_url", "video_url"):
        notes[":as"] = kind
    return _media(_LINKS[kind], url, at, fields, cache, notes, detail=detail)


def _media(
    kind: Kind,
    source: str,
    at: str,
    fields: Fields,
    cache: Cache | None,
    notes: dict[str, Any],
    *,
    detail: str | None = None,
    name: str | None = None,
    mime: str | None = None,
) -> Media:
    if source[:5].lower() == "data:":
        found, data = _split(source, at)
        mime = found or mime
        if _url(found, data) != source:
            notes[":source"] = source
        return Media(
            kind=kind, mime=mime, data=data, detail=detail, name=name, cache=cache, rest=fields.rest(notes, _HINTS)
        )
    return Media(
        kind=kind, mime=mime, url=source, detail=detail, name=name, cache=cache, rest=fields.rest(notes, _HINTS)
    )


def _read_audio(fields: Fields, cache: Cache | None, notes: dict[str, Any]) -> Media:
    if isinstance(fields.left.get("input_audio"), str):
        notes[":bare"] = True
        at, source, form = fields.where("input_audio"), fields.must_text("input_audio"), None
    else:
        inner = fields.inside("input_audio")
        if inner is None:
            wrong(fields.where("input_audio"), "an object")
        at, source, form = inner.where("data"), inner.must_text("data"), inner.text("format")
        fields.back("input_audio", inner)
    notes[":format"] = form
    mime = _AUDIO_MIMES.get(form, f"audio/{form}") if form else None
    if source[:5].lower() == "data:" or source[:4].lower() == "http":
        notes[":source"] = source
        return _media("audio", source, at, fields, cache, notes, mime=mime)
    data = _decoded(source, at)
    if _encoded(data) != source:
        notes[":source"] = source
    return Media(kind="audio", mime=mime, data=data, cache=cache, rest=fields.rest(notes, _HINTS))


def _read_file(fields: Fields, cache: Cache | None, notes: dict[str, Any]) -> Part:
    block = {"type": "file", **fields.left}
    inner = fields.inside("file")
    if inner is None:
        wrong(fields.where("file"), "an object")
    source, name, stored = inner.text("file_data"), inner.text("filename"), inner.text("file_id")
    if source is None:
        if stored is None:
            wrong(inner.path, "an object with file_data or file_id")
        # The id is known to the host that stored the file, and this dialect can't tell which one that is.
        return Foreign(dialect=NAME, block=block)
    if stored is not None:
        inner.left["file_id"] = stored
    fields.back("file", inner)
    at = inner.where("file_data")
    if source[:5].lower() != "data:" and source[:4].lower() != "http":
        data = _decoded(source, at)
        notes[":source"] = source
        rest = fields.rest({**notes, ":as": "file"}, _HINTS)
        return Media(kind="document", mime=_guess(name), data=data, name=name, cache=cache, rest=rest)
    notes[":as"] = "file"
    kind = _kind(source) if source[:5].lower() == "data:" else "document"
    return _media(kind, source, at, fields, cache, notes, name=name, mime=_guess(name))


def _kind(data_url: str) -> Kind:
    head = data_url[5:].partition("/")[0].lower()
    return head if head in ("image", "audio", "video") else "document"  # type: ignore[return-value]


def _guess(name: str | None) -> str | None:
    return "application/pdf" if name is not None and name.lower().endswith(".pdf") else None


def write_media(media: Media, losses: Losses, path: str) -> dict[str, Any] | None:
    """The part that says `media`, or None (a loss of meaning) when the chat format has none for it."""
    form = note(media.rest, ":as")
    source = note(media.rest, ":source")
    if media.file is not None:
        losses.add(path, "meaning", "the file is stored at another provider")
        return None
    if source is None:
        source = media.url if media.url is not None else _url(media.mime, media.data or b"")
    if form in _LINKS:
        return _link_part(form, source, media)
    match media.kind:
        case "image" | "video" if form != "file":
            return _link_part(f"{media.kind}_url", source, media)
        case "audio" if form != "file":
            return _audio_part(media, losses, path)
    if form != "file" and media.data is None:
        losses.add(path, "meaning", "documents are sent as bytes only")
        return None
    if media.detail is not None:
        losses.add(f"{path}.detail", "tuning", "files have no detail")
    file = {"file_data": source}
    if media.name is not None:
        file["filename"] = media.name
    elif form != "file":
        file["filename"] = f"document.{(media.mime or 'application/pdf').rpartition('/')[2]}"
    return {"type": "file", "file": file}


def _link_part(form: str, source: str, media: Media) -> dict[str, Any]:
    if note(media.rest, ":bare"):
        return {"type": form, form: source}
    inner = {"url": source}
    if media.detail is not None:
        inner["detail"] = media.detail
    return {"type": form, form: inner}


def _audio_part(media: Media, losses: Losses, path: str) -> dict[str, Any] | None:
    source = note(media.rest, ":source")
    if source is None and media.data is None:
        losses.add(path, "meaning", "sound is sent as bytes only")
        return None
    if source is None:
        source = _encoded(media.data or b"")
    if note(media.rest, ":bare"):
        return {"type": "input_audio", "input_audio": source}
    form = note(media.rest, ":format")
    if form is None and (media.rest is None or ":format" not in media.rest.fields):
        mime = media.mime or "audio/wav"
        form = _AUDIO_FORMATS.get(mime, mime.rpartition("/")[2])
    return {"type": "input_audio", "input_audio": {"data": source, **({"format": form} if form is not None else {})}}


def needs_bytes(media: Media) -> bool:
    """Whether the link in `media` can't be passed on: sound and documents travel as bytes."""
    return media.url is not None and media.kind in ("audio", "document") and not note(media.rest, ":as")


def read_image(value: Any, path: str) -> Media:
    """One entry of a message's `images`: the spelling in which hosts send images that a model made."""
    fields = Fields(value, path)
    for told in ("type", "index"):
        fields.left.pop(told, None)
    part = read_media("image_url", fields, None, {})
    assert isinstance(part, Media)
    return part


def image_entry(media: Media) -> dict[str, Any]:
    """The entry of a message's `images` for an image in a reply."""
    url = media.url if media.url is not None else _url(media.mime, media.data or b"")
    return {"type": "image_url", "image_url": {"url": note(media.rest, ":source") or url}}


def read_sound(message: Fields) -> Media | None:
    """The spoken answer of a message, or None. Its id, transcript and expiry are leftovers of the part."""
    value = message.left.get("audio")
    if not isinstance(value, dict) or not isinstance(value.get("data"), str) or not value["data"]:
        return None
    del message.left["audio"]
    return sound(value)


def sound(value: dict[str, Any]) -> Media:
    """The part for a message's `audio` object."""
    left = {name: inner for name, inner in value.items() if name != "data"}
    data = _decoded(value["data"], "audio.data")
    return Media(kind="audio", data=data, rest=Rest(NAME, left) if left else None)


def sound_entry(media: Media) -> dict[str, Any]:
    """A message's `audio` object; what another dialect does not say is empty."""
    out = {"data": _encoded(media.data or b""), **leftovers(media.rest)}
    return {"id": "audio", "expires_at": 0, "transcript": "", **out}


def _url(mime: str | None, data: bytes) -> str:
    return f"data:{mime or 'application/octet-stream'};base64,{_encoded(data)}"


def _split(url: str, at: str) -> tuple[str | None, bytes]:
    """The type and the bytes of a data URL (RFC 2397)."""
    head, comma, body = url[5:].partition(",")
    if not comma:
        wrong(at, "a data URL with a comma before its data")
    mime, *flags = head.split(";")
    based = any(flag.strip().lower() == "base64" for flag in flags)
    return mime.strip().lower() or None, _decoded(body, at) if based else unquote_to_bytes(body)


def _decoded(text: str, at: str) -> bytes:
    try:
        bare = text.encode("ascii").translate(_URL_SAFE, b" \t\r\n").rstrip(b"=")
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        wrong(at, "data in base64")


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
