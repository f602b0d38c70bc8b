"""Release the lock that a killed run has left behind, once nobody works in the folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from neuronxa.upkeep.owner import release, turn


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), help="working directory of the workflow"
    )


def run(options: argparse.Namespace) -> int:
    """Wait for jobs that live on, then release the lock; refused while a run works there."""
    with turn(options.folder):
        release(options.folder)
    return 0
