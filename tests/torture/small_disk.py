"""Small file systems for tests: a tmpfs, or an image on a loop device."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BALLAST = "ballast"


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of some bytes at a folder; raises OSError where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    image = folder.with_name(f"{folder.name}.ext4")
    if not _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)):
        with image.open("wb") as stream:
            stream.truncate(size)
        made = _run("mkfs.ext4", "-q", "-m", "0", str(image))
        if not made or not _run("mount", "-o", "loop", str(image), str(folder)):
            image.unlink()
            raise OSError("no small file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
        image.unlink(missing_ok=True)


def cannot_mount(folder: Path) -> str:
    """Why no small file system can be mounted; empty where one can."""
    if os.geteuid() != 0:
        return "mounting a small file system needs root (`unshare --user --map-root-user --mount`)"
    try:
        with small_disk(folder, 2**20):
            return ""
    except OSError as error:
        return str(error)


def as_root(module: str, arguments: list[str]) -> None:
    """Start a program again in a user namespace of its own, where it may mount."""
    if os.geteuid() != 0 and _run("unshare", "--user", "--map-root-user", "--mount", "true"):
        command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", module]
        os.execvp(command[0], [*command, *arguments])


def fill(folder: Path, leave: int) -> None:
    """Let a file take all space but some bytes, or a little more where others write too."""
    slack = 0
    with (folder / BALLAST).open("wb") as stream:
        while (size := shutil.disk_usage(folder).free - leave - slack) > 0:
            try:
                os.posix_fallocate(stream.fileno(), 0, size)
            except OSError:
                slack += 2 * 4096  # somebody was faster
                continue
            return


def make_space(folder: Path) -> None:
    """Take that file away."""
    (folder / BALLAST).unlink(missing_ok=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The file system at a folder, mounted read-only for a while."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
