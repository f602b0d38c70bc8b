"""Files that are either whole or not there, and their digests."""

from __future__ import annotations

import codecs
import hashlib
import os
import tempfile
from pathlib import Path

from neuronxa.errors import ConfigError


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part.

    The folder is made if it is missing. The data reach the disk before the name does.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if (
            isinstance(error, OSError) and error.errno
        ):  # a full disk is found while writing, which names no file
            error.filename = str(path)
        raise
    _sync_folder(path.parent)


def atomic_write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, line ends as they are, the way `atomic_write_bytes` does."""
    atomic_write_bytes(path, text.encode("utf-8"))


def read_text(path: Path) -> str:
    r"""Read a file that a user has written: UTF-8, with or without a byte order mark.

    Line ends stay as they are.

    Raises
    ------
    ConfigError
        Not UTF-8, NUL characters, or no file that can be read.
    FileNotFoundError
        There is none: only the caller knows what to do then.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # a folder, no permission, a name that no disk takes
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot be read: {reason}", where=str(path), remedy="name a text file"
        ) from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError("UTF-16, not UTF-8", where=str(path), remedy="save the file as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"not UTF-8 at byte {error.start}",
            where=f"{path}, line {line}",
            remedy="save the file as UTF-8",
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError(
            "a NUL character",
            where=f"{path}, line {line}",
            remedy="the file is damaged or not UTF-8: save it as UTF-8, or fetch it again",
        )
    return text


def digest(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    """Read the permissions that new files do without; a temporary file ignores them."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the new name itself last; not every file system lets a folder be synced."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
