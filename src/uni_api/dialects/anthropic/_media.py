"""Images and documents as content blocks, and which links the API fetches by itself.

Source: platform.claude.com, pages "Vision" and "PDF support" (read 2026-11-24): images are JPEG, PNG, GIF or WebP,
documents PDF or plain text; links must be https, and a document behind a link must be a PDF.
"""

import base64
from typing import Any

from uni_api.canon import Losses, Media

Block = dict[str, Any]

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
_TEXTUAL = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript"}
)


def needs_bytes(media: Media, /) -> bool:
    """Whether the link in `media` must be fetched: anything but an https link to an image or a PDF."""
    if media.url is None or media.kind not in ("image", "document"):
        return False
    if not media.url.lower().startswith("https://"):
        return True
    if media.kind == "image":
        return media.mime is not None and _plain(media.mime) not in IMAGES
    return media.mime is not None and _plain(media.mime) != PDF


def media_block(media: Media, path: str, losses: Losses) -> Block | None:
    """The block for `media` without its cache point; None, with a loss, when the API takes no such thing."""
    source = _source(media, path, losses)
    if source is None:
        return None
    if media.detail is not None and media.detail != "auto":
        losses.add(f"{path}.detail", "hint", "image resolution can't be chosen")
    block: Block = {"type": media.kind, "source": source}
    if media.name is not None:
        if media.kind == "document":
            block["title"] = media.name
        else:
            losses.add(f"{path}.name", "hint", "images have no file name")
    return block


def _source(media: Media, path: str, losses: Losses) -> Block | None:
    if media.kind in ("audio", "video"):
        losses.add(path, "meaning", f"{media.kind} is not taken")
        return None
    if media.file is not None:
        return {"type": "file", "file_id": media.file.id}
    if media.url is not None:
        if media.url.lower().startswith(("https://", "http://")):
            return {"type": "url", "url": media.url}
        losses.add(path, "meaning", "only https links are taken")
        return None
    if not media.data:
        losses.add(path, "meaning", f"the {media.kind} has no content")
        return None
    return (
        _image(media, media.data, path, losses) if media.kind == "image" else _document(media, media.data, path, losses)
    )


def _image(media: Media, data: bytes, path: str, losses: Losses) -> Block | None:
    # The API refuses an image whose bytes are not of the type declared, so the bytes are believed first.
    mime = _sniff(data) or (_plain(media.mime) if media.mime else None)
    if mime == "image/jpg":
        mime = "image/jpeg"
    if mime not in IMAGES:
        losses.add(path, "meaning", f"images of type {mime or 'unknown'} are not taken")
        return None
    return _base64(mime, data)


def _document(media: Media, data: bytes, path: str, losses: Losses) -> Block | None:
    mime = _plain(media.mime) if media.mime else ""
    if mime == PDF or data.startswith(b"%PDF-"):
        return _base64(PDF, data)
    if not mime or mime.startswith("text/") or mime in _TEXTUAL or mime.endswith(("+json", "+xml")):
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" not in text:
            return {"type": "text", "media_type": "text/plain", "data": text}
    losses.add(path, "meaning", f"documents of type {mime or 'unknown'} are not taken")
    return None


def _base64(mime: str, data: bytes) -> Block:
    return {"type": "base64", "media_type": mime, "data": base64.b64encode(data).decode("ascii")}


def _plain(mime: str) -> str:
    return mime.partition(";")[0].strip().lower()


def _sniff(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None
