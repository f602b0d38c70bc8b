"""Check everything that a results folder holds, and name the commands that repair it.

Every file is compared with the digest that its job has recorded, every chunk of every store and
every file of every snapshot with its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from neuronxa.jobs.job import Progress
from neuronxa.upkeep.damage import find_damage


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "results", nargs="?", type=Path, default=Path("results"), help="default: results"
    )


def run(options: argparse.Namespace) -> int:
    """Print what is damaged; 1 if anything is."""
    found = find_damage(options.results, progress=Progress("checking", unit="files"))
    for error in found.damages:
        print(f"{error}\n")
    for folder in found.unfinished:
        print(f"not finished, so not checked: {folder}")
    if found.unrecorded:
        print(
            f"{len(found.unrecorded)} files have no record to compare them with, for example "
            f"{found.unrecorded[0]}: an older version has made them"
        )
    print(
        f"{found.files} files, {found.stores} snapshots and stores: "
        + (f"{len(found.damages)} damaged" if found.damages else "all whole")
    )
    return 1 if found.damages else 0
