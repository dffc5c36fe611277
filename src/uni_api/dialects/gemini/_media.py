"""Images, sound, films and documents: which go as bytes, which as links, and what they are when nobody says."""

import base64
import re
from typing import Any, Final, Literal

from uni_api.canon import Media

Kind = Literal["image", "audio", "video", "document"]

_OWN_FILES: Final = re.compile(r"https://generativelanguage\.googleapis\.com/v\w+/files/", re.IGNORECASE)
_YOUTUBE: Final = re.compile(r"https?://(www\.|m\.)?(youtube\.com/(watch|shorts|live|embed)|youtu\.be/)", re.IGNORECASE)

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mp3"),
    (b"\xff\xfb", "audio/mp3"),
    (b"\xff\xf3", "audio/mp3"),
    (b"\xff\xf2", "audio/mp3"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"FLV", "video/x-flv"),
)

_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}
_BRANDS: Final = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif"}

_SUFFIXES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mpeg": "video/mpeg",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
}

_RESPELT: Final = {"image/jpg": "image/jpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}

_DEFAULTS: Final[dict[Kind, str]] = {
    "image": "image/png",
    "audio": "audio/wav",
    "video": "video/mp4",
    "document": "application/octet-stream",
}


def needs_bytes(media: Media, /) -> bool:
    """True for a link that the API can't follow: it knows its own Files API, Cloud Storage and YouTube only."""
    if media.url is None or media.data is not None:
        return False
    return not (media.url.startswith("gs://") or _OWN_FILES.match(media.url) or _YOUTUBE.match(media.url))


def write_media(media: Media) -> dict[str, Any]:
    """The part that holds `media`, without its seal: `inlineData` for bytes, `fileData` for anything else."""
    if media.data is not None:
        mime = _spelt(media.mime) or sniff(media.data) or _guessed(media.name) or _by_text(media)
        return {"inlineData": {"mimeType": mime, "data": base64.b64encode(media.data).decode()}}
    uri = media.file.id if media.file is not None else media.url or ""
    known = _spelt(media.mime) or _guessed(media.name) or _guessed(uri.split("?", 1)[0].split("#", 1)[0])
    return {"fileData": {"mimeType": known, "fileUri": uri} if known else {"fileUri": uri}}


def read_media(blob: dict[str, Any]) -> Media | None:
    """The Media of an `inlineData` object, or None when it is not one."""
    mime, data = blob.get("mimeType"), blob.get("data")
    if not isinstance(data, str):
        return None
    try:
        raw = base64.b64decode(data.replace("-", "+").replace("_", "/"))
    except ValueError:
        return None
    named = mime if isinstance(mime, str) else sniff(raw)
    return Media(kind=kind_of(named), mime=named, data=raw)


def kind_of(mime: str | None) -> Kind:
    """What sort of thing a MIME type names; a document when it says nothing."""
    match (mime or "").split("/", 1)[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"


def sniff(data: bytes) -> str | None:
    """The MIME type that the first bytes give away."""
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "audio/mp4" if data[8:11] == b"M4A" else "video/mp4")
    return next((mime for magic, mime in _MAGIC if data.startswith(magic)), None)


def _spelt(mime: str | None) -> str | None:
    if not mime:
        return None
    return _RESPELT.get(mime.lower(), mime)


def _guessed(name: str | None) -> str | None:
    if not name or "." not in name:
        return None
    return _SUFFIXES.get(name.rsplit(".", 1)[1].lower())


def _by_text(media: Media) -> str:
    if media.kind == "document" and media.data is not None and _is_text(media.data):
        return "text/plain"
    return _DEFAULTS[media.kind]


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
