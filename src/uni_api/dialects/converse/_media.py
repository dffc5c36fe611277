"""Images, documents, films and sound as content blocks. The API fetches nothing: links must be fetched before.

Source: the service model of botocore 1.44, shapes ImageBlock, DocumentBlock, VideoBlock and AudioBlock (read
2026-11-24). A blob is base64 in JSON. Objects in the vendor's own store are not reached from here: whoever names one
would read with this gateway's credentials.
"""

import base64
from typing import Any

from uni_api.canon import Losses, Media
from uni_api.dialects.converse._names import Titles

Block = dict[str, Any]

_DOCX = "vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Formats by the second half of the media type; a format's own name stands for itself.
_FORMATS: dict[str, dict[str, str]] = {
    "image": {"jpg": "jpeg"} | {name: name for name in ("png", "jpeg", "gif", "webp")},
    "document": {
        "msword": "doc",
        _DOCX: "docx",
        "vnd.ms-excel": "xls",
        _XLSX: "xlsx",
        "markdown": "md",
        "x-markdown": "md",
        "xhtml+xml": "html",
        "plain": "txt",
    }
    | {name: name for name in ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")},
    "video": {"x-matroska": "mkv", "quicktime": "mov", "x-flv": "flv", "x-ms-wmv": "wmv", "3gpp": "three_gp"}
    | {name: name for name in ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp")},
    "audio": {"x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a", "x-flac": "flac", "x-matroska": "mka"}
    | {
        name: name
        for name in ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga")
    }
    | {name: name for name in ("pcm", "webm")},
}


def needs_bytes(media: Media, /) -> bool:
    """Whether the link in `media` must be fetched: every one that can be."""
    return media.url is not None and media.url.lower().startswith(("https://", "http://"))


def media_block(media: Media, path: str, titles: Titles, losses: Losses) -> Block | None:
    """The block for `media` without its cache point; None, with a loss, when the API takes no such thing."""
    if not media.data:
        losses.add(path, "meaning", "links and stored files are not taken" if media.data is None else "it is empty")
        return None
    form = _format(media, media.data)
    if form is None:
        losses.add(path, "meaning", f"{media.kind}s of type {media.mime or 'unknown'} are not taken")
        return None
    if media.detail is not None and media.detail != "auto":
        losses.add(f"{path}.detail", "hint", "image resolution can't be chosen")
    block: Block = {"format": form, "source": {"bytes": base64.b64encode(media.data).decode("ascii")}}
    if media.kind == "document":
        block["name"] = titles.mint(_stem(media.name))
        if media.name is not None and block["name"] != media.name:
            losses.add(f"{path}.name", "tuning", f"the document is called {block['name']!r}, as the target demands")
    elif media.name is not None:
        losses.add(f"{path}.name", "hint", f"{media.kind}s have no file name")
    return {media.kind: block}


def _stem(name: str | None) -> str | None:
    """A file name without the suffix that its format repeats."""
    stem, _, suffix = (name or "").rpartition(".")
    return stem if stem and suffix.lower() in _FORMATS["document"].values() else name


def _format(media: Media, data: bytes) -> str | None:
    formats = _FORMATS[media.kind]
    if media.kind == "image":
        # The API refuses an image whose bytes are not of the format declared, so the bytes are believed first.
        if (seen := _sniff(data)) is not None:
            return seen
    elif media.kind == "document" and data.startswith(b"%PDF-"):
        return "pdf"
    mime = media.mime.partition(";")[0].strip().lower() if media.mime else ""
    suffix = (media.name or "").rpartition(".")[2].lower()
    found = formats.get(mime.rpartition("/")[2]) or formats.get(suffix)
    if found is None and media.kind == "document" and _is_text(data):
        return "txt"
    return found


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False


def _sniff(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return None
