"""Control groups with little memory: whoever takes more is really killed by the system."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neuronxa.machine.control_groups import ROOT

#: Where groups are made in version 2 and 1, and the file that holds the limit.
_PLACES = ((ROOT, "memory.max"), (ROOT / "memory", "memory.limit_in_bytes"))


@contextmanager
def small_memory(size: int) -> Iterator[Path]:
    """A new group that may hold some bytes; raises OSError where none can be made."""
    group = _made(size)
    try:
        yield group
    finally:
        while group.is_dir():
            with suppress(OSError):  # those who were killed take a moment to leave it
                group.rmdir()
                break
            time.sleep(0.1)


def within(group: Path, command: list[str]) -> list[str]:
    """The command that runs another one in a group."""
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group), *command]


def cannot_limit() -> str:
    """Why no group with a limit can be made; empty where one can."""
    try:
        with small_memory(2**26):
            return ""
    except OSError as error:
        return str(error)


def _made(size: int) -> Path:
    for root, limit in _PLACES:
        group = root / f"neuronxa-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
        try:
            # a folder that is no control group would take any file
            with (group / limit).open("r+") as stream:
                stream.write(str(size))
        except OSError:
            with suppress(OSError):
                group.rmdir()
            continue
        with suppress(OSError), (group / "memory.swap.max").open("r+") as stream:
            stream.write("0")
        return group
    raise OSError("no control group with a limit can be made here: that needs root")
