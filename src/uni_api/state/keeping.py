"""The file in which long windows and spendings outlive the process."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

try:
    import fcntl
except ImportError:  # not on Windows: there, nothing tells two processes with one folder apart
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("uni_api.state")

FILE = "state.json"
EVERY = 3.0
"""Seconds between a change and its being written. A process that is killed forgets no more than these."""

VERSION = 1


class Kept(Struct, frozen=True):
    """What is in the file. Each window is a name, its seconds, times in microseconds since 1970, and amounts."""

    version: int = VERSION
    windows: tuple[tuple[str, float, list[int], list[int]], ...] = ()
    spent: dict[str, int] = {}


_read = msgspec.json.Decoder(Kept).decode


class Keeper:
    """Writes what `content` gives some seconds after the first change, as a whole, outside of the event loop.

    Nothing here fails: what can't be read or written is a warning, told once until it works again. Of processes that
    share a folder, the first one keeps, the others read only.

    told: that there is something new to keep, and it is going to be written.
    """

    def __init__(self, folder: Path, content: Callable[[], Kept], every: float = EVERY) -> None:
        self._path = folder / FILE
        self._content = content
        self._every = every
        self.told = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._lock: int | None = None
        self._complained = False

    def load(self) -> Kept:
        """What the file holds. One that is spoilt is put aside."""
        try:
            kept = _read(self._path.read_bytes())
            if kept.version == VERSION and all(map(_is_sound, kept.windows)):
                return kept
            reason = "its content is not what was written"
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            reason = str(error)
        logger.warning("limits and spendings kept in %s can't be read; counting starts anew: %s", self._path, reason)
        with suppress(OSError):  # else it stays where it is, and is written over
            os.replace(self._path, self._path.with_suffix(".spoilt"))
        return Kept()

    def changed(self) -> None:
        """There is something new to keep."""
        if not self.told:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._start_writing)
            self.told = True

    async def aclose(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.told = False
            self._write(self._content())
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _start_writing(self) -> None:
        self._timer = None
        self.told = False
        if self._writing is not None and not self._writing.done():
            self.changed()  # a slow disk
            return
        content = self._content()
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._write, content)

    def _write(self, content: Kept) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._is_ours():
                self._complain("another process keeps its own there")
                return
            _replace(self._path, msgspec.json.encode(content))
        except OSError as error:
            self._complain(error.strerror or str(error))
        else:
            self._complained = False

    def _is_ours(self) -> bool:
        """Whether no other process keeps its state here. The lock ends with the process, however it ends."""
        if fcntl is None or self._lock is not None:
            return True
        handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        self._lock = handle
        return True

    def _complain(self, reason: str) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("limits and spendings can't be kept in %s; a restart forgets them: %s", self._path, reason)

    def __repr__(self) -> str:
        return f"<Keeper {self._path}>"


def _is_sound(window: tuple[str, float, list[int], list[int]]) -> bool:
    _, seconds, times, amounts = window
    return seconds > 0 and len(times) == len(amounts) and times == sorted(times) and all(each >= 0 for each in amounts)


def _replace(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or what it held before, whenever the power goes."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
