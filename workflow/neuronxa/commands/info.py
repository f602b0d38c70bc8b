"""Tell where a store, table or figure comes from: models, texts, settings, versions, commit."""

from __future__ import annotations

import argparse
from pathlib import Path

from neuronxa.upkeep.lineage import describe, lineage_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "path", type=Path, help="a file below results or resources, or the folder of a store"
    )


def run(options: argparse.Namespace) -> int:
    """Print it; always 0."""
    print(describe(lineage_of(options.path)))
    return 0
