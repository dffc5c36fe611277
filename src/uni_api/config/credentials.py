"""Files of credentials: the one that a channel names, or the usual one of its kind of account."""

from collections.abc import Mapping
from pathlib import Path

from uni_api.providers.base import Lacking, Unfit
from uni_api.secret import Secret

MAX_BYTES = 1024 * 1024


def named(path: str, environ: Mapping[str, str]) -> Secret:
    """The content of the file at `path`; `~` stands for the home directory. Raises Unfit when it can't be read."""
    return _read(_under_home(path, environ), f"the credentials file {path}")


def usual(lacking: Lacking, environ: Mapping[str, str]) -> Secret | None:
    """The content of the file in which what is lacking may lie; None where there is no such file.

    Raises Unfit when it can't be read, or when the environment names one that is not there.
    """
    if path := environ.get(lacking.variable, "").strip():
        return _read(Path(path), f"the file {path}, which {lacking.variable} names,")
    home = environ.get("HOME", "")
    file = Path(home, lacking.file)
    return _read(file, f"the credentials file {file}") if home and file.is_file() else None


def _under_home(path: str, environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "")
    return Path(home, path[2:]) if home and path.startswith("~/") else Path(path)


def _read(path: Path, what: str) -> Secret:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unfit("credentials", f"{what} can't be read: {error.strerror}") from None
    except ValueError:
        raise Unfit("credentials", f"{what} has a name that no file can have") from None
    if len(data) > MAX_BYTES:
        raise Unfit("credentials", f"{what} is too large to hold credentials")
    try:
        return Secret(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unfit("credentials", f"{what} is no text") from None
