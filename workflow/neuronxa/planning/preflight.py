"""What is asked of the disk before a run begins: that it can be written, and that it suffices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from neuronxa.errors import DiskError
from neuronxa.machine.disk import (
    MAKE_SPACE,
    existing,
    explain_disk,
    free_bytes,
    refuse_unwritable,
    require_space,
    shown,
)
from neuronxa.planning.plan import Plan
from neuronxa.planning.space import Part, parts_of
from neuronxa.stores.sizes import LEAST

#: Less free space than this is a full disk: Snakemake writes small files all the time.
FULL_BYTES = 2**18

#: Where a run writes, below its working directory.
WRITTEN = (".", ".snakemake", "results", "resources")


def check_writable(root: Path = Path()) -> None:
    """Refuse a working directory that cannot be written.

    Raises
    ------
    DiskError
        It, or a folder that runs write to.
    """
    refuse_unwritable([root / name for name in WRITTEN])


def check_space(plan: Plan, *, whole: bool, root: Path = Path()) -> str:
    """Tell how much the run will write, and refuse it if that clearly cannot fit.

    Parameters
    ----------
    plan
        The run.
    whole
        Whether all of it is asked for; of a part the need is not known, so nothing is refused.
    root
        The working directory.

    Returns
    -------
    str
        One line.

    Raises
    ------
    DiskError
        Less is free than the least that it can take.
    """
    parts = parts_of(plan, root)
    if whole:
        for here in file_systems(parts):
            needed = sum(part.to_come for part in here)
            require_space(here[0].folder, needed, what="the run", least=LEAST)
    return told(parts)


class DiskWatch(logging.Handler):
    """Notices when the messages of Snakemake say that the disk had no more space for it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: DiskError | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one message."""
        self.told = self.told or explain_disk(RuntimeError(record.getMessage()), folder=Path())


def tell_if_full(watch: DiskWatch | None = None, *, root: Path = Path()) -> None:
    """Say on the screen that the disk is full, if it is; for the end of a run, however it ended.

    Parameters
    ----------
    watch
        What has listened to the messages of the run: Snakemake gives free what little it had
        written before it ends, so the disk may not look full any more.
    root
        Working directory of the run.
    """
    error = watch.told if watch else None
    if error is None and free_bytes(root) < FULL_BYTES:
        error = DiskError(
            f"the disk is full, {shown(free_bytes(root))} are free",
            where=str(root.absolute()),
            remedy=MAKE_SPACE,
        )
    if error is not None:
        print(f"\nError: {error}", file=sys.stderr)


def told(parts: Sequence[Part]) -> str:
    """One line: what is to come, what is free, and what is not known yet."""
    lines = [
        f"about {shown(sum(part.to_come for part in here))} to come, "
        f"{shown(free_bytes(here[0].folder))} free"
        for here in file_systems(parts)
    ]
    unknown = dict.fromkeys(part.why for part in parts if part.needed is None)
    more = f"; not counted: {'; '.join(unknown)}" if unknown else ""
    return "Disk: " + " | ".join(lines) + more


def file_systems(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts by the file system that they lie on, or will."""
    found: dict[int, list[Part]] = {}
    for part in parts:
        found.setdefault(existing(part.folder).stat().st_dev, []).append(part)
    return list(found.values())
