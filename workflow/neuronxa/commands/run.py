"""Run Snakemake alone in this folder, after the lock of a killed run is released.

``python -m neuronxa run -- snakemake --cores all --rerun-incomplete``
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from neuronxa.commands.options import add_configs, configurations_of
from neuronxa.errors import NeuronXAError
from neuronxa.owner import release, turn


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_configs(parser)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="-- command ...")


def run(options: argparse.Namespace) -> int:
    """Become the command, which so keeps the turn until it ends and gets every signal itself."""
    configurations_of(options)  # Snakemake refuses a file that is no YAML in words of its own
    words = options.words[options.words[:1] == ["--"] :]
    if not words:
        raise NeuronXAError("no command to run", remedy="python -m neuronxa run -- snakemake ...")
    with turn(Path()) as handle:
        release(Path())
        os.set_inheritable(handle, True)
        sys.stdout.flush()
        try:
            os.execvp(words[0], words)
        except OSError as error:
            raise NeuronXAError(f"cannot be run: {error.strerror}", where=words[0]) from None
