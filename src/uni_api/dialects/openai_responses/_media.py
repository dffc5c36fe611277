"""Images, documents and sounds as content of a message.

Source: developers.openai.com, pages "Images and vision" and "File inputs"; `response_input_image_param.py`,
`response_input_file_param.py` and `response_input_audio_param.py` of the official SDK (read 2026-11-24).
"""

import base64

from uni_api.canon import Losses, Media
from uni_api.dialects.openai_responses._words import Block

_AUDIO_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}


def needs_bytes(media: Media, /) -> bool:
    """Whether the link in `media` must be fetched: sound, and links that are none of the web."""
    if media.url is None or media.kind == "video":
        return False
    return media.kind == "audio" or not media.url.lower().startswith(("https://", "http://"))


def media_block(media: Media, path: str, losses: Losses) -> Block | None:
    """The content part for `media` without its cache point; None, with a loss, when the API takes no such thing."""
    if media.kind == "image":
        return _image(media, path, losses)
    if media.detail not in (None, "auto"):
        losses.add(f"{path}.detail", "tuning", "only images have a detail")
    if media.kind == "audio":
        return _audio(media, path, losses)
    if media.kind == "video":
        losses.add(path, "meaning", "video is not taken")
        return None
    return _document(media)


def _image(media: Media, path: str, losses: Losses) -> Block:
    out: Block = {"type": "input_image", "detail": media.detail or "auto"}
    if media.file is not None:
        out["file_id"] = media.file.id
    else:
        out["image_url"] = _source(media)
    if media.name is not None:
        losses.add(f"{path}.name", "hint", "images have no file name")
    return out


def _document(media: Media) -> Block:
    if media.file is not None:
        return {"type": "input_file", "file_id": media.file.id}
    if media.url is not None:
        return {"type": "input_file", "file_url": media.url}
    name = media.name or f"document.{(media.mime or 'application/pdf').rpartition('/')[2]}"
    return {"type": "input_file", "filename": name, "file_data": _source(media)}


def _audio(media: Media, path: str, losses: Losses) -> Block | None:
    if media.data is None:
        losses.add(path, "meaning", "sound is sent as bytes only")
        return None
    mime = media.mime or "audio/wav"
    spelt = {"data": _encoded(media.data), "format": _AUDIO_FORMATS.get(mime, mime.rpartition("/")[2])}
    return {"type": "input_audio", "input_audio": spelt}


def _source(media: Media) -> str:
    if media.url is not None:
        return media.url
    return f"data:{media.mime or 'application/octet-stream'};base64,{_encoded(media.data or b'')}"


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
