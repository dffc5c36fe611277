"""Images: the one kind of medium that messages hold, as a link or a data URL."""

import base64

from uni_api.canon import Losses, Media
from uni_api.dialects.cohere._words import NAME, Wire

_DETAILS = ("auto", "low", "high")


def needs_bytes(media: Media, /) -> bool:
    """True for a link to an image that is none of the web: those of the web are followed."""
    return media.kind == "image" and media.url is not None and not media.url.lower().startswith(("https://", "http://"))


def image_block(media: Media, path: str, losses: Losses) -> Wire | None:
    """The content block of an image, or None with a loss for any other medium and for an image stored elsewhere."""
    if media.cache is not None:
        losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
    if media.kind != "image":
        losses.add(path, "meaning", f"{media.kind} is not taken")
        return None
    if (url := _url(media)) is None:
        losses.add(path, "meaning", "images are taken as links or bytes only")
        return None
    if media.seal is not None:
        losses.add(f"{path}.seal", "hint", "images carry no opaque token")
    if media.name is not None:
        losses.add(f"{path}.name", "tuning", "images have no file name")
    image: Wire = {"url": url}
    if media.detail in _DETAILS:
        image["detail"] = media.detail
    elif media.detail is not None:
        losses.add(f"{path}.detail", "hint", "the resolution of an image is auto, low or high")
    return losses.merge({"type": "image_url", "image_url": image}, media.rest, NAME, path)


def _url(media: Media) -> str | None:
    if media.url is not None:
        return media.url
    if not media.data:
        return None
    return f"data:{media.mime or 'image/png'};base64,{base64.b64encode(media.data).decode('ascii')}"
