"""Compare two runs: their settings, their scores, and the decisions that turned.

Another processor rounds otherwise, so a close call may turn. A decision is whether a sentence and
its translation find one another among all others (a hit of mu).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from neuronxa.upkeep.comparison import MEAN_TOLERANCE, TOLERANCE, compare_runs


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("runs", nargs=2, type=Path, metavar="RUN", help="results of a run")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="of one score (default: %(default)s)"
    )
    parser.add_argument(
        "--mean-tolerance",
        type=float,
        default=MEAN_TOLERANCE,
        help="of a mean over layers (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Print the comparison; 1 if the runs differ beyond tolerance."""
    found = compare_runs(
        *options.runs, tolerance=options.tolerance, mean_tolerance=options.mean_tolerance
    )
    for line in found.settings:
        print(line)
    if not found.table.empty:
        print(found.table.to_string(index=False))
    for line in found.problems:
        print(f"beyond tolerance: {line}")
    if not found.problems:
        print("The runs are equal within tolerance.")
    return 1 if found.problems else 0
