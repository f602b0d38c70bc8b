"""Run Snakemake alone in this folder, after the lock of a killed run is released.

``python -m neuronxa run -- snakemake --cores all --rerun-incomplete``

With a bucket, what another machine has left there is fetched first, and results follow to it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from neuronxa.commands.bucket import LOCK, add_following
from neuronxa.commands.options import add_configs, configurations_of
from neuronxa.errors import NeuronXAError
from neuronxa.stores.lock import writing
from neuronxa.upkeep.owner import release, turn


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_configs(parser)
    parser.add_argument("--bucket", metavar="URL", help="such as s3://lab/runs/one")
    add_following(parser)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="-- command ...")


def run(options: argparse.Namespace) -> int:
    """Become the command, which so keeps the turn until it ends and gets every signal itself."""
    configurations_of(options)  # Snakemake refuses a file that is no YAML in words of its own
    words = options.words[options.words[:1] == ["--"] :]
    if not words:
        raise NeuronXAError("no command to run", remedy="python -m neuronxa run -- snakemake ...")
    with turn(Path()) as handle:
        release(Path())
        if options.bucket:
            _begin_to_follow(options)
        os.set_inheritable(handle, True)
        sys.stdout.flush()
        try:
            os.execvp(words[0], words)
        except OSError as error:
            raise NeuronXAError(f"cannot be run: {error.strerror}", where=words[0]) from None


def _begin_to_follow(options: argparse.Namespace) -> None:
    """Fetch what the bucket has, and start the process that follows this one."""
    from neuronxa.bucket.bucket import Bucket

    with writing(LOCK):
        fetched = Bucket(options.bucket).open(take_over=options.take_over)
    print(f"Results follow to {options.bucket}; {fetched} files were fetched from there.")
    command = [sys.executable, "-m", "neuronxa", "bucket", "follow", options.bucket]
    if options.every is not None:
        command += ["--every", str(options.every)]
    # in a session of its own: what kills the run must not keep its last results from the bucket
    subprocess.Popen([*command, "--process", str(os.getpid())], start_new_session=True)
