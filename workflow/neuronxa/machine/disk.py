"""The disk: how much is free, and what its refusals mean in words."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from neuronxa.errors import DiskError

#: What libraries that are not written in Python say instead of an `OSError` with a number.
_OTHER_WORDS = {
    "No space left on device": errno.ENOSPC,
    "os error 28": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "os error 122": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "os error 30": errno.EROFS,
}

_AGAIN = "then run the same command again: it goes on from what is finished"
MAKE_SPACE = f"make space (`make gc` lists what can go), {_AGAIN}"
_WORDS = {
    errno.ENOSPC: ("the disk is full", MAKE_SPACE),
    errno.EDQUOT: ("your disk quota is used up", f"make space or ask for more, {_AGAIN}"),
    errno.EROFS: (
        "the file system is mounted read-only",
        f"mount it for writing, or work in another folder, {_AGAIN}",
    ),
    errno.EACCES: ("you have no permission", f"give your user permission there, {_AGAIN}"),
    errno.EPERM: ("the operation is not permitted", f"give your user permission there, {_AGAIN}"),
}


def explain_disk(error: BaseException, *, folder: Path) -> DiskError | None:
    """Say in words that the disk refused, whatever library was writing.

    Parameters
    ----------
    error
        What was raised; its causes are looked at too.
    folder
        Where the job writes, for errors that name no file.

    Returns
    -------
    DiskError or None
        None where the disk is not the reason.
    """
    for one in _chain(error):
        code = _code_of(one)
        if code not in _WORDS:
            continue
        named = getattr(one, "filename", None)
        path = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else None
        reason, remedy = _WORDS[code]
        place = path or folder.absolute()
        full = code in (errno.ENOSPC, errno.EDQUOT)
        told = f"{reason}, {shown(free_bytes(place))} are free" if full else reason
        return DiskError(told, where=str(place), remedy=remedy)
    return None


def require_space(folder: Path, needed: int, *, what: str, least: float = 1.0) -> None:
    """Refuse work that cannot fit, before it begins.

    Parameters
    ----------
    folder
        Where it will be written; need not exist yet.
    needed
        Bytes that it will take, as far as they can be told.
    what
        What needs them, for the message.
    least
        Share of `needed` below which it is refused.

    Raises
    ------
    DiskError
        Less than this share is free.
    """
    free = free_bytes(folder)
    if free < least * needed:
        raise DiskError(
            f"{what} needs about {shown(needed)} more, {shown(free)} are free",
            where=f"the file system of {existing(folder)}",
            remedy=MAKE_SPACE,
        )


def refuse_unwritable(folders: list[Path]) -> None:
    """Refuse folders that cannot be written, before anything runs.

    Parameters
    ----------
    folders
        Where a run writes; of one that is not there yet, the nearest folder above counts.

    Raises
    ------
    DiskError
        One of them, or something that stands in its place.
    """
    for folder in folders:
        place = existing(folder)
        if not place.is_dir():
            raise DiskError(
                "a file stands where a folder is needed", where=str(place), remedy="move it away"
            )
        if os.access(place, os.W_OK | os.X_OK):
            continue
        read_only = os.statvfs(place).f_flag & os.ST_RDONLY
        reason, remedy = _WORDS[errno.EROFS if read_only else errno.EACCES]
        raise DiskError(
            f"{reason}: nothing can be written to {place.resolve()}",
            where=str(folder),
            remedy=remedy,
        )


def existing(path: Path) -> Path:
    """The path, or the nearest one above it that exists."""
    path = path.absolute()
    while path != path.parent:
        try:
            path.stat()
            break
        except OSError:  # missing, or in a folder that may not be looked into
            path = path.parent
    return path


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write where a path is, or would be."""
    return shutil.disk_usage(existing(path)).free


def used_bytes(path: Path) -> int:
    """Bytes that a file or a folder takes on the disk; links are not followed."""
    if not path.is_dir() or path.is_symlink():
        return _blocks(path)
    return _blocks(path) + sum(_blocks(one) for one in path.rglob("*"))


def shown(count: float) -> str:
    """Bytes with a unit, as 1.2 GB."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0  # gone since it was listed: a run may be at work


def _code_of(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    return next((code for words, code in _OTHER_WORDS.items() if words in text), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
