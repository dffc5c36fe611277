"""Lists of models kept on disk from one start to the next."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from uni_api.config.plan import Channel

logger = logging.getLogger("uni_api.discovery")

NAME = "models.json"

Lists = dict[str, tuple[str, ...]]

_read = msgspec.json.Decoder(Lists).decode


class Shelf:
    """The file that lists are kept in. `folder` None, or one that can't be used: nothing is kept, and nothing fails."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / NAME if folder is not None else None

    def load(self) -> Lists:
        """What was kept; empty when there is nothing that can be read."""
        if self._path is None:
            return {}
        try:
            return _read(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            logger.info("models kept at %s can't be read: %s", self._path, error)
            return {}

    def save(self, lists: Mapping[str, tuple[str, ...]]) -> None:
        """Keep `lists` in place of what was kept. The file is replaced as a whole."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=NAME)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.encode(lists))
                os.replace(name, self._path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            logger.info("models can't be kept at %s: %s", self._path, error)

    def __repr__(self) -> str:
        return f"<Shelf {self._path or 'nowhere'}>"


def label(channel: Channel) -> str:
    """What a channel's list is kept under: the same for the same host and key, and telling neither."""
    door = channel.doors[0]
    told = hashlib.sha256(f"{channel.provider.name}\n{door.site.base_url}\n".encode("utf-8", "surrogateescape"))
    for name, value in sorted(door.site.options.items()):
        told.update(f"{name}={value}\n".encode("utf-8", "surrogateescape"))
    for secret in door.secrets:
        told.update(secret.digest)
    return told.hexdigest()[:32]


def usual_folder(environ: Mapping[str, str]) -> Path | None:
    """UNI_API_CACHE, else the user's folder for caches; None when there is none."""
    if own := environ.get("UNI_API_CACHE"):
        return Path(own)
    if shared := environ.get("XDG_CACHE_HOME"):
        return Path(shared, "uni-api")
    return Path(home, ".cache", "uni-api") if (home := environ.get("HOME")) else None
