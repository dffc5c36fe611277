"""Images: the one kind of medium that messages hold, as base64 without a type."""

import base64

from uni_api.canon import Losses, Media
from uni_api.dialects.ollama._words import NAME


def needs_bytes(media: Media, /) -> bool:
    """True for a link to an image: the API follows none."""
    return media.kind == "image" and media.data is None and media.url is not None


def write_image(media: Media, path: str, losses: Losses) -> str | None:
    """The image's bytes as base64, or None with a loss for any other medium and for what can't be had as bytes."""
    if media.rest is not None and media.rest.dialect != NAME:
        losses.drop(media.rest, path)
    if media.cache is not None:
        losses.add(f"{path}.cache", "hint", "prompt caching is implicit in the target")
    if media.kind != "image":
        losses.add(path, "meaning", f"{media.kind} is not taken")
        return None
    if not media.data:
        losses.add(path, "meaning", "images are taken as bytes only")
        return None
    if media.seal is not None:
        losses.add(f"{path}.seal", "hint", "images carry no opaque token")
    if media.name is not None:
        losses.add(f"{path}.name", "tuning", "images have no file name")
    if media.detail is not None and media.detail != "auto":
        losses.add(f"{path}.detail", "hint", "image resolution can't be chosen")
    return base64.b64encode(media.data).decode("ascii")
